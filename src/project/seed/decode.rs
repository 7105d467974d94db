//! Bytes of a file to UTF-8.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
};

/// How many bytes are read at once.
const BLOCK: usize = 64 * 1024;

/// A byte sequence that the declared encoding does not have.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a byte that is not {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// A stream of UTF-8, without byte order mark. What claims to be UTF-8 already is passed on unchecked.
pub(crate) fn decoded<R: Read + 'static>(input: R, encoding: &'static Encoding) -> io::Result<Box<dyn BufRead>> {
    let mut input = BufReader::with_capacity(BLOCK, input);
    if encoding == UTF_8 {
        if input.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            input.consume(3);
        }
        return Ok(Box::new(input));
    }
    let decoder = encoding.new_decoder_with_bom_removal();
    Ok(Box::new(Decoding { input, decoder, encoding, ready: Vec::new(), at: 0, ended: false, malformed: false }))
}

struct Decoding<R> {
    input: BufReader<R>,
    decoder: Decoder,
    encoding: &'static Encoding,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
    malformed: bool,
}

impl<R: Read> BufRead for Decoding<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.ready.len() && !self.ended {
            // What was decoded before the wrong bytes came first, so that their line is known.
            if self.malformed {
                return Err(io::Error::new(io::ErrorKind::InvalidData, Malformed(self.encoding.name())));
            }
            let block = self.input.fill_buf()?;
            let last = block.is_empty();
            // Three bytes of UTF-8 per byte of input cover every encoding; some more for what the decoder kept back.
            self.ready.resize(block.len() * 3 + 16, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(block, &mut self.ready, last);
            self.ready.truncate(written);
            self.at = 0;
            self.input.consume(read);
            match result {
                DecoderResult::InputEmpty => self.ended = last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.malformed = true,
            }
        }
        Ok(&self.ready[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.ready.len());
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let length = ready.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ready[..length]);
        self.consume(length);
        Ok(length)
    }
}
