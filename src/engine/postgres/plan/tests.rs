use super::{Host, Plan, PostgresOptions, Roots, SslMode};
use crate::engine::EngineError;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

fn resolve(options: &PostgresOptions, environment: &[(&str, &str)]) -> Result<Plan, EngineError> {
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    Plan::resolve(options, &|name| environment.get(name).map(|value| (*value).to_owned()))
}

fn plan(options: &PostgresOptions, environment: &[(&str, &str)]) -> Plan {
    resolve(options, environment).unwrap_or_else(|error| panic!("{error}"))
}

fn given(host: &str) -> PostgresOptions {
    PostgresOptions { host: Some(host.to_owned()), ..PostgresOptions::default() }
}

fn url(url: &str) -> PostgresOptions {
    PostgresOptions { url: Some(url.to_owned()), ..PostgresOptions::default() }
}

fn private(path: &std::path::Path, text: &str) {
    fs_err::write(path, text).unwrap();
    #[cfg(unix)]
    fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn the_closest_source_wins() {
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("services");
    fs_err::write(&services, "[clinic]\nhost=service\nport=3\nuser=service\ndbname=service\n").unwrap();
    let mut options = url("postgresql://url@url:2/?service=clinic");
    options.host = Some("written".to_owned());
    options.user = Some(String::new());
    let services = services.display().to_string();
    let environment = [
        ("PGSERVICEFILE", services.as_str()),
        ("PGHOST", "environment"),
        ("PGPORT", "4"),
        ("PGUSER", "environment"),
        ("PGDATABASE", "environment"),
        ("PGAPPNAME", "environment"),
        ("PGSSLMODE", "disable"),
        ("PGPASSWORD", "environment"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGOPTIONS", "-c geqo=off"),
    ];
    let plan = plan(&options, &environment);
    assert_eq!(plan.place(), "url@written:2/service");
    assert_eq!(plan.application_name.as_deref(), Some("environment"));
    assert_eq!(plan.ssl_mode, SslMode::Disable);
    assert_eq!(plan.endpoints[0].password.as_deref(), Some("environment"));
    assert_eq!(plan.connect_timeout, Some(Duration::from_secs(7)));
    assert_eq!(plan.options.as_deref(), Some("-c geqo=off"));
}

#[test]
fn defaults_are_those_of_libpq() {
    let plan = plan(&given("h"), &[]);
    assert_eq!(plan.place(), "h:5432");
    assert_eq!((plan.ssl_mode, plan.roots), (SslMode::Prefer, Roots::None));
    assert_eq!(plan.connect_timeout, Some(Duration::from_secs(10)));
    assert!(plan.keepalives.is_some());
}

#[test]
fn several_hosts_have_their_ports() {
    let plan = plan(&url("postgresql://a:1,[::1]:2,c/d"), &[]);
    let places: Vec<String> = plan.endpoints.iter().map(super::Endpoint::place).collect();
    assert_eq!(places, ["a:1", "[::1]:2", "c:5432"]);
    let error = resolve(&url("host=a,b port=1,2,3"), &[]).err().unwrap();
    assert_eq!(error.message, "3 ports for 2 hosts");
}

#[test]
fn a_folder_is_a_socket_and_an_address_needs_no_name() {
    assert_eq!(plan(&given("/tmp/x"), &[]).endpoints[0].host, Host::Socket(PathBuf::from("/tmp/x")));
    let endpoint = &plan(&url("hostaddr=10.0.0.1"), &[]).endpoints[0];
    assert_eq!(endpoint.host, Host::Name("10.0.0.1".to_owned()));
    assert_eq!(endpoint.address, Some([10, 0, 0, 1].into()));
    // An address from the environment does not belong to a host that the target names.
    assert_eq!(plan(&given("h"), &[("PGHOSTADDR", "10.0.0.1")]).endpoints[0].address, None);
}

#[test]
fn passwords_come_from_the_file_for_each_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".pgpass");
    private(&path, "a:1:d:ann:one\nb:2:d:ann:two\n*:*:*:os:three\n");
    let home = folder.path().display().to_string();
    let both = plan(&url("host=a,b port=1,2 user=ann dbname=d"), &[("HOME", &home)]);
    let passwords: Vec<_> = both.endpoints.iter().map(|endpoint| endpoint.password.as_deref()).collect();
    assert_eq!(passwords, [Some("one"), Some("two")]);
    let by_system_user = plan(&given("x"), &[("HOME", &home), ("USER", "os")]);
    assert_eq!(by_system_user.endpoints[0].password.as_deref(), Some("three"));
    let written = plan(&url("host=a port=1 user=ann dbname=d password=own"), &[("HOME", &home)]);
    assert_eq!(written.endpoints[0].password.as_deref(), Some("own"));
    let elsewhere = folder.path().join("other");
    private(&elsewhere, "localhost:*:*:*:four");
    let elsewhere = elsewhere.display().to_string();
    let socket = plan(&url("host=/tmp user=x"), &[("PGPASSFILE", &elsewhere), ("HOME", &home)]);
    assert_eq!(socket.endpoints[0].password.as_deref(), Some("four"));
}

