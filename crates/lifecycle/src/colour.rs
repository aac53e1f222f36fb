//! The two versions of a service during a blue/green deployment.

/// Which task set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colour {
    /// The replacement.
    Green,
    /// The original.
    Blue,
}

impl Colour {
    /// The words in a gate file.
    pub const VARIANTS: [(&'static str, Self); 2] = [("green", Self::Green), ("blue", Self::Blue)];

    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Blue => "blue",
        }
    }
}
