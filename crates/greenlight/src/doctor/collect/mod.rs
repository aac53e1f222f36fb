//! Reads everything from AWS, with independent reads in parallel. A denied read is recorded with the permission that it
//! needs, and never counts as good.

mod collector;
mod functions;
mod group;
mod network;
mod roles;

use anyhow::anyhow;
use hook_core::aws_inspector::{AwsInspector, Referenced, Requirements};

use self::collector::{Collector, ReadLog};
pub use self::{collector::DoctorTarget, group::deployment_group as read_deployment_group};
use super::snapshot::AccountSnapshot;

/// Reads everything.
///
/// # Errors
/// If nothing can be checked: the deployment group does not exist, the credentials do not work, or a file cannot be
/// read.
pub async fn collect(survey: AwsInspector, target: DoctorTarget) -> anyhow::Result<AccountSnapshot> {
    let collector = Collector::new(survey, target);
    let title = format!("the deployment group {}", collector.target.deployment_group);
    let (application, group_name, _) = collector.target.names();
    let group = match group::deployment_group(&collector.survey, application, group_name).await {
        // Without credentials or without the deployment group there is nothing to check.
        Err(error) if !error.is_access_denied() => return Err(anyhow!("nothing was checked: {error}")),
        read => collector.record(title, read, &[]),
    };
    let app_spec = group::app_spec(&collector, group.found()).await?;
    let hooks = app_spec.found().map(|it| it.hooks.clone()).unwrap_or_default();
    let (listeners, missing_alarms, mut functions) = tokio::join!(
        network::listeners(&collector, group.found()),
        group::missing_alarms(&collector, group.found()),
        functions::hooked_functions(&collector, hooks, group.found()),
    );
    network::predict_failures(&collector, &mut functions, group.found()).await;
    let on_failure_functions = functions::on_failure_functions(&collector, &functions, group.found()).await;
    let on_failure_alarms = functions::on_failure_alarms(&collector, &on_failure_functions).await;
    roles::add_permission_queries(&collector, &mut functions, group.found());
    let requirements: Vec<&Requirements> =
        functions.iter().filter_map(|function| function.gate.requirements.as_ref()).collect();
    let names: Vec<Referenced> = requirements.iter().flat_map(|needs| needs.references.keys().cloned()).collect();
    let names_containers = names.iter().any(|named| matches!(named, Referenced::Container(_)));
    let (permission_results, network, references, task_definition) = tokio::join!(
        roles::simulate_permissions(&collector, &functions, &on_failure_functions, group.found()),
        network::read_network(&collector, &functions, &listeners),
        group::check_references(&collector, names),
        group::task_definition(&collector, app_spec.found(), names_containers),
    );
    let (target, ReadLog { unreadable, resources_read }) = collector.into_parts();
    Ok(AccountSnapshot {
        application: target.application,
        group_name: target.deployment_group,
        region: target.region,
        group,
        app_spec,
        functions,
        on_failure_functions,
        on_failure_alarms,
        listeners,
        missing_alarms,
        permission_results,
        references,
        task_definition,
        network,
        unreadable,
        resources_read,
    })
}
