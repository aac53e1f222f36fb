//! The kinds of check, one file each: the keys in the gate file, and what they mean, as data. `hook-core` runs them.
//!
//! A new kind is one file with a `KEY`, a `read` and a `KindSpec`, one line in [`KINDS`], and a variant of [`Kind`].

mod alarms;
mod body_template;
#[cfg(feature = "sabotage")]
mod chaos;
mod forwards_to;
mod grpc;
mod health_check;
mod http;
mod image;
mod kind_spec;
mod poll_policy;
mod preflight;
mod request_template;
mod response_subjects;
mod targets;
mod tasks;
mod tcp;
mod unbound;
pub(crate) mod unsupported;

use lifecycle::TrafficRoute;

#[cfg(feature = "sabotage")]
pub use self::chaos::{ChaosSpec, Misbehaviour};
pub(crate) use self::kind_spec::{KindSpec, WindowKey};
pub use self::{
    alarms::{AlarmSelector, AlarmsSpec, NO_DATA, render_tags},
    body_template::{BodyTemplate, JsonTemplate},
    forwards_to::{DEFAULT_SETTLE, ForwardsToSpec, VersionProbe, compares_versions, green_facts},
    grpc::{GrpcSpec, HEALTH_CHECK_PATH},
    health_check::HealthCheckSpec,
    http::HttpSpec,
    image::ImageSpec,
    poll_policy::PollPolicy,
    preflight::{PreflightItem, PreflightSpec},
    request_template::{RequestTemplate, TlsOptions, UrlTemplate},
    response_subjects::RESPONSE_SUBJECTS,
    targets::TargetsSpec,
    tasks::{HEALTH_SUBJECTS, TasksSpec},
    tcp::{TcpSpec, parse_host_port},
};
use crate::MapReader;

/// Every kind of check, by the key that names it in a gate file.
pub const KINDS: &[KindReader] = &[
    KindReader { key: alarms::KEY, read: |fields| alarms::read(fields).map(Kind::Alarms) },
    KindReader { key: health_check::KEY, read: |fields| health_check::read(fields).map(Kind::HealthCheck) },
    KindReader { key: tasks::KEY, read: |fields| tasks::read(fields).map(Kind::Tasks) },
    KindReader { key: grpc::KEY, read: |fields| grpc::read(fields).map(Kind::Grpc) },
    KindReader { key: http::KEY, read: |fields| http::read(fields).map(Kind::Http) },
    KindReader { key: image::KEY, read: |fields| image::read(fields).map(Kind::Image) },
    KindReader { key: preflight::KEY, read: |fields| preflight::read(fields).map(Kind::Preflight) },
    KindReader { key: forwards_to::KEY, read: |fields| forwards_to::read(fields).map(Kind::ForwardsTo) },
    KindReader { key: targets::KEY, read: |fields| targets::read(fields).map(Kind::Targets) },
    KindReader { key: tcp::KEY, read: |fields| tcp::read(fields).map(Kind::Tcp) },
];

/// The kinds that a gate file can use: those in [`KINDS`], and an undocumented one in tests of whole programs.
pub fn kinds() -> impl Iterator<Item = &'static KindReader> {
    #[cfg(feature = "sabotage")]
    const MORE: &[KindReader] = &[KindReader { key: chaos::KEY, read: |fields| chaos::read(fields).map(Kind::Chaos) }];
    #[cfg(not(feature = "sabotage"))]
    const MORE: &[KindReader] = &[];
    KINDS.iter().chain(MORE)
}

/// How to read a kind of check.
pub struct KindReader {
    /// Its key in the gate file.
    pub key: &'static str,
    /// Reads the keys of a check. Errors go into `fields`.
    pub(crate) read: fn(fields: &mut MapReader<'_>) -> Option<Kind>,
}

/// What one check does, as the gate file defines it.
#[derive(Clone, Debug)]
pub enum Kind {
    Alarms(AlarmsSpec),
    #[cfg(feature = "sabotage")]
    Chaos(ChaosSpec),
    ForwardsTo(ForwardsToSpec),
    Grpc(GrpcSpec),
    HealthCheck(HealthCheckSpec),
    Http(HttpSpec),
    Image(ImageSpec),
    Preflight(PreflightSpec),
    Targets(TargetsSpec),
    Tasks(TasksSpec),
    Tcp(TcpSpec),
}

impl Kind {
    /// The barrier that every check on this listener waits for if the gate file has none.
    pub const fn implicit_barrier(route: TrafficRoute) -> Self {
        Self::ForwardsTo(ForwardsToSpec::implicit(route))
    }

    /// The data of its kind.
    pub(crate) fn spec(&self) -> &dyn KindSpec {
        match self {
            Self::Alarms(spec) => spec,
            #[cfg(feature = "sabotage")]
            Self::Chaos(spec) => spec,
            Self::ForwardsTo(spec) => spec,
            Self::Grpc(spec) => spec,
            Self::HealthCheck(spec) => spec,
            Self::Http(spec) => spec,
            Self::Image(spec) => spec,
            Self::Preflight(spec) => spec,
            Self::Targets(spec) => spec,
            Self::Tasks(spec) => spec,
            Self::Tcp(spec) => spec,
        }
    }

    /// The key that names it in a gate file.
    pub fn key(&self) -> &'static str {
        self.spec().key()
    }

    /// The listener that other checks can use after this one has passed. If there is one, this check is a barrier.
    pub fn unblocks(&self) -> Option<TrafficRoute> {
        self.spec().listener().filter(|_| self.spec().is_barrier())
    }
}

#[cfg(test)]
mod tests {
    use crate::check;

    #[test]
    fn a_check_without_conditions_is_valid_with_the_suggested_one() {
        let kinds = [
            "alarms: deployment-group",
            "http: '{{test_url}}/'",
            "tasks: green",
            "targets: green",
            "forwards_to: green, http: '{{test_url}}/'",
        ];
        for kind in kinds {
            let file = |expect: &str| {
                format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{{ {kind}, {expect} }}] }} }}\n")
            };
            let found = check(&file("on_fail: warn"));
            let [without] = &found[..] else { panic!("{kind}: {found:?}") };
            assert_eq!(check(&file(without.suggestion.as_deref().unwrap())), [], "{kind}");
        }
    }
}
