//! `mode` and `run`: what a failed check means for the deployment and for the other checks.

use std::time::Duration;

use lifecycle::{Hook, Status};

/// Whether the findings decide the status, or are only reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The findings decide the status.
    #[default]
    Enforce,
    /// The status is Succeeded whatever was found, because the gate file or `GREENLIGHT_MODE` says so explicitly.
    Observe,
}

impl Mode {
    /// The words in a gate file and in `GREENLIGHT_MODE`.
    pub const VARIANTS: [(&'static str, Self); 2] = [("enforce", Self::Enforce), ("observe", Self::Observe)];

    /// The mode of two places that can set it: a hook only enforces if both do.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Enforce, Self::Enforce) => Self::Enforce,
            _ => Self::Observe,
        }
    }

    /// The status for findings that would put `enforced`.
    pub const fn status(self, enforced: Status) -> Status {
        match self {
            Self::Enforce => enforced,
            Self::Observe => Status::Succeeded,
        }
    }
}

/// `run`: what to do after a check that stops the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunMode {
    /// Run the other checks, and report all failures.
    #[default]
    Collect,
    /// Put the status immediately. The other checks do not run.
    FailFast,
}

impl RunMode {
    /// The values in a gate file.
    pub const VARIANTS: [(&'static str, Self); 2] = [("collect", Self::Collect), ("fail-fast", Self::FailFast)];
}

/// How long the other checks can still add findings. Traffic has not moved yet, so one more reason is worth the wait.
pub const COLLECT_GRACE: Duration = Duration::from_secs(5);

/// How long the other checks can still run once one has decided. None in observe mode: all of them run until they end.
pub fn grace(hook: Hook, run: RunMode, mode: Mode) -> Option<Duration> {
    match (mode, run) {
        (Mode::Observe, _) => None,
        (Mode::Enforce, RunMode::FailFast) => Some(Duration::ZERO),
        // Customers use the new version, and CodeDeploy moves them back only after the status.
        (Mode::Enforce, RunMode::Collect) if hook == Hook::AfterAllowTraffic => Some(Duration::ZERO),
        (Mode::Enforce, RunMode::Collect) => Some(COLLECT_GRACE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_depends_on_where_customers_are() {
        let at = |hook| grace(hook, RunMode::Collect, Mode::Enforce);
        assert_eq!((at(Hook::AfterInstall), at(Hook::AfterAllowTraffic)), (Some(COLLECT_GRACE), Some(Duration::ZERO)));
        assert_eq!(grace(Hook::AfterInstall, RunMode::FailFast, Mode::Enforce), Some(Duration::ZERO));
    }

    #[test]
    fn observing_anywhere_means_observing() {
        use Mode::{Enforce, Observe};
        assert_eq!(
            [Enforce.and(Enforce), Enforce.and(Observe), Observe.and(Enforce), Observe.and(Observe)],
            [Enforce, Observe, Observe, Observe]
        );
    }
}
