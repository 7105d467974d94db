//! Tables for people: rows of a query, and the end of a run.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

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

/// A table of text cells that fits `width` columns; cells that are too long are folded.
#[must_use]
pub fn plain(header: &[String], rows: &[Vec<Option<String>>], numeric: &[bool], width: usize) -> String {
    let mut table = bare(width);
    table.set_header(header.iter().enumerate().map(|(index, title)| align(Cell::new(title), numeric, index)));
    for row in rows {
        table.add_row(
            row.iter()
                .enumerate()
                .map(|(index, value)| align(Cell::new(value.as_deref().unwrap_or("NULL")), numeric, index)),
        );
    }
    let mut text = table.to_string();
    text.push('\n');
    text
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
