//! Broken SQL: whatever is done to a text, reading it ends with an answer that holds together.

use crate::cases;
use libtest_mimic::{Failed, Trial};
use suiro::{
    dialect::Dialect,
    lineage,
    name::RelationName,
    parse::{Problem, Reading, Replacement, read_query},
};

/// How many texts are made of each case, and of how many changes each at most.
const ROUNDS: usize = 12;
const CHANGES: usize = 4;

/// One trial for each dialect; the same texts every time.
pub fn trials() -> Vec<Trial> {
    Dialect::ALL
        .into_iter()
        .map(|dialect| Trial::test(format!("fuzz::{}", dialect.name()), move || run(dialect)))
        .collect()
}

fn run(dialect: Dialect) -> Result<(), Failed> {
    let seeds = cases::texts();
    let mut random = Random(0x5_0170_u64);
    for (index, seed) in seeds.iter().enumerate() {
        for _ in 0..ROUNDS {
            let other = &seeds[random.below(seeds.len())];
            let text = mutate(seed, other, &mut random);
            check(&text, dialect).map_err(|error| format!("{error}\n  in {text:?} (from case {index})"))?;
        }
    }
    Ok(())
}

/// Any answer will do, if it holds together.
fn check(text: &str, dialect: Dialect) -> Result<(), String> {
    // Nothing is asked of its answer but that there is one.
    let _ = lineage::tables(text, "ansi");
    let _ = lineage::trace(text, dialect.name(), None);
    let query = match read_query(text, dialect, None) {
        Ok(query) => query,
        Err(problems) => return places(text, &problems),
    };
    for mention in query.mentions() {
        let name = text.get(mention.range.clone()).ok_or("a mention lies between characters")?;
        if name.is_empty() || mention.parts.is_empty() {
            return Err(format!("{mention:?} names nothing"));
        }
    }
    let same = query.pieces(|_| None).map_err(|problems| format!("nothing replaced, and {problems:?}"))?;
    let same = cases::assemble(&query, &same, |_| String::new());
    if same.replace(';', "") != text.replace(';', "") {
        return Err(format!("nothing replaced, but it became {same:?}"));
    }
    let replaced = |_| Some(Replacement { relation: RelationName::new("core", "orders"), columns: None });
    match query.pieces(replaced) {
        // What sqlparser cannot read may still be no SQL.
        Ok(_) if !matches!(query.reading(), Reading::Tree | Reading::Repaired) => Ok(()),
        Ok(pieces) => {
            let new = cases::assemble(&query, &pieces, |_| "\"new\".\"name\"".to_owned());
            let again = read_query(&new, dialect, None).map_err(|problems| format!("{new:?} has {problems:?}"))?;
            let kept = again.mentions().iter().filter(|mention| mention.parts.len() == 2).count();
            if kept != query.mentions().len() {
                return Err(format!("{} mentions became {kept} in {new:?}", query.mentions().len()));
            }
            Ok(())
        }
        Err(problems) => places(text, &problems),
    }
}

fn places(text: &str, problems: &[Problem]) -> Result<(), String> {
    if problems.is_empty() {
        return Err("refused without a problem".to_owned());
    }
    for problem in problems {
        let place = text.get(problem.range.clone()).ok_or_else(|| format!("{problem:?} lies between characters"))?;
        if place.is_empty() && !text.is_empty() {
            return Err(format!("{problem:?} has no place"));
        }
    }
    Ok(())
}

fn mutate(seed: &str, other: &str, random: &mut Random) -> String {
    const PIECES: [&str; 40] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "$$",
        ";",
        ",",
        ".",
        "*",
        "::",
        ":",
        "--",
        "/*",
        "*/",
        "\\",
        "\r",
        "é",
        "\u{a0}",
        " from ",
        " select ",
        " with ",
        " recursive ",
        " as ",
        " union ",
        " values ",
        " table ",
        " only ",
        " lateral ",
        " join ",
        " on ",
        " using ",
        " order by ",
        " pivot ",
        " core.orders ",
        " E'",
        " U&\"",
    ];
    let mut text: Vec<char> = seed.chars().collect();
    for _ in 0..=random.below(CHANGES) {
        let at = random.below(text.len() + 1);
        match random.below(6) {
            0 => {
                let end = (at + 1 + random.below(8)).min(text.len());
                text.drain(at.min(end)..end);
            }
            1 => {
                let piece = PIECES[random.below(PIECES.len())];
                text.splice(at..at, piece.chars());
            }
            2 => {
                let from = random.below(text.len() + 1).min(at);
                let copy: Vec<char> = text[from..at].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, copy);
            }
            3 => {
                let words: Vec<&str> = other.split_whitespace().collect();
                if let Some(word) = words.get(random.below(words.len() + 1)) {
                    text.splice(at..at, format!(" {word} ").chars());
                }
            }
            4 => text.truncate(at),
            _ => {
                if at + 1 < text.len() {
                    text.swap(at, at + 1);
                }
            }
        }
        if text.len() > 2_000 {
            text.truncate(2_000);
        }
    }
    text.into_iter().collect()
}

/// A small generator of numbers (splitmix64), so that every run makes the same texts.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}
