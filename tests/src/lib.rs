//! What every whole-binary test needs.
