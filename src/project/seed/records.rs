//! Comma-separated values, one record at a time.
//!
//! Unlike the usual reader, this one knows whether a value was quoted (an empty value is NULL, a quoted one is the empty
//! string), counts physical lines, and refuses what others guess at. A line ends with LF, CRLF or CR; inside quotes each of them
//! becomes LF, so that a checkout that converts line ends changes nothing.

use super::decode::Malformed;
use std::{
    io::{self, BufRead},
    ops::Range,
};

/// The longest record that is taken for one: beyond it a quote is missing somewhere.
const LONGEST: usize = 64 << 20;

/// Why the records end early.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// A byte that is not of the file's encoding, which is named.
    WrongEncoding { line: u64, encoding: &'static str },
    /// A quote that is never closed, and where it was opened.
    Unterminated { line: u64 },
    /// Text between a closing quote and the next delimiter.
    AfterQuote { line: u64 },
    /// A record that does not seem to end.
    TooLong { line: u64 },
}

/// One record; its memory is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Record {
    text: String,
    values: Vec<Value>,
    /// The physical line on which it starts, from 1.
    pub(crate) line: u64,
}

#[derive(Debug, Clone)]
struct Value {
    range: Range<usize>,
    quoted: bool,
}

impl Record {
    /// How many values it has.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values, each with whether it was quoted.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, bool)> {
        self.values.iter().map(|value| (self.text.get(value.range.clone()).unwrap_or_default(), value.quoted))
    }

    /// Whether the line has nothing on it at all.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.values.as_slice(), [only] if only.range.is_empty() && !only.quoted)
    }
}

/// The records of a stream.
pub(crate) struct Records<R> {
    input: R,
    delimiter: u8,
    quote: Option<u8>,
    /// The line of the next byte.
    line: u64,
    /// Whether the last byte was a CR that ended a line: an LF after it belongs to it.
    after_return: bool,
    ended: bool,
    /// The bytes that mean something outside quotes, and inside.
    special: [bool; 256],
    special_quoted: [bool; 256],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a value.
    Start,
    /// In a value without quotes.
    Bare,
    /// In a value with quotes.
    Quoted,
    /// After a CR in a value with quotes.
    QuotedReturn,
    /// After a quote in a value with quotes: its end, or half of a doubled one.
    Closed,
}

/// What a byte did.
enum Step {
    Continue,
    EndOfRecord,
    Stray,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(input: R, delimiter: u8, quote: Option<u8>) -> Self {
        let table = |bytes: &[Option<u8>]| {
            let mut table = [false; 256];
            bytes.iter().flatten().for_each(|byte| table[usize::from(*byte)] = true);
            table
        };
        let special = table(&[Some(delimiter), Some(b'\n'), Some(b'\r')]);
        let special_quoted = table(&[quote, Some(b'\n'), Some(b'\r')]);
        Self { input, delimiter, quote, line: 1, after_return: false, ended: false, special, special_quoted }
    }

