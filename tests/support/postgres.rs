pub const MARKER: u8 = 0;
