//! What suiro printed, without what differs from run to run.

/// The text with times and names of runs taken out, and without spaces at the ends of lines.
pub fn steady(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(times(&moments(&runs(line))).trim_end().to_owned());
    }
    lines.join("\n") + "\n"
}

/// `(run 20261123T112530-4f2a91)` becomes `(run [run])`.
fn runs(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("run 2") {
        let (before, run) = rest.split_at(at + 4);
        let end =
            run.find(|character: char| !character.is_ascii_alphanumeric() && character != '-').unwrap_or(run.len());
        text.push_str(before);
        text.push_str(if end == 22 { "[run]" } else { &run[..end] });
        rest = &run[end..];
    }
    text.push_str(rest);
    text
}

/// `2026-11-23T11:25:30Z` becomes `[moment]`.
fn moments(line: &str) -> String {
    let shape = "dddd-dd-ddTdd:dd:ddZ";
    let is_moment = |text: &str| {
        let fits = |(found, wanted): (char, char)| found == wanted || (wanted == 'd' && found.is_ascii_digit());
        text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits)
    };
    let word = |word: &str| if is_moment(word) { "[moment]".to_owned() } else { word.to_owned() };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// `0.04 s` becomes `[t] s`, and the spaces before it one, since its width moves them.
fn times(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(" s") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let number = before.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        if number.len() < before.len() && !after.starts_with(char::is_alphanumeric) {
            text.push_str(number.trim_end());
            text.push_str(" [t] s");
        } else {
            text.push_str(&rest[..at + 2]);
        }
        rest = after;
    }
    text.push_str(rest);
    text
}
