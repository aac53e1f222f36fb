//! The settings of the functions' processes.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::{
    lambda::{FunctionName, proc},
    world::REGION,
};

/// The settings that all functions of a rehearsal share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// The URL of the fake AWS.
    pub endpoint: String,
    /// More environment variables. They override all others.
    pub env: BTreeMap<String, String>,
    /// Functions that Lambda kills this long after their invocation, as it kills a function that uses too much memory.
    pub killed: BTreeMap<FunctionName, Duration>,
    /// The memory limit in bytes above which a process is killed. `None` means no limit. Needs `/proc`.
    pub memory: Option<u64>,
    /// The error of the functions' clocks.
    pub clock: Option<ClockSkew>,
    /// The operating system limits of a process. Needs util-linux.
    pub limits: Vec<ProcessLimit>,
    /// How long after its start a process is paused, and for how long.
    pub paused: Option<(Duration, Duration)>,
}

/// An operating system limit for one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessLimit {
    /// The maximum number of file descriptors. Lambda's is 1,024.
    Descriptors(u32),
    /// No thread in addition to the one that the process starts with.
    NoThreads,
}

impl ProcessLimit {
    /// The words of a command that starts another program under the limit.
    pub(super) fn commands(self) -> Vec<String> {
        let words = match self {
            Self::Descriptors(most) => return vec!["prlimit".to_owned(), format!("--nofile={most}")],
            // The limit counts all processes of a user but does not apply to root, so root becomes an otherwise unused
            // user.
            Self::NoThreads if proc::is_root() => {
                "setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=1"
            }
            Self::NoThreads => "prlimit --nproc=1",
        };
        words.split(' ').map(str::to_owned).collect()
    }
}

impl Setup {
    /// Faults in a hook's process or clock do not apply to the on-failure handler.
    pub(super) fn for_function(self, name: FunctionName) -> Self {
        match name {
            FunctionName::Hook(_) => self,
            FunctionName::OnFailure => Self { memory: None, clock: None, limits: Vec::new(), paused: None, ..self },
        }
    }

    /// The environment variables that Lambda sets for a custom runtime, without any from this process.
    pub(super) fn environment(&self, name: FunctionName, port: u16) -> BTreeMap<String, String> {
        let fixed = [
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
            ("AWS_REGION", REGION),
            // The service of a rehearsal is on this machine.
            ("GREENLIGHT_ALLOW_LOOPBACK", "yes"),
            ("AWS_SECRET_ACCESS_KEY", "rehearsalXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLEofTheRehearsal//////////wEaCWV1LXdlc3QtMSJHMEUCIQ=="),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LANG", "en_US.UTF-8"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
            ("TZ", ":UTC"),
            ("_HANDLER", "bootstrap"),
        ];
        let mut all: BTreeMap<String, String> =
            fixed.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        all.insert("AWS_ACCESS_KEY_ID".into(), name.access_key());
        let megabytes = self.memory.map_or(128, |bytes| bytes >> 20);
        all.insert("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".into(), megabytes.to_string());
        all.insert("AWS_LAMBDA_FUNCTION_NAME".into(), name.lambda_name());
        all.insert("AWS_LAMBDA_LOG_GROUP_NAME".into(), format!("/aws/lambda/{}", name.lambda_name()));
        all.insert("AWS_LAMBDA_RUNTIME_API".into(), format!("127.0.0.1:{port}"));
        all.insert("AWS_ENDPOINT_URL".into(), self.endpoint.clone());
        all.extend(self.env.clone());
        all
    }
}

/// A wrong clock of a function. The function only knows the deadline that Lambda reports, by Lambda's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// The function's clock is ahead of Lambda's by this much. By its own clock, its deadline comes sooner than it
    /// should.
    Ahead(Duration),
    /// The function's clock is behind Lambda's by this much. By its own clock, it has longer than it really has.
    Behind(Duration),
}

impl ClockSkew {
    /// The deadline that Lambda must report to simulate the skew. On this machine both use the same clock.
    pub(super) fn skewed_deadline(self, deadline: SystemTime) -> SystemTime {
        match self {
            Self::Ahead(by) => deadline.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH),
            Self::Behind(by) => deadline.checked_add(by).unwrap_or(deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_has_its_deadline_sooner() {
        let (deadline, by) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1000), Duration::from_secs(400));
        assert_eq!(ClockSkew::Ahead(by).skewed_deadline(deadline), SystemTime::UNIX_EPOCH + Duration::from_secs(600));
        assert_eq!(ClockSkew::Behind(by).skewed_deadline(deadline), SystemTime::UNIX_EPOCH + Duration::from_secs(1400));
        assert_eq!(ClockSkew::Behind(Duration::MAX).skewed_deadline(deadline), deadline, "no clock can be that wrong");
    }
}
