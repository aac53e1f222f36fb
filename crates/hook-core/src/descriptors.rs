//! File descriptors that are kept for the status: whatever else the process has open, one connection can be made.

use std::{
    fs::File,
    sync::{Mutex, PoisonError},
};

/// A connection, a look-up of a name with its files and sockets, and some to spare.
const RESERVED_COUNT: usize = 8;

/// Descriptors that nothing else can use until they are released.
#[derive(Debug)]
pub struct ReservedDescriptors(Mutex<Vec<File>>);

impl ReservedDescriptors {
    /// As many as there are left, up to what is needed.
    pub fn reserve() -> Self {
        Self(Mutex::new(open_reserved()))
    }

    /// Makes room for the status.
    pub fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Keeps them again, for the next event.
    pub fn reserve_again(&self) {
        let mut reserved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reserved.is_empty() {
            *reserved = open_reserved();
        }
    }
}

fn open_reserved() -> Vec<File> {
    std::iter::repeat_with(|| File::open("/dev/null")).take(RESERVED_COUNT).filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_released_is_kept_again() {
        let kept = |descriptors: &ReservedDescriptors| descriptors.0.lock().unwrap().len();
        let descriptors = ReservedDescriptors::reserve();
        assert_eq!(kept(&descriptors), RESERVED_COUNT);
        descriptors.release();
        assert_eq!(kept(&descriptors), 0);
        descriptors.reserve_again();
        descriptors.reserve_again();
        assert_eq!(kept(&descriptors), RESERVED_COUNT);
    }
}
