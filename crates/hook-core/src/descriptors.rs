//! File descriptors that are reserved for putting the status, so that one connection is possible however many files and
//! connections the process has open.

use std::{
    fs::File,
    sync::{Mutex, PoisonError},
};

/// Enough for a connection, a DNS lookup with its files and sockets, and a few more.
const RESERVED_COUNT: usize = 8;

/// Descriptors that nothing else can use until they are released.
#[derive(Debug)]
pub struct ReservedDescriptors(Mutex<Vec<File>>);

impl ReservedDescriptors {
    /// Reserves as many descriptors as needed, or as many as are left.
    pub fn reserve() -> Self {
        Self(Mutex::new(open_reserved()))
    }

    /// Frees the descriptors for putting the status.
    pub fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reserves the descriptors again, for the next event.
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
