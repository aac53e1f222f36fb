//! The kinds of check, one file each: the keys in the gate file, and what they mean, as data. `hook-core` runs them.
//!
//! A new kind is one file with a `KIND`, one line in [`KINDS`], and a variant of [`Kind`].

mod alarms;
mod body_template;
#[cfg(feature = "sabotage")]
mod chaos;
mod forwards_to;
mod grpc;
mod health_check;
mod http;
mod image;
mod metric;
mod poll_policy;
mod preflight;
mod request_template;
mod steps;
mod targets;
mod tasks;
mod tcp;
mod unbound;
pub(crate) mod unsupported;

use lifecycle::{Colour, TrafficRoute};

#[cfg(feature = "sabotage")]
pub use self::chaos::{ChaosSpec, Misbehaviour};
pub use self::{
    alarms::{AlarmSelector, AlarmsSpec, NO_DATA, render_tags},
    body_template::{BodyTemplate, JsonTemplate},
    forwards_to::{DEFAULT_SETTLE, ForwardsToSpec, VersionProbe, compares_versions, green_facts},
    grpc::{GrpcSpec, HEALTH_CHECK_PATH},
    health_check::HealthCheckSpec,
    http::{HttpSpec, SUBJECTS as RESPONSE_SUBJECTS},
    image::ImageSpec,
    poll_policy::PollPolicy,
    preflight::{PreflightItem, PreflightSpec},
    request_template::{RequestTemplate, TlsOptions, UrlTemplate},
    targets::TargetsSpec,
    tasks::{HEALTH_SUBJECTS, TasksSpec},
    tcp::{TcpSpec, parse_host_port},
};
use crate::{MapReader, Referenced, permissions::Requirement};

/// Every kind of check, by the key that names it in a gate file.
pub const KINDS: &[KindReader] = &[
    alarms::KIND,
    health_check::KIND,
    tasks::KIND,
    grpc::KIND,
    http::KIND,
    image::KIND,
    preflight::KIND,
    forwards_to::KIND,
    targets::KIND,
    tcp::KIND,
];

/// Kinds that are parsed and validated, but rejected: this version cannot run them.
pub const UNSUPPORTED_KINDS: &[KindReader] = &[metric::KIND, steps::KIND];

/// The kinds that a gate file can use: those in [`KINDS`], and an undocumented one in tests of whole programs.
pub fn kinds() -> impl Iterator<Item = &'static KindReader> {
    #[cfg(feature = "sabotage")]
    const MORE: &[KindReader] = &[chaos::KIND];
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

    /// The key that names it in a gate file.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Alarms(_) => alarms::KIND.key,
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => chaos::KIND.key,
            Self::ForwardsTo(_) => forwards_to::KIND.key,
            Self::Grpc(_) => grpc::KIND.key,
            Self::HealthCheck(_) => health_check::KIND.key,
            Self::Http(_) => http::KIND.key,
            Self::Image(_) => image::KIND.key,
            Self::Preflight(_) => preflight::KIND.key,
            Self::Targets(_) => targets::KIND.key,
            Self::Tasks(_) => tasks::KIND.key,
            Self::Tcp(_) => tcp::KIND.key,
        }
    }

    /// The check's name if the file gives it none.
    pub fn default_name(&self) -> String {
        match self {
            Self::Alarms(spec) => spec.default_name(),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => "sabotage".to_owned(),
            Self::ForwardsTo(spec) => spec.default_name(),
            Self::Grpc(spec) => spec.default_name(),
            Self::HealthCheck(spec) => spec.default_name(),
            Self::Http(spec) => spec.default_name(),
            Self::Image(spec) => spec.default_name(),
            Self::Preflight(spec) => spec.default_name(),
            Self::Targets(spec) => spec.default_name(),
            Self::Tasks(spec) => spec.default_name(),
            Self::Tcp(spec) => spec.default_name(),
        }
    }

    /// The listener whose barrier this kind waits for, in addition to those that its templates refer to.
    pub fn required_route(&self) -> Option<TrafficRoute> {
        match self {
            Self::Grpc(spec) => spec.request_template.route(),
            Self::HealthCheck(spec) => Some(spec.route),
            Self::Http(spec) => spec.request_template.route(),
            Self::Tcp(spec) => spec.required_route(),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => None,
            Self::Alarms(_)
            | Self::ForwardsTo(_)
            | Self::Image(_)
            | Self::Preflight(_)
            | Self::Targets(_)
            | Self::Tasks(_) => None,
        }
    }

    /// The listener that other checks can use after this one has passed. If there is one, this check is a barrier.
    pub const fn unblocks(&self) -> Option<TrafficRoute> {
        match self {
            Self::ForwardsTo(spec) => Some(spec.route),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => None,
            Self::Alarms(_)
            | Self::Grpc(_)
            | Self::HealthCheck(_)
            | Self::Http(_)
            | Self::Image(_)
            | Self::Preflight(_)
            | Self::Targets(_)
            | Self::Tasks(_)
            | Self::Tcp(_) => None,
        }
    }

    /// The listener that it checks, if it is about one of the two.
    pub const fn listener(&self) -> Option<TrafficRoute> {
        match self {
            Self::ForwardsTo(spec) => Some(spec.route),
            Self::HealthCheck(spec) => Some(spec.route),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => None,
            Self::Alarms(_)
            | Self::Grpc(_)
            | Self::Http(_)
            | Self::Image(_)
            | Self::Preflight(_)
            | Self::Targets(_)
            | Self::Tasks(_)
            | Self::Tcp(_) => None,
        }
    }

    /// The version that it checks, if it is about one of the two.
    pub const fn colour(&self) -> Option<Colour> {
        match self {
            Self::Image(spec) => Some(spec.colour),
            Self::Targets(spec) => Some(spec.colour),
            Self::Tasks(spec) => Some(spec.colour),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => None,
            Self::Alarms(_)
            | Self::ForwardsTo(_)
            | Self::Grpc(_)
            | Self::HealthCheck(_)
            | Self::Http(_)
            | Self::Preflight(_)
            | Self::Tcp(_) => None,
        }
    }

    /// The resources that must exist so that the check can find anything.
    pub fn references(&self) -> Vec<Referenced> {
        match self {
            Self::Alarms(spec) => spec.references(),
            Self::Image(spec) => spec.references(),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => Vec::new(),
            Self::ForwardsTo(_)
            | Self::Grpc(_)
            | Self::HealthCheck(_)
            | Self::Http(_)
            | Self::Preflight(_)
            | Self::Targets(_)
            | Self::Tasks(_)
            | Self::Tcp(_) => Vec::new(),
        }
    }

    /// What it reads from AWS, in addition to what every hook reads and what its templates need.
    pub fn requirements(&self) -> Vec<Requirement> {
        match self {
            Self::Alarms(spec) => spec.requirements(),
            Self::ForwardsTo(spec) => spec.requirements(),
            Self::Image(spec) => spec.requirements(),
            Self::Preflight(spec) => spec.requirements(),
            Self::Targets(spec) => spec.requirements(),
            Self::Tasks(spec) => spec.requirements(),
            #[cfg(feature = "sabotage")]
            Self::Chaos(_) => Vec::new(),
            Self::Grpc(_) | Self::HealthCheck(_) | Self::Http(_) | Self::Tcp(_) => Vec::new(),
        }
    }
}
