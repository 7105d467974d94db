//! Connection strings of libpq: URLs and `key=value` pairs, and the parameters that they may have.
//!
//! In: text. Out: parameters by libpq's names. Never: showing the text, which may have a password in it.
//! Source: "Connection Strings" and "Parameter Key Words" in PostgreSQL's chapter on libpq.

use std::collections::BTreeMap;

/// Parameters by libpq's names.
pub type Parameters = BTreeMap<String, String>;

/// A parameter: libpq's name, the environment variable that it can come from, what suiro does with it.
pub struct Parameter {
    pub name: &'static str,
    pub variable: Option<&'static str>,
    pub treatment: Treatment,
}

/// What suiro does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Follows it.
    Follow,
    /// Does without: it changes nothing about where the connection goes or how safe it is.
    Ignore,
    /// Refuses it unless it has one of these values, which ask for what suiro does anyway.
    Refuse(&'static [&'static str]),
}

const fn parameter(name: &'static str, variable: Option<&'static str>, treatment: Treatment) -> Parameter {
    Parameter { name, variable, treatment }
}

/// Every parameter that libpq 17 knows.
pub const PARAMETERS: &[Parameter] = {
    use Treatment::{Follow, Ignore, Refuse};
    &[
        parameter("application_name", Some("PGAPPNAME"), Follow),
        parameter("channel_binding", Some("PGCHANNELBINDING"), Follow),
        parameter("client_encoding", Some("PGCLIENTENCODING"), Ignore),
        parameter("connect_timeout", Some("PGCONNECT_TIMEOUT"), Follow),
        parameter("dbname", Some("PGDATABASE"), Follow),
        parameter("fallback_application_name", None, Ignore),
        parameter("gssdelegation", Some("PGGSSDELEGATION"), Refuse(&["0"])),
        parameter("gssencmode", Some("PGGSSENCMODE"), Refuse(&["disable", "prefer"])),
        parameter("gsslib", Some("PGGSSLIB"), Ignore),
        parameter("host", Some("PGHOST"), Follow),
        parameter("hostaddr", Some("PGHOSTADDR"), Follow),
        parameter("keepalives", None, Follow),
        parameter("keepalives_count", None, Follow),
        parameter("keepalives_idle", None, Follow),
        parameter("keepalives_interval", None, Follow),
        parameter("krbsrvname", Some("PGKRBSRVNAME"), Ignore),
        parameter("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Refuse(&["disable"])),
        parameter("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), Ignore),
        parameter("min_protocol_version", Some("PGMINPROTOCOLVERSION"), Refuse(&["3.0"])),
        parameter("options", Some("PGOPTIONS"), Follow),
        parameter("passfile", Some("PGPASSFILE"), Follow),
        parameter("password", Some("PGPASSWORD"), Follow),
        parameter("port", Some("PGPORT"), Follow),
        parameter("replication", None, Refuse(&["false", "off", "no", "0"])),
        parameter("require_auth", Some("PGREQUIREAUTH"), Refuse(&[])),
        parameter("requirepeer", Some("PGREQUIREPEER"), Refuse(&[])),
        parameter("service", Some("PGSERVICE"), Follow),
        parameter("servicefile", Some("PGSERVICEFILE"), Follow),
        parameter("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), Refuse(&["TLSv1.3"])),
        parameter(
            "ssl_min_protocol_version",
            Some("PGSSLMINPROTOCOLVERSION"),
            Refuse(&["TLSv1", "TLSv1.1", "TLSv1.2"]),
        ),
        parameter("sslcert", Some("PGSSLCERT"), Follow),
        parameter("sslcertmode", Some("PGSSLCERTMODE"), Refuse(&["allow"])),
        parameter("sslcompression", Some("PGSSLCOMPRESSION"), Ignore),
        parameter("sslcrl", Some("PGSSLCRL"), Refuse(&[])),
        parameter("sslcrldir", Some("PGSSLCRLDIR"), Refuse(&[])),
        parameter("sslkey", Some("PGSSLKEY"), Follow),
        parameter("sslkeylogfile", None, Ignore),
        parameter("sslmode", Some("PGSSLMODE"), Follow),
        parameter("sslnegotiation", Some("PGSSLNEGOTIATION"), Refuse(&["postgres"])),
        parameter("sslpassword", None, Refuse(&[])),
        parameter("sslrootcert", Some("PGSSLROOTCERT"), Follow),
        parameter("sslsni", Some("PGSSLSNI"), Refuse(&["1"])),
        parameter("target_session_attrs", Some("PGTARGETSESSIONATTRS"), Follow),
        parameter("tcp_user_timeout", None, Follow),
        parameter("user", Some("PGUSER"), Follow),
    ]
};

/// Why a connection string cannot be read; never has its text, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("a `%` in it is not followed by two hexadecimal digits")]
    Percent,
    #[error("it is not UTF-8 where `%` is resolved")]
    NotUtf8,
    #[error("a `[` in it is never closed")]
    Bracket,
    #[error("a quote in it is never closed")]
    Quote,
    #[error("the parameter `{0}` in it has no `=`")]
    NoValue(String),
    #[error("it has a parameter that does not exist: `{0}`")]
    Unknown(String),
}

/// Reads `postgres://…`, `postgresql://…` or `key=value …`.
pub fn parse(text: &str) -> Result<Parameters, Unreadable> {
    let url = ["postgresql://", "postgres://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let parameters = match url {
        Some(rest) => parse_url(rest)?,
        None => parse_pairs(text)?,
    };
    match parameters.keys().find(|name| !PARAMETERS.iter().any(|known| known.name == name.as_str())) {
        // A password with a space and a `=` in it, not quoted, would look like one more parameter.
        Some(_) if url.is_none() && parameters.contains_key("password") => Err(Unreadable::Unknown("…".to_owned())),
        Some(unknown) => Err(Unreadable::Unknown(unknown.clone())),
        None => Ok(parameters),
    }
}

/// `[user[:password]@][host][:port][,…][/dbname][?name=value[&…]]`
fn parse_url(rest: &str) -> Result<Parameters, Unreadable> {
    let mut parameters = Parameters::new();
    let mut put = |name: &str, value: &str| -> Result<(), Unreadable> {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), decode(value)?);
        }
        Ok(())
    };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, dbname) = rest.split_once('/').map_or((rest, ""), |(authority, dbname)| (authority, dbname));
    let (login, hosts) = authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    put("user", user)?;
    put("password", password)?;
    put("dbname", dbname)?;
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(bracketed) => {
                let (name, port) = bracketed.split_once(']').ok_or(Unreadable::Bracket)?;
                (name, port.strip_prefix(':').unwrap_or(port))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(port);
    }
    put("host", names.join(",").trim_matches(','))?;
    if ports.iter().any(|port| !port.is_empty()) {
        put("port", &ports.join(","))?;
    }
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Unreadable::NoValue(pair.to_owned()));
        };
        // What JDBC writes, and libpq takes.
        let (name, value) = if (name, value) == ("ssl", "true") { ("sslmode", "require") } else { (name, value) };
        put(&decode(name)?, value)?;
    }
    Ok(parameters)
}