    /// Reads the next record; false at the end.
    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, Broken> {
        record.values.clear();
        if self.ended {
            return Ok(false);
        }
        let mut building = Building {
            bytes: std::mem::take(&mut record.text).into_bytes(),
            values: std::mem::take(&mut record.values),
            start: 0,
            quoted: false,
            state: State::Start,
            opened: self.line,
        };
        building.bytes.clear();
        let mut first = true;
        let complete = loop {
            let line = self.line;
            let buffer = self.input.fill_buf().map_err(|error| broken(error, line))?;
            if buffer.is_empty() {
                self.ended = true;
                break false;
            }
            let mut used = 0;
            let mut step = Step::Continue;
            while let Some((&byte, rest)) = buffer[used..].split_first() {
                // Most bytes mean nothing: they are taken in runs.
                let run = match building.state {
                    State::Bare => run_of(&buffer[used..], &self.special),
                    State::Quoted => run_of(&buffer[used..], &self.special_quoted),
                    State::Start | State::QuotedReturn | State::Closed => 0,
                };
                if run > 0 {
                    building.bytes.extend_from_slice(&buffer[used..used + run]);
                    used += run;
                    continue;
                }
                used = buffer.len() - rest.len();
                if self.after_return {
                    self.after_return = false;
                    if byte == b'\n' {
                        continue;
                    }
                }
                if first {
                    (record.line, first) = (self.line, false);
                }
                self.line +=
                    u64::from(byte == b'\n' && building.state != State::QuotedReturn) + u64::from(byte == b'\r');
                step = building.take(byte, self.delimiter, self.quote, self.line);
                if !matches!(step, Step::Continue) {
                    self.after_return = byte == b'\r';
                    break;
                }
            }
            self.input.consume(used);
            match step {
                Step::Continue if building.bytes.len() > LONGEST => return Err(Broken::TooLong { line: record.line }),
                Step::Continue => {}
                Step::EndOfRecord => break true,
                Step::Stray => return Err(Broken::AfterQuote { line: self.line }),
            }
        };
        if !complete {
            if matches!(building.state, State::Quoted | State::QuotedReturn) {
                return Err(Broken::Unterminated { line: building.opened });
            }
            if first {
                return Ok(false);
            }
            building.end_value();
        }
        record.values = building.values;
        record.text = String::from_utf8(building.bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let lines = before.split(|byte| *byte == b'\n').count() - 1;
            Broken::WrongEncoding { line: record.line + lines as u64, encoding: "UTF-8" }
        })?;
        Ok(true)
    }
}

/// How many bytes at the start are not special.
fn run_of(bytes: &[u8], special: &[bool; 256]) -> usize {
    bytes.iter().position(|byte| special[usize::from(*byte)]).unwrap_or(bytes.len())
}

struct Building {
    bytes: Vec<u8>,
    values: Vec<Value>,
    start: usize,
    quoted: bool,
    state: State,
    /// The line on which the last quote was opened.
    opened: u64,
}

impl Building {
    fn take(&mut self, byte: u8, delimiter: u8, quote: Option<u8>, line: u64) -> Step {
        if self.state == State::QuotedReturn {
            self.state = State::Quoted;
            self.bytes.push(b'\n');
            if byte == b'\n' {
                return Step::Continue;
            }
        }
        match self.state {
            State::Quoted if Some(byte) == quote => self.state = State::Closed,
            State::Quoted if byte == b'\r' => self.state = State::QuotedReturn,
            State::Quoted => self.bytes.push(byte),
            State::Closed if Some(byte) == quote => {
                self.bytes.push(byte);
                self.state = State::Quoted;
            }
            State::Start if Some(byte) == quote => {
                (self.state, self.quoted, self.opened) = (State::Quoted, true, line);
            }
            _ if byte == delimiter => self.end_value(),
            _ if byte == b'\n' || byte == b'\r' => {
                self.end_value();
                return Step::EndOfRecord;
            }
            State::Closed => return Step::Stray,
            State::Start | State::Bare | State::QuotedReturn => {
                self.bytes.push(byte);
                self.state = State::Bare;
            }
        }
        Step::Continue
    }

    fn end_value(&mut self) {
        self.values.push(Value { range: self.start..self.bytes.len(), quoted: self.quoted });
        (self.start, self.quoted, self.state) = (self.bytes.len(), false, State::Start);
    }
}

