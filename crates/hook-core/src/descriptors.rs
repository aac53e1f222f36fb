//! File descriptors that are kept for the status: whatever else the process has open, one connection can be made.

use std::{
    fs::File,
    sync::{Mutex, PoisonError},
};

/// A connection, a look-up of a name with its files and sockets, and some to spare.
const KEPT: usize = 8;

/// Descriptors that nothing else can use until they are released.
#[derive(Debug)]
pub struct Descriptors(Mutex<Vec<File>>);

impl Descriptors {
    /// As many as there are left, up to what is needed.
    pub fn keep() -> Self {
        Self(Mutex::new(open()))
    }

    /// Makes room for the status.
    pub fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Keeps them again, for the next event.
    pub fn keep_again(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            *kept = open();
        }
    }
}

fn open() -> Vec<File> {
    std::iter::repeat_with(|| File::open("/dev/null")).take(KEPT).filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_released_is_kept_again() {
        let kept = |descriptors: &Descriptors| descriptors.0.lock().unwrap().len();
        let descriptors = Descriptors::keep();
        assert_eq!(kept(&descriptors), KEPT);
        descriptors.release();
        assert_eq!(kept(&descriptors), 0);
        descriptors.keep_again();
        descriptors.keep_again();
        assert_eq!(kept(&descriptors), KEPT);
    }
}