/// `name = value name = 'quoted \'value\''`
fn parse_pairs(text: &str) -> Result<Parameters, Unreadable> {
    let mut parameters = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_end = rest.find(|character: char| character == '=' || character.is_whitespace()).unwrap_or(rest.len());
        let name = &rest[..name_end];
        let Some(after) = rest[name_end..].trim_start().strip_prefix('=') else {
            // A word alone may be anything, a password too: say only that something is missing.
            let known = PARAMETERS.iter().any(|parameter| parameter.name == name);
            return Err(Unreadable::NoValue(if known { name.to_owned() } else { "…".to_owned() }));
        };
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('\'') {
            Some(quoted) => unescape(quoted, |character| character == '\'').ok_or(Unreadable::Quote)?,
            None => unescape(after, char::is_whitespace).unwrap_or_else(|| (unescape_all(after), "")),
        };
        if !value.is_empty() {
            parameters.insert(name.to_owned(), value);
        }
        rest = tail.trim_start();
    }
    Ok(parameters)
}

/// The text up to an unescaped end character, with `\x` resolved, and what follows that character.
fn unescape(text: &str, is_end: impl Fn(char) -> bool) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if is_end(character) {
            return Some((value, &text[at + character.len_utf8()..]));
        }
        if character == '\\' {
            value.extend(characters.next().map(|(_, escaped)| escaped));
        } else {
            value.push(character);
        }
    }
    None
}

