//! Tables for people: rows of a query, and the end of a run.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A line below the header and nothing else: what is copied from it stays readable.
pub const PRESET: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table of that width.
#[must_use]
pub fn bare(width: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(PRESET)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table
}

/// What comfy-table writes around a cell: a space on each side, and one between two columns.
const AROUND: usize = 3;

/// A table of text cells that fits `width` columns. Cells that are too long are folded between words; where there is
/// not even room for the longest word of each column, each row becomes a record with a line for each column.
#[must_use]
pub fn plain(header: &[String], rows: &[Vec<Option<String>>], numeric: &[bool], width: usize) -> String {
    let needed: Vec<usize> = (0..header.len())
        .map(|index| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|value| shown(value.as_deref()));
            cells.chain([header[index].as_str()]).map(longest_word).max().unwrap_or_default()
        })
        .collect();
    let room: usize = needed.iter().map(|word| word + AROUND).sum();
    if room > width {
        return records(header, rows, width);
    }
    let mut table = bare(width);
    table.set_header(header.iter().enumerate().map(|(index, title)| align(Cell::new(title), numeric, index)));
    for row in rows {
        table.add_row(
            row.iter().enumerate().map(|(index, value)| align(Cell::new(shown(value.as_deref())), numeric, index)),
        );
    }
    keep_words(&mut table, &needed);
    let mut text = table.to_string();
    text.push('\n');
    text
}

/// Lines of cells, one below the other; a cell that is empty in all of them takes no room.
#[must_use]
pub fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for (cell, width) in line.iter().zip(&widths).filter(|(_, width)| **width > 0) {
            written.push_str(cell);
            written.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

/// So many rows, in words.
#[must_use]
pub fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// Each row by itself: a line with its number, then its columns one below the other.
fn records(header: &[String], rows: &[Vec<Option<String>>], width: usize) -> String {
    let names = header.iter().map(|name| name.width()).max().unwrap_or_default();
    let longest_name = header.iter().map(|name| longest_word(name)).max().unwrap_or_default();
    // Names stay whole unless they would take the room of the values.
    let names = if names * 2 > width { longest_name } else { names };
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let title = format!("─ row {} ", number + 1);
        text.push_str(&title);
        text.push_str(&"─".repeat(width.min(40).saturating_sub(title.width())));
        text.push('\n');
        let mut table = bare(width);
        for (name, value) in header.iter().zip(row) {
            table.add_row([Cell::new(name), Cell::new(shown(value.as_deref()))]);
        }
        keep_words(&mut table, &[names]);
        for line in table.to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Columns are at least that wide inside.
fn keep_words(table: &mut Table, needed: &[usize]) {
    for (index, width) in needed.iter().enumerate() {
        if let (Some(column), Ok(width)) = (table.column_mut(index), u16::try_from(*width)) {
            let all = width.saturating_add(column.padding_width());
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(all)));
        }
    }
}

fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("NULL")
}

/// How wide the longest part of a text is that folding would tear. Characters as wide as kanji stand for themselves: such
/// a text has no spaces, and is folded anywhere.
fn longest_word(text: &str) -> usize {
    let parts =
        text.split(|character: char| character.is_whitespace() || character.width().is_some_and(|wide| wide > 1));
    let narrow = parts.map(UnicodeWidthStr::width).max().unwrap_or_default();
    narrow.max(if text.chars().any(|character| character.width().is_some_and(|wide| wide > 1)) { 2 } else { 0 })
}

fn align(cell: Cell, numeric: &[bool], index: usize) -> Cell {
    if numeric.get(index).copied().unwrap_or(false) { cell.set_alignment(CellAlignment::Right) } else { cell }
}

/// Whether a type of the engine's is one of numbers, which stand on the right.
#[must_use]
pub fn is_numeric(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ["int", "numeric", "decimal", "double", "float", "real", "oid"].iter().any(|part| word.contains(part))
        && !word.contains("interval")
        && !word.contains('[')
        && !word.contains("point")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rows: &[&[&str]], header: &[&str], width: usize) -> String {
        let owned = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows: Vec<Vec<Option<String>>> =
            rows.iter().map(|row| owned(row).into_iter().map(Some).collect()).collect();
        plain(&owned(header), &rows, &vec![false; header.len()], width)
    }

    #[test]
    fn what_fits_is_one_line_a_row() {
        assert_eq!(text(&[&["1", "a pear"]], &["id", "name"], 40), " id   name   \n─────────────\n 1    a pear \n");
    }

    #[test]
    fn words_stay_whole_where_there_is_room_for_them() {
        let row = ["the quick brown fox jumps over the lazy dog", "2026-01-31T12:30:00", "supercalifragilistic"];
        for width in 48..90 {
            let printed = text(&[&row], &["sentence", "time", "word"], width);
            for word in ["quick", "jumps", "2026-01-31T12:30:00", "supercalifragilistic", "sentence"] {
                assert!(printed.contains(word), "{width}\n{printed}");
            }
            assert!(printed.lines().all(|line| line.width() <= width), "{width}\n{printed}");
        }
    }

    #[test]
    fn rows_that_are_too_wide_become_records() {
        let header: Vec<String> = (0..12).map(|index| format!("column_number_{index}")).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let values = ["りんご"; 12];
        let printed = text(&[&values, &values], &header, 80);
        assert!(printed.starts_with("─ row 1 ───"), "{printed}");
        assert!(printed.contains("\n column_number_11   りんご\n─ row 2 ─"), "{printed}");
        assert!(printed.lines().all(|line| line.width() <= 80), "{printed}");
    }

    #[test]
    fn kanji_are_folded_anywhere() {
        let printed = text(&[&["水路は農業のためにある", "x"]], &["名", "k"], 20);
        assert!(printed.lines().count() > 3 && !printed.contains("row 1"), "{printed}");
    }
}