#[cfg(unix)]
#[test]
fn a_password_file_that_others_may_read_is_named_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".pgpass");
    fs_err::write(&path, "*:*:*:*:secret").unwrap();
    fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let plan = plan(&url("host=a user=ann"), &[("HOME", &folder.path().display().to_string())]);
    assert_eq!(plan.endpoints[0].password, None);
    assert!(plan.notes[0].contains("0644"), "{:?}", plan.notes);
}

#[test]
fn certificates_follow_the_rules_of_libpq() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    let mode = |mode: &str, root: &str| {
        let options =
            PostgresOptions { sslmode: Some(mode.to_owned()), sslrootcert: Some(root.to_owned()), ..given("h") };
        resolve(&options, &[("HOME", &home)]).map(|plan| plan.roots)
    };
    assert!(mode("verify-full", "").is_err());
    assert!(mode("verify-ca", "/does/not/exist").is_err());
    assert_eq!(mode("require", "/does/not/exist").unwrap(), Roots::None);
    assert_eq!(mode("verify-full", "system").unwrap(), Roots::System);
    assert!(mode("require", "system").is_err());
    let default = folder.path().join(".postgresql/root.crt");
    fs_err::create_dir(folder.path().join(".postgresql")).unwrap();
    fs_err::write(&default, "").unwrap();
    assert_eq!(mode("require", "").unwrap(), Roots::File(default.clone()));
    assert_eq!(mode("verify-full", "").unwrap(), Roots::File(default));
    assert_eq!(plan(&given("/tmp"), &[("PGSSLMODE", "verify-full")]).roots, Roots::None);
}

#[test]
fn wrong_settings_say_what_is_right() {
    for (options, environment, message) in [
        (PostgresOptions { sslmode: Some("on".to_owned()), ..given("h") }, vec![], "`on` is no value of `sslmode`"),
        (
            PostgresOptions { port: Some("x".to_owned()), ..given("h") },
            vec![],
            "`x` is not a number that `port` can have",
        ),
        (
            PostgresOptions { port: Some("70000".to_owned()), ..given("h") },
            vec![],
            "`70000` is not a number that `port` can have",
        ),
        (given("h"), vec![("PGSERVICE", "nowhere")], "the service `nowhere` is in no service file"),
        (
            given("h"),
            vec![("PGREQUIREAUTH", "scram-sha-256")],
            "suiro does not support the connection parameter `require_auth`",
        ),
        (
            url("postgresql://u:s3cret@h/?sslmod=require"),
            vec![],
            "`url` cannot be read: it has a parameter that does not exist: `sslmod`",
        ),
    ] {
        let environment: Vec<(&str, &str)> = environment;
        let error = resolve(&options, &environment).err().unwrap();
        assert_eq!(error.message, message);
        assert_eq!(error.code.id, "E0507");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
    let error = resolve(&url("postgresql://h/?sslmod=require"), &[]).err().unwrap();
    assert_eq!(error.help.as_deref(), Some("did you mean `sslmode`?"));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let mut options = url("postgresql://u:s3cret@h");
    options.password = Some("s3cret".to_owned());
    assert!(!format!("{options:?}").contains("s3cret"));
}

#[test]
fn empty_values_count_as_missing() {
    let options = PostgresOptions { port: Some(String::new()), password: Some(String::new()), ..given("h") };
    let plan = plan(&options, &[("PGPORT", "1"), ("PGPASSWORD", ""), ("PGUSER", "")]);
    assert_eq!(plan.place(), "h:1");
    assert_eq!(plan.endpoints[0].password, None);
}
