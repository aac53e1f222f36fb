//! The two listeners of a deployment group.

/// One of the two listeners that lead to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficRoute {
    Test,
    Production,
}

impl TrafficRoute {
    /// The words in a gate file.
    pub const VARIANTS: [(&'static str, Self); 2] = [("test", Self::Test), ("production", Self::Production)];

    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Production => "production",
        }
    }
}
