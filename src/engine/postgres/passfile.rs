//! `.pgpass`: passwords by host, port, database and user.
//!
//! In: the file's text. Out: the password of the first line that fits. Never: a file that others may read.
//! Source: "The Password File" in PostgreSQL's chapter on libpq.

use fs_err as fs;
use std::path::Path;

/// What a password is looked up by.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    pub host: &'a str,
    pub port: u16,
    pub dbname: &'a str,
    pub user: &'a str,
}

/// What became of a password file.
#[derive(Debug, PartialEq, Eq)]
pub enum Passfile {
    /// Its text.
    Text(String),
    /// There is none.
    Missing,
    /// It was left alone, for this reason.
    Ignored(String),
}

/// Reads the file, unless its group or others may, too.
pub fn read(path: &Path) -> Passfile {
    let Ok(metadata) = fs::metadata(path) else { return Passfile::Missing };
    let shown = path.display();
    if !metadata.is_file() {
        return Passfile::Ignored(format!("`{shown}` is not a plain file and was not read for a password"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Passfile::Ignored(format!(
                "`{shown}` was not read for a password because others may read it (mode {mode:04o}): run `chmod 600 {shown}`"
            ));
        }
    }
    match fs::read_to_string(path) {
        Ok(text) => Passfile::Text(text),
        Err(error) => Passfile::Ignored(format!("no password from `{shown}`: {}", error.kind())),
    }
}

/// The password of the first line that fits: `host:port:database:user:password`, each of the first four may be `*`.
pub fn find(text: &str, login: Login<'_>) -> Option<String> {
    let port = login.port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line.strip_suffix('\r').unwrap_or(line);
        for wanted in [login.host, &port, login.dbname, login.user] {
            let (field, tail) = field(rest)?;
            if field != wanted && !rest.starts_with("*:") {
                return None;
            }
            rest = tail;
        }
        let password = unescape(rest);
        (!password.is_empty()).then_some(password)
    })
}

/// The field up to an unescaped `:`, and what follows it.
fn field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = text.find(|character: char| {
        let is_end = character == ':' && !escaped;
        escaped = character == '\\' && !escaped;
        is_end
    })?;
    Some((unescape(&text[..end]), &text[end + 1..]))
}

fn unescape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' { value.extend(characters.next()) } else { value.push(character) }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{Login, Passfile, find, read};

    const LOGIN: Login<'static> = Login { host: "db.example", port: 5432, dbname: "clinic", user: "ann" };

    #[test]
    fn takes_the_first_line_that_fits() {
        for (text, expected) in [
            ("db.example:5432:clinic:ann:one\ndb.example:5432:clinic:ann:two", Some("one")),
            ("# db.example:5432:clinic:ann:no\n*:*:*:ann:star", Some("star")),
            ("db.example:5433:clinic:ann:no\n*:*:*:*:last", Some("last")),
            ("db.example:5432:clinic:bob:no", None),
            ("db.example:5432:clinic:ann:a\\:b\\\\c", Some("a:b\\c")),
            ("db.example:5432:clinic:ann:a:b", Some("a:b")),
            ("db.example:5432:clinic:ann:", None),
            ("db.example:5432:clinic:ann", None),
            ("db.example:5432:cl\\inic:ann:escaped\r", Some("escaped")),
            ("\\*:*:*:*:no", None),
            ("", None),
        ] {
            assert_eq!(find(text, LOGIN).as_deref(), expected, "{text}");
        }
        let login = Login { host: "::1", ..LOGIN };
        assert_eq!(find("\\:\\:1:5432:clinic:ann:six", login).as_deref(), Some("six"));
    }

    #[cfg(unix)]
    #[test]
    fn leaves_a_file_alone_that_others_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        assert_eq!(read(&path), Passfile::Missing);
        fs_err::write(&path, "*:*:*:*:secret").unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(read(&path), Passfile::Text("*:*:*:*:secret".to_owned()));
        for mode in [0o640, 0o604, 0o644] {
            fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let Passfile::Ignored(reason) = read(&path) else { panic!("read with mode {mode:o}") };
            assert!(reason.contains("chmod 600") && !reason.contains("secret"), "{reason}");
        }
        assert!(matches!(read(folder.path()), Passfile::Ignored(_)));
    }
}
