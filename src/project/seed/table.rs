//! A small table whose text is in memory already.

use super::records::{Broken, Record, Records};

/// The header, and each row with the physical line on which it starts.
pub(crate) type Table = (Vec<String>, Vec<(u64, Vec<Option<String>>)>);

/// Reads comma-separated values; an empty value without quotes is none. An error is a line, from 1, and what is wrong
/// with it.
pub(crate) fn read_table(text: &str) -> Result<Table, (u64, String)> {
    let mut records = Records::new(text.as_bytes(), b',', Some(b'"'));
    let mut record = Record::default();
    let mut header: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    while records.next(&mut record).map_err(|broken| reason(&broken))? {
        if record.is_blank() {
            continue;
        }
        if header.is_empty() {
            header = record.values().map(|(value, _)| value.trim().to_owned()).collect();
            for (index, name) in header.iter().enumerate() {
                if name.is_empty() || header.iter().take(index).any(|other| other == name) {
                    let fault = if name.is_empty() { "is empty" } else { "stands there twice" };
                    return Err((record.line, format!("the name of column {} {fault}", index + 1)));
                }
            }
            continue;
        }
        if record.len() != header.len() {
            let message = format!("this line has {} values, and the header has {}", record.len(), header.len());
            return Err((record.line, message));
        }
        let value = |(value, quoted): (&str, bool)| (quoted || !value.is_empty()).then(|| value.to_owned());
        rows.push((record.line, record.values().map(value).collect()));
    }
    Ok((header, rows))
}

fn reason(broken: &Broken) -> (u64, String) {
    match broken {
        Broken::Unreadable(error) => (1, format!("it cannot be read: {error}")),
        Broken::WrongEncoding { line, encoding } => (*line, format!("this is not {encoding}")),
        Broken::Unterminated { line } => (*line, "the quote that is opened here is never closed".to_owned()),
        Broken::AfterQuote { line } => (*line, "there is text between a closing quote and the next comma".to_owned()),
        Broken::TooLong { line } => (*line, "this line does not seem to end".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::read_table;

    #[test]
    fn reads_rows_or_says_which_line_is_wrong() {
        let (header, rows) = read_table("name,rate\r\nde,0.19\n\n\"a,b\",\n,\"\"\n").unwrap();
        assert_eq!(header, ["name", "rate"]);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [(2, vec![some("de"), some("0.19")]), (4, vec![some("a,b"), None]), (5, vec![None, some("")])]
        );
        for (text, line) in [("a,a\n", 1), ("a,\n", 1), ("a,b\n1,2\n3\n", 3), ("a\n\"x\n", 2), ("a\n\"x\"y\n", 2)] {
            assert_eq!(read_table(text).unwrap_err().0, line, "{text}");
        }
        assert_eq!(read_table("").unwrap(), (Vec::new(), Vec::new()));
    }
}
