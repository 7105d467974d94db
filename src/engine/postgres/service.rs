//! `pg_service.conf`: named sets of connection parameters.
//!
//! In: the file's text and a name. Out: parameters. Source: "The Connection Service File" in PostgreSQL's chapter on
//! libpq.

use super::conninfo::{PARAMETERS, Parameters};

/// The parameters of `[name]`, if the file has that section; or the number of the line that cannot be read.
pub fn find(text: &str, name: &str) -> Result<Option<Parameters>, usize> {
    let mut found: Option<Parameters> = None;
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if inside {
                break;
            }
            inside = section.strip_suffix(']') == Some(name);
            if inside {
                found = Some(Parameters::new());
            }
        } else if let Some(parameters) = found.as_mut().filter(|_| inside) {
            let (key, value) = line.split_once('=').ok_or(index + 1)?;
            let (key, value) = (key.trim(), value.trim());
            if key == "service" || !PARAMETERS.iter().any(|known| known.name == key) {
                return Err(index + 1);
            }
            if !value.is_empty() {
                // The first one counts, as in libpq.
                parameters.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::find;

    const FILE: &str = "# comment\n[other]\nhost=elsewhere\n\n[clinic]\nhost=db.example\nport = 5433\nhost=second\n# x\nuser=ann\n[later]\nnosuch=1\n";

    #[test]
    fn reads_one_section() {
        let parameters = find(FILE, "clinic").unwrap().unwrap();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["host=db.example", "port=5433", "user=ann"]);
        assert_eq!(find(FILE, "missing").unwrap(), None);
        assert_eq!(find(FILE, "later").unwrap_err(), 12);
        assert_eq!(find("[a]\nservice=b", "a").unwrap_err(), 2);
        assert_eq!(find("[a]\nhost", "a").unwrap_err(), 2);
        assert_eq!(find("", "a").unwrap(), None);
    }
}