fn broken(error: io::Error, line: u64) -> Broken {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
        Some(Malformed(encoding)) => Broken::WrongEncoding { line, encoding },
        None => Broken::Unreadable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, Broken> {
        // A buffer of three bytes, so that every state meets the end of a block.
        let mut records = Records::new(io::BufReader::with_capacity(3, text), b',', Some(b'"'));
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.next(&mut record)? {
            let values =
                record.values().map(|(value, quoted)| if quoted { format!("\"{value}\"") } else { value.to_owned() });
            all.push((record.line, values.collect()));
        }
        Ok(all)
    }

    fn lines(text: &str) -> Vec<(u64, String)> {
        all(text.as_bytes()).unwrap().into_iter().map(|(line, values)| (line, values.join("|"))).collect()
    }

    fn expect(text: &str, expected: &[(u64, &str)]) {
        let expected: Vec<(u64, String)> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        assert_eq!(lines(text), expected, "{text:?}");
    }

    #[test]
    fn values_and_lines() {
        expect("a,b\n1,2\n", &[(1, "a|b"), (2, "1|2")]);
        expect("a,b\n1,2", &[(1, "a|b"), (2, "1|2")]);
        expect("a,b\r\n1,2\r\n", &[(1, "a|b"), (2, "1|2")]);
        expect("a,b\r1,2\r", &[(1, "a|b"), (2, "1|2")]);
        expect("a,\n,\n", &[(1, "a|"), (2, "|")]);
        expect("a,", &[(1, "a|")]);
        expect("", &[]);
        expect("\n\nx\n", &[(1, ""), (2, ""), (3, "x")]);
        expect("\r\n\r\nx", &[(1, ""), (2, ""), (3, "x")]);
        expect("\"a\",\"\",\n", &[(1, "\"a\"|\"\"|")]);
        expect("\"a\"\"b\"\n", &[(1, "\"a\"b\"")]);
        expect("5\" pipe,x\n", &[(1, "5\" pipe|x")]);
        expect(" \"a\"\n", &[(1, " \"a\"")]);
        expect("\"a,b\nc\",d\ne,f\n", &[(1, "\"a,b\nc\"|d"), (3, "e|f")]);
        expect("名,\"水\"\n", &[(1, "名|\"水\"")]);
    }

    #[test]
    fn line_ends_inside_quotes_are_one_character() {
        let plain = "a,\"x\ny\"\nb,c\n";
        expect(plain, &[(1, "a|\"x\ny\""), (3, "b|c")]);
        expect(&plain.replace('\n', "\r\n"), &[(1, "a|\"x\ny\""), (3, "b|c")]);
        expect("\"x\r\r\ny\"\nz\n", &[(1, "\"x\n\ny\""), (4, "z")]);
    }

    /// Tables of nasty values, written by another program in every style, come back as they were.
    #[test]
    fn what_another_program_writes_is_read_back() {
        const PARTS: &[&str] = &["a", "\"", ",", "\n", " ", "水", "'", "0", "\"\"", ";"];
        let mut state = 1_u64;
        let mut random = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % limit
        };
        for round in 0..300 {
            let columns = 2 + random(3);
            let table: Vec<Vec<String>> = (0..=random(5))
                .map(|_| (0..columns).map(|_| (0..random(4)).map(|_| PARTS[random(PARTS.len())]).collect()).collect())
                .collect();
            for terminator in [csv::Terminator::CRLF, csv::Terminator::Any(b'\n')] {
                for style in [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always] {
                    let mut writer =
                        csv::WriterBuilder::new().terminator(terminator).quote_style(style).from_writer(Vec::new());
                    for row in &table {
                        writer.write_record(row).unwrap();
                    }
                    let text = writer.into_inner().unwrap();
                    let mut records = Records::new(io::BufReader::with_capacity(7, &*text), b',', Some(b'"'));
                    let mut record = Record::default();
                    for row in &table {
                        assert!(records.next(&mut record).unwrap());
                        let values: Vec<&str> = record.values().map(|(value, _)| value).collect();
                        assert_eq!(values, *row, "round {round}");
                    }
                    assert!(!records.next(&mut record).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_is_broken_is_not_guessed_at() {
        assert!(matches!(all(b"a\n\"b\nc\n"), Err(Broken::Unterminated { line: 2 })));
        assert!(matches!(all(b"a\r\n\"b\r\nc\r\n"), Err(Broken::Unterminated { line: 2 })));
        assert!(matches!(all(b"a,\""), Err(Broken::Unterminated { line: 1 })));
        assert!(matches!(all(b"a\n\"b\"c\n"), Err(Broken::AfterQuote { line: 2 })));
        assert!(matches!(all(b"a\n\"b\" ,c\n"), Err(Broken::AfterQuote { line: 2 })));
        assert!(matches!(all(b"a\nb\n\xE9\n"), Err(Broken::WrongEncoding { line: 3, .. })));
        assert!(matches!(all(b"a\n\"b\n\xE9\"\n"), Err(Broken::WrongEncoding { line: 3, .. })));
    }
}
