//! Reads everything from AWS, with independent reads in parallel. A denied read is recorded with the permission that it
//! needs, and never counts as good.

mod functions;
mod group;
mod network;
mod roles;

use std::{
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::anyhow;
use hook_core::aws_inspector::{AwsError, AwsInspector, Referenced, Requirements};
use tokio::{sync::Semaphore, task::JoinSet};

pub use self::{
    functions::{has_own_checks, split_qualifier},
    group::reference_label,
    roles::{invoke_query, put_status_query},
};
use super::snapshot::{AccountSnapshot, HookedFunction, Lookup, UnreadableResource};
use crate::input_file::InputFile;

/// The maximum number of concurrent reads. EC2 allows few requests per second, and IAM even fewer.
const MAX_CONCURRENT_READS: usize = 6;

/// What to check.
#[derive(Debug)]
pub struct DoctorTarget {
    /// The name of the CodeDeploy application.
    pub application: String,
    /// The name of the deployment group.
    pub deployment_group: String,
    pub region: String,
    /// An AppSpec file to use instead of the newest deployment's.
    pub app_spec: Option<PathBuf>,
    /// Events and functions to use instead of an AppSpec file.
    pub functions: Vec<(String, String)>,
    /// A gate file to use instead of the functions' own.
    pub gate: Option<InputFile>,
}

/// Reads resources, and records those that it cannot read.
#[derive(Clone)]
pub struct Collector {
    pub survey: AwsInspector,
    read_log: Arc<Mutex<ReadLog>>,
}

#[derive(Default)]
struct ReadLog {
    unreadable: Vec<UnreadableResource>,
    resources_read: usize,
}

impl Collector {
    fn read_log(&self) -> MutexGuard<'_, ReadLog> {
        self.read_log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the result of a read. `none` are AWS's error codes for a resource that does not exist.
    fn record<T>(&self, looked_for: impl Into<String>, looked: Result<T, AwsError>, none: &[&str]) -> Lookup<T> {
        match looked {
            Ok(seen) => {
                self.read_log().resources_read += 1;
                Lookup::Found(seen)
            }
            Err(fault) if none.iter().any(|word| fault.has_code(word)) => {
                self.read_log().resources_read += 1;
                Lookup::NotFound(fault.detail)
            }
            Err(fault) => {
                self.record_unreadable(looked_for, Some(fault.operation), fault.detail);
                Lookup::Unreadable
            }
        }
    }

    /// Records that something could not be read.
    fn record_unreadable(
        &self,
        looked_for: impl Into<String>,
        permission: Option<&'static str>,
        why: impl Into<String>,
    ) {
        let unseen = UnreadableResource { resource: looked_for.into(), permission, why: why.into() };
        let mut ledger = self.read_log();
        if !ledger.unreadable.contains(&unseen) {
            ledger.unreadable.push(unseen);
        }
    }
}

/// Runs all futures, at most [`MAX_CONCURRENT_READS`] at a time, and returns their results in the original order.
async fn join_bounded<T, F>(work: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_READS));
    let mut working = JoinSet::new();
    for (index, one) in work.into_iter().enumerate() {
        let permits = permits.clone();
        working.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (index, one.await)
        });
    }
    let mut done = working.join_all().await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, one)| one).collect()
}

/// Reads everything.
///
/// # Errors
/// If nothing can be checked: the deployment group does not exist, the credentials do not work, or a file cannot be
/// read.
pub async fn collect(survey: AwsInspector, target: DoctorTarget) -> anyhow::Result<AccountSnapshot> {
    let collector = Collector { survey, read_log: Arc::default() };
    let title = format!("the deployment group {}", target.deployment_group);
    let group = match group::deployment_group(&collector.survey, &target.application, &target.deployment_group).await {
        // Without credentials or without the deployment group there is nothing to check.
        Err(fault) if !fault.is_access_denied() => return Err(anyhow!("nothing was checked: {fault}")),
        read => collector.record(title, read, &[]),
    };
    let app_spec = group::app_spec(&collector, &target, group.found()).await?;
    let hooks = app_spec.found().map(|it| it.hooks.clone()).unwrap_or_default();
    let (listeners, alarms_missing, mut functions) = tokio::join!(
        network::listeners(&collector, group.found()),
        group::missing_alarms(&collector, group.found()),
        functions::hooked_functions(&collector, &target, hooks, group.found()),
    );
    network::predict_failures(&collector, &mut functions, &target, group.found()).await;
    let on_failure_functions =
        functions::on_failure_functions(&collector, &functions, &target.region, group.found()).await;
    roles::add_permission_queries(&collector, &mut functions, &target, group.found());
    let requirements: Vec<&Requirements> =
        functions.iter().filter_map(|wired| wired.gate.requirements.as_ref()).collect();
    let names: Vec<Referenced> = requirements.iter().flat_map(|wants| wants.references.keys().cloned()).collect();
    let (permits, network, named, definition) = tokio::join!(
        roles::simulate_permissions(&collector, &functions, &on_failure_functions, &target, group.found()),
        network::read_network(&collector, &functions, &listeners, &target.region),
        group::check_references(&collector, names.clone()),
        group::task_definition(
            &collector,
            app_spec.found(),
            names.iter().any(|named| matches!(named, Referenced::Container(_)))
        ),
    );
    let ReadLog { unreadable: unseen, resources_read: looked_at } = std::mem::take(&mut *collector.read_log());
    Ok(AccountSnapshot {
        application: target.application,
        group_name: target.deployment_group,
        region: target.region,
        group,
        app_spec,
        functions,
        on_failure_functions,
        listeners,
        missing_alarms: alarms_missing,
        permission_results: permits,
        references: named,
        task_definition: definition,
        network,
        unreadable: unseen,
        resources_read: looked_at,
    })
}

/// The names of functions, separated by commas.
fn function_names<'a>(functions: impl IntoIterator<Item = &'a HookedFunction>) -> String {
    functions.into_iter().map(|wired| wired.name.as_str()).collect::<Vec<_>>().join(", ")
}
