//! Where a finding comes from: a check, or a phase of the evaluation that is not a check.

/// A phase that can have a finding of its own. Its word is `check.kind` and `check.name` in the log (docs/LOGGING.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the function's environment variables.
    Settings,
    /// Reading the deployment and its service from AWS.
    Discovery,
    /// A rollback, which is not checked.
    Rollback,
    /// Loading and planning the gate file.
    Gate,
    /// `notify` of the gate file.
    Notify,
    /// `skip` of the gate file.
    Skip,
    /// Comparing the lifecycle event in progress with the hook.
    LifecycleEvent,
    /// `when` of the hook.
    When,
    /// Whether the `ALB_URL` smoke test reached the new version.
    Version,
    /// The time that was left at delivery.
    Time,
    /// The thread of the evaluation.
    Runtime,
}

impl Phase {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Discovery => "discovery",
            Self::Rollback => "rollback",
            Self::Gate => "gate",
            Self::Notify => "notify",
            Self::Skip => "skip",
            Self::LifecycleEvent => "lifecycle_event",
            Self::When => "when",
            Self::Version => "version",
            Self::Time => "time",
            Self::Runtime => "runtime",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    Phase(Phase),
    /// A check, with the key of its kind in the gate file.
    Check(&'static str),
}

impl FindingKind {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phase(phase) => phase.as_str(),
            Self::Check(kind) => kind,
        }
    }
}
