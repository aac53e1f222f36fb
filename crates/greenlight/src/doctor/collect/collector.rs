//! Reads resources, and records those that it cannot read.

use std::{cell::RefCell, future::Future, path::PathBuf};

use futures_util::{StreamExt as _, stream};
use hook_core::aws_inspector::{AwsError, AwsInspector};

use crate::{
    cli::InputFile,
    doctor::snapshot::{Lookup, UnreadableResource},
};

/// The maximum number of concurrent reads. EC2 allows few requests per second, and IAM even fewer.
const MAX_CONCURRENT_READS: usize = 6;

/// What to check.
#[derive(Debug)]
pub struct DoctorTarget {
    pub application: String,
    pub deployment_group: String,
    pub region: String,
    /// An AppSpec file to use instead of the newest deployment's.
    pub app_spec: Option<PathBuf>,
    /// Events and functions to use instead of an AppSpec file.
    pub functions: Vec<(String, String)>,
    /// A gate file to use instead of the functions' own.
    pub gate: Option<InputFile>,
}

impl DoctorTarget {
    /// The names of the application, the deployment group and the region.
    pub fn names(&self) -> (&str, &str, &str) {
        (&self.application, &self.deployment_group, &self.region)
    }
}

pub struct Collector {
    pub survey: AwsInspector,
    pub target: DoctorTarget,
    read_log: RefCell<ReadLog>,
}

#[derive(Default)]
pub struct ReadLog {
    pub unreadable: Vec<UnreadableResource>,
    pub resources_read: Vec<String>,
}

impl Collector {
    pub fn new(survey: AwsInspector, target: DoctorTarget) -> Self {
        Self { survey, target, read_log: RefCell::default() }
    }

    /// Records the result of a read. `not_found` are AWS's error codes for a resource that does not exist.
    pub fn record<T>(&self, resource: impl Into<String>, read: Result<T, AwsError>, not_found: &[&str]) -> Lookup<T> {
        match read {
            Ok(found) => {
                self.read_log.borrow_mut().resources_read.push(resource.into());
                Lookup::Found(found)
            }
            Err(error) if not_found.iter().any(|code| error.has_code(code)) => {
                self.read_log.borrow_mut().resources_read.push(resource.into());
                Lookup::NotFound(error.detail)
            }
            Err(error) => {
                self.record_unreadable(resource, Some(error.operation), error.detail);
                Lookup::Unreadable
            }
        }
    }

    /// Records that something could not be read.
    pub fn record_unreadable(
        &self,
        resource: impl Into<String>,
        permission: Option<&'static str>,
        why: impl Into<String>,
    ) {
        let unreadable = UnreadableResource { resource: resource.into(), permission, why: why.into() };
        let mut log = self.read_log.borrow_mut();
        if !log.unreadable.contains(&unreadable) {
            log.unreadable.push(unreadable);
        }
    }

    pub fn into_parts(self) -> (DoctorTarget, ReadLog) {
        (self.target, self.read_log.into_inner())
    }
}

/// Runs all futures, at most [`MAX_CONCURRENT_READS`] at a time, and returns their results in the original order.
pub async fn join_bounded<T, F: Future<Output = T>>(reads: impl IntoIterator<Item = F>) -> Vec<T> {
    stream::iter(reads).buffered(MAX_CONCURRENT_READS).collect().await
}
