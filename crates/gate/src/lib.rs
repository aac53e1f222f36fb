//! The gate file.
