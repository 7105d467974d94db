//! Room on the stack for syntax trees.
//!
//! A chain of operators makes a tree as deep as it is long. sqlparser grows its stack while it parses and walks, but
//! not while a tree is dropped, so long texts are worked on where the stack is long enough.

/// Texts of so many tokens fit any thread's stack.
const ALWAYS_FITS: usize = 8_000;

/// Bytes of stack for each token, and the most in all; they are reserved, and only used where needed.
const BYTES_PER_TOKEN: usize = 2_048;
const MOST: usize = 8 << 30;

/// Whether trees of a text of so many tokens can be worked on and dropped by any thread.
pub(crate) const fn always_fits(tokens: usize) -> bool {
    tokens <= ALWAYS_FITS
}

/// Does some work on trees of a text of so many tokens; nothing if there is no room for it.
pub(crate) fn with_room<T: Send>(tokens: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    if tokens <= ALWAYS_FITS {
        return Some(work());
    }
    let size = tokens.checked_mul(BYTES_PER_TOKEN).filter(|size| *size <= MOST)?;
    std::thread::scope(|scope| std::thread::Builder::new().stack_size(size).spawn_scoped(scope, work).ok()?.join().ok())
}