fn unescape_all(text: &str) -> String {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' { value.extend(characters.next()) } else { value.push(character) }
    }
    value
}

/// `%20` and the like resolved.
fn decode(text: &str) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digit = |at: usize| {
                let digit = char::from(*tail.get(at)?).to_digit(16)?;
                u8::try_from(digit).ok()
            };
            let (high, low) = digit(0).zip(digit(1)).ok_or(Unreadable::Percent)?;
            bytes.push(high * 16 + low);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::{PARAMETERS, Unreadable, parse};

    fn parsed(text: &str) -> String {
        match parse(text) {
            Ok(parameters) => {
                parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn reads_urls_as_libpq_does() {
        for (url, expected) in [
            ("postgresql://", ""),
            ("postgres://localhost", "host=localhost"),
            ("postgresql://localhost:5433", "host=localhost port=5433"),
            ("postgresql://localhost/mydb", "dbname=mydb host=localhost"),
            ("postgresql://user@localhost", "host=localhost user=user"),
            ("postgresql://user:secret@localhost", "host=localhost password=secret user=user"),
            ("postgresql://u%40x:p%2Fw%25@h/d%20b", "dbname=d b host=h password=p/w% user=u@x"),
            ("postgresql://user:p@ss@host", "host=host password=p@ss user=user"),
            (
                "postgresql://h1:123,h2:456/d?sslmode=verify-full",
                "dbname=d host=h1,h2 port=123,456 sslmode=verify-full",
            ),
            ("postgresql://h1,h2:456", "host=h1,h2 port=,456"),
            ("postgresql:///mydb?host=localhost&port=5433", "dbname=mydb host=localhost port=5433"),
            ("postgresql://[2001:db8::1234]:99/database", "dbname=database host=2001:db8::1234 port=99"),
            ("postgresql://%2Fvar%2Frun%2Fpostgresql/d", "dbname=d host=/var/run/postgresql"),
            ("postgresql:///d?host=/tmp", "dbname=d host=/tmp"),
            ("postgresql://h?ssl=true", "host=h sslmode=require"),
            ("postgresql://h?sslmode=", "host=h"),
            ("postgresql://h?nosuch=1", "Unknown(\"nosuch\")"),
            ("postgresql://h?sslmode", "NoValue(\"sslmode\")"),
            ("postgresql://[::1", "Bracket"),
            ("postgresql://h%zz", "Percent"),
            ("postgresql://h%e", "Percent"),
            ("postgresql://h%ff", "NotUtf8"),
        ] {
            assert_eq!(parsed(url), expected, "{url}");
        }
    }

    #[test]
    fn reads_pairs_as_libpq_does() {
        for (text, expected) in [
            ("host=localhost port = 5433", "host=localhost port=5433"),
            ("password='a b\\'c\\\\' user=x", "password=a b'c\\ user=x"),
            ("password=a\\ b dbname=d", "dbname=d password=a b"),
            ("password='' host=h", "host=h"),
            ("host", "NoValue(\"host\")"),
            ("s3cret", "NoValue(\"…\")"),
            ("host='x", "Quote"),
            ("nosuch=1", "Unknown(\"nosuch\")"),
            ("", ""),
            ("host=", ""),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_never_shows_the_password() {
        for text in [
            "postgresql://u:s3cret@[::1",
            "password=s3cret host='x",
            "password = s3cret bad",
            "password=my s3cret=x",
            "u:s3cret@host",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert_eq!(parse("nosuch=s3cret").unwrap_err(), Unreadable::Unknown("nosuch".to_owned()));
    }

    #[test]
    fn parameters_are_sorted_and_unique() {
        assert!(PARAMETERS.is_sorted_by(|left, right| left.name < right.name));
    }
}
