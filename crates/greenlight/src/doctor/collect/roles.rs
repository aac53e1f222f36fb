//! Finds out what roles are allowed to do with IAM's policy simulation. No action is executed.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::{
    aws_inspector::{AwsError, AwsInspector},
    permissions::{self, ArnNames, GateSource, Permission, PermissionInputs, Resource},
};

use roxmltree::Node;

use super::collector::{Collector, join_bounded};
use crate::{
    cli::aws_xml::{self, ReplyNode as _},
    doctor::{
        function_name::{FunctionKind, other_account_or_region},
        permission_query::PermissionQuery,
        snapshot::{DeploymentGroupConfig, FunctionConfig, HookedFunction, Lookup, NeededPermission, PermissionUser},
    },
};

/// The maximum number of pages of a simulation. Each page has 100 actions; no hook needs this many.
const MAX_PAGES: usize = 20;

/// Adds the permissions that the roles of the functions need.
pub fn add_permission_queries(
    collector: &Collector,
    functions: &mut [HookedFunction],
    group: Option<&DeploymentGroupConfig>,
) {
    let (region, account) = (&collector.target.region, group.and_then(DeploymentGroupConfig::account));
    for function in functions {
        let Some(config) = function.config.found() else { continue };
        let names = arn_names(collector, config, group);
        let variables = config.variables.clone().unwrap_or_default();
        let inputs = PermissionInputs {
            gate: GateSource::from_vars(|name| variables.get(name).cloned()).unwrap_or_default(),
            ..PermissionInputs::default()
        };
        let permissions = match function.kind {
            // With an invalid gate file the function must still be able to put its status.
            FunctionKind::Hook(hook) => permissions::required_permissions(function.gate.text.as_deref(), hook, &inputs)
                .or_else(|_| permissions::required_permissions(None, hook, &inputs))
                .unwrap_or_default(),
            FunctionKind::OnFailure | FunctionKind::Other => permissions::on_failure_permissions(),
        };
        let (mut needed, unknown) = needed_permissions(config, &permissions, &names);
        for NeededPermission { query, .. } in unknown {
            let why = format!("{} is incomplete: the deployment group does not name its service", query.resource);
            collector.record_unreadable(
                format!("whether the role of {} is allowed {}", function.name, query.action),
                None,
                why,
            );
        }
        let settings = function.event_invoke_config.found().and_then(Option::as_ref);
        let is_here =
            |arn: &String| arn.contains(":function:") && other_account_or_region(arn, region, account).is_none();
        if let Some(arn) = settings.and_then(|it| it.on_failure.clone()).filter(is_here) {
            needed.push(NeededPermission {
                query: PermissionQuery::to_invoke_destination(config, arn),
                reason: "to send the record of a failed invocation".to_owned(),
                needed_by: PermissionUser::OnFailureDestination,
            });
        }
        function.called_services = permissions.iter().filter_map(|it| it.action.split(':').next()).collect();
        function.needed_permissions = needed;
    }
}

/// The known names to fill into ARNs.
fn arn_names(collector: &Collector, config: &FunctionConfig, group: Option<&DeploymentGroupConfig>) -> ArnNames {
    let (application, deployment_group, region) = collector.target.names();
    let service = group.and_then(|group| group.service.clone());
    let (cluster, service) = service.unzip();
    ArnNames {
        partition: None,
        region: Some(region.to_owned()),
        account: config.account().map(str::to_owned),
        application: Some(application.to_owned()),
        deployment_group: Some(deployment_group.to_owned()),
        cluster,
        service,
    }
}

/// The permissions that can be simulated, and those with an unknown name in the resource.
fn needed_permissions(
    config: &FunctionConfig,
    permissions: &[Permission],
    names: &ArnNames,
) -> (Vec<NeededPermission>, Vec<NeededPermission>) {
    let needed = permissions.iter().filter(|it| is_simulated(&it.resource)).map(|permission| {
        let condition = permission.resource.condition(names);
        let query = PermissionQuery {
            role: config.role.clone(),
            action: permission.action.to_owned(),
            resource: queried_resource(&permission.resource, names),
            context: condition.and_then(|it| Some((it.key.to_owned(), it.values.into_iter().next()?))),
        };
        let is_for_checks = permission.purposes.iter().all(|purpose| !purpose.checks.is_empty());
        NeededPermission {
            query,
            reason: permission.describe_purposes(),
            needed_by: if is_for_checks { PermissionUser::Checks } else { PermissionUser::Function },
        }
    });
    needed.partition(|needed| names.placeholders_in(&needed.query.resource).next().is_none())
}

/// The ARN on which the role needs the permission.
fn queried_resource(needed: &Resource, names: &ArnNames) -> String {
    match needed {
        // AWS's references disagree on the resource. A role that follows either of them works.
        Resource::DeploymentTargets => Resource::DeploymentGroup.arn(names),
        // Secrets Manager adds six characters to the name. Any characters do for the simulation.
        other => other.arn(names).replace('?', "A"),
    }
}

/// Whether the permission is simulated. The resources in a task definition are only known for a single deployment, and
/// a role can allow just some of them.
const fn is_simulated(resource: &Resource) -> bool {
    !matches!(
        resource,
        Resource::LogGroups
            | Resource::Roles
            | Resource::Parameters
            | Resource::Secrets
            | Resource::Repositories
            | Resource::Key { .. }
    )
}

/// Simulates all queries. IAM allows few requests per second, so the simulation of a role takes one request for all
/// queries with an ARN and one for those on `*`. In the reply for `*` the missing context keys are in a different
/// place.
pub async fn simulate_permissions(
    collector: &Collector,
    functions: &[HookedFunction],
    on_failure_functions: &BTreeMap<String, Lookup<FunctionConfig>>,
    group: Option<&DeploymentGroupConfig>,
) -> BTreeMap<PermissionQuery, Lookup<bool>> {
    let own =
        functions.iter().flat_map(|function| function.needed_permissions.iter().map(|needed| needed.query.clone()));
    let invoked =
        functions.iter().filter_map(|function| Some(PermissionQuery::to_invoke(group?, function.config.found()?)));
    let (application, group_name, region) = collector.target.names();
    let of_on_failure = on_failure_functions.values().filter_map(Lookup::found);
    let of_on_failure =
        of_on_failure.map(|config| PermissionQuery::to_put_status(config, region, application, group_name));
    let mut by_role = BTreeMap::<_, BTreeSet<PermissionQuery>>::new();
    for query in own.chain(invoked).chain(of_on_failure) {
        by_role.entry((query.role.clone(), query.resource == "*")).or_default().insert(query);
    }
    let simulations = by_role.into_iter().map(async |((role, _), queries)| {
        let title = format!("what the role {} is allowed to do", role.rsplit('/').next().unwrap_or_default());
        let simulated = simulate_role(&collector.survey, &role, &queries).await;
        let lookup = collector.record(&title, simulated, &["NoSuchEntity"]);
        let result = |query: PermissionQuery| {
            let result = match &lookup {
                Lookup::Found(decisions) => query_result(collector, &title, decisions, &query),
                Lookup::NotFound(why) => Lookup::NotFound(why.clone()),
                Lookup::Unreadable => Lookup::Unreadable,
            };
            (query, result)
        };
        queries.into_iter().map(result).collect::<Vec<_>>()
    });
    join_bounded(simulations).await.into_iter().flatten().collect()
}

fn query_result(
    collector: &Collector,
    title: &str,
    decisions: &SimulationResults,
    query: &PermissionQuery,
) -> Lookup<bool> {
    let PermissionQuery { action, resource, .. } = query;
    let why = match decisions.get(&(action.clone(), resource.clone())) {
        Some(SimulationDecision::Allowed) => return Lookup::Found(true),
        Some(SimulationDecision::Denied) => return Lookup::Found(false),
        Some(SimulationDecision::MissingContext(on)) => format!("it depends on {on}"),
        None => "the simulation returned no decision".to_owned(),
    };
    collector.record_unreadable(format!("{title}: {action} on {resource}"), None, why);
    Lookup::Unreadable
}

/// The decisions of the simulation, by action and resource.
type SimulationResults = BTreeMap<(String, String), SimulationDecision>;

/// The decision of the simulation about an action.
enum SimulationDecision {
    Allowed,
    Denied,
    /// The decision depends on these context keys, whose values are not known here.
    MissingContext(String),
}

const SIMULATE_OPERATION: &str = "iam:SimulatePrincipalPolicy";

/// Simulates all queries of one role in as few requests as possible. IAM cannot simulate some actions together with
/// others, and its error names them.
async fn simulate_role(
    survey: &AwsInspector,
    role: &str,
    queries: &BTreeSet<PermissionQuery>,
) -> Result<SimulationResults, AwsError> {
    let actions: BTreeSet<&str> = queries.iter().map(|query| query.action.as_str()).collect();
    let mut waiting = vec![actions.into_iter().collect::<Vec<_>>()];
    let mut decisions = SimulationResults::new();
    while let Some(actions) = waiting.pop() {
        let about: Vec<_> = queries.iter().filter(|it| actions.contains(&it.action.as_str())).collect();
        match simulate_actions(survey, role, &actions, &about).await {
            Ok(some) => decisions.extend(some),
            Err(fault) if fault.has_code("InvalidInput") && actions.len() > 1 => {
                let (one, other) = split_unsupported(&actions, &fault.detail);
                waiting.extend([one, other]);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(decisions)
}

/// Splits actions into those in the first brackets of IAM's error (`[a,b] and [c] require different authorization
/// information`) and the others. If the error has another form, splits them into halves.
fn split_unsupported<'a>(actions: &[&'a str], said: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let brackets = said.split_once('[').and_then(|(_, rest)| Some(rest.split_once(']')?.0)).unwrap_or_default();
    let named: Vec<&str> = brackets.split(',').map(str::trim).collect();
    let (one, other): (Vec<&str>, Vec<&str>) = actions.iter().copied().partition(|action| named.contains(action));
    if one.is_empty() || other.is_empty() {
        let (one, other) = actions.split_at(actions.len() / 2);
        return (one.to_vec(), other.to_vec());
    }
    (one, other)
}

async fn simulate_actions(
    survey: &AwsInspector,
    role: &str,
    actions: &[&str],
    about: &[&PermissionQuery],
) -> Result<SimulationResults, AwsError> {
    let resources: BTreeSet<&str> = about.iter().map(|query| query.resource.as_str()).collect();
    // The known context of one query applies to all of them, because they have the same cluster.
    let contexts: BTreeSet<_> = about.iter().filter_map(|query| query.context.as_ref()).collect();
    let mut input = vec![("PolicySourceArn".to_owned(), role)];
    let numbered = |name: &str, index: usize| format!("{name}.member.{}", index + 1);
    input.extend(actions.iter().enumerate().map(|(index, it)| (numbered("ActionNames", index), *it)));
    input.extend(resources.iter().enumerate().map(|(index, it)| (numbered("ResourceArns", index), *it)));
    for (index, (key, value)) in contexts.into_iter().enumerate() {
        let key_of = |member: &str| format!("{}.{member}", numbered("ContextEntries", index));
        input.push((key_of("ContextKeyName"), key));
        input.push((key_of("ContextKeyType"), "string"));
        input.push((key_of("ContextKeyValues.member.1"), value));
    }
    let mut decisions = SimulationResults::new();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!marker.is_empty()).then_some(("Marker", marker.as_str()));
        let params: Vec<_> = input.iter().map(|(key, value)| (key.as_str(), *value)).chain(page).collect();
        let reply = survey.query(SIMULATE_OPERATION, &params).await?;
        let document = aws_xml::parse(SIMULATE_OPERATION, &reply)?;
        let Some(result) = document.root_element().child("SimulatePrincipalPolicyResult") else {
            return Err(AwsError::missing_field(SIMULATE_OPERATION, "SimulatePrincipalPolicyResult"));
        };
        result.items("EvaluationResults").for_each(|one| parse_result(one, &resources, &mut decisions));
        marker = result.text_of("Marker").to_owned();
        if result.text_of("IsTruncated") != "true" || marker.is_empty() {
            return Ok(decisions);
        }
    }
    Err(AwsError::missing_field(SIMULATE_OPERATION, format_args!("end after {MAX_PAGES} pages")))
}

/// Parses the result of one action. Its own decision is the strictest of all resources, so it is only used for a single
/// resource. The decisions for each resource are in `ResourceSpecificResults`. For a single resource, the missing
/// context keys can be in either place; otherwise they are with the resources.
fn parse_result(one: Node<'_, '_>, resources: &BTreeSet<&str>, decisions: &mut SimulationResults) {
    let action = one.text_of("EvalActionName");
    let decision = |word: &str, of: Node<'_, '_>| {
        let own = if resources.len() == 1 { one.texts("MissingContextValues") } else { Vec::new() };
        let missing: BTreeSet<String> = of.texts("MissingContextValues").into_iter().chain(own).collect();
        match word {
            "allowed" => SimulationDecision::Allowed,
            "implicitDeny" | "explicitDeny" if missing.is_empty() => SimulationDecision::Denied,
            _ => SimulationDecision::MissingContext(missing.into_iter().collect::<Vec<_>>().join(", ")),
        }
    };
    let mut specific = one.items("ResourceSpecificResults").peekable();
    if let (None, 1, Some(resource)) = (specific.peek(), resources.len(), resources.first()) {
        decisions.insert((action.to_owned(), (*resource).to_owned()), decision(one.text_of("EvalDecision"), one));
    }
    for of in specific {
        let resource = of.text_of("EvalResourceName").to_owned();
        decisions.insert((action.to_owned(), resource), decision(of.text_of("EvalResourceDecision"), of));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_that_iam_simulates_apart_are_told_apart() {
        let said =
            "Invalid Input Actions: [s3:GetObject] and [ecs:ListTasks, iam:GetRole] require different authorization";
        let actions = ["ecs:ListTasks", "iam:GetRole", "s3:GetObject"];
        assert_eq!(split_unsupported(&actions, said), (vec!["s3:GetObject"], vec!["ecs:ListTasks", "iam:GetRole"]));
        assert_eq!(split_unsupported(&actions, "no"), (vec!["ecs:ListTasks"], vec!["iam:GetRole", "s3:GetObject"]));
    }

    #[test]
    fn what_is_said_of_a_resource_counts_and_not_the_sum() {
        let xml = "<r><EvalActionName>a</EvalActionName><EvalDecision>implicitDeny</EvalDecision><ResourceSpecificResults>\
            <member><EvalResourceName>x</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision></member>\
            <member><EvalResourceName>y</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>\
            <MissingContextValues><member>k</member></MissingContextValues></member>\
            </ResourceSpecificResults></r>";
        let document = roxmltree::Document::parse(xml).unwrap();
        let mut decisions = SimulationResults::new();
        parse_result(document.root_element(), &BTreeSet::from(["x", "y"]), &mut decisions);
        let of = |resource: &str| decisions.get(&("a".to_owned(), resource.to_owned()));
        assert!(matches!(of("x"), Some(SimulationDecision::Allowed)));
        assert!(matches!(of("y"), Some(SimulationDecision::MissingContext(on)) if on == "k"));
        assert_eq!(decisions.len(), 2);
    }

    #[test]
    fn keys_that_are_missing_may_stand_above() {
        let above = "<MissingContextValues><member>k</member></MissingContextValues>";
        let beneath = "<ResourceSpecificResults><member><EvalResourceName>*</EvalResourceName>\
            <EvalResourceDecision>implicitDeny</EvalResourceDecision></member></ResourceSpecificResults>";
        for rest in ["", beneath] {
            let xml = format!(
                "<r><EvalActionName>a</EvalActionName><EvalDecision>implicitDeny</EvalDecision>{above}{rest}</r>"
            );
            let document = roxmltree::Document::parse(&xml).unwrap();
            let mut decisions = SimulationResults::new();
            parse_result(document.root_element(), &BTreeSet::from(["*"]), &mut decisions);
            let decision = decisions.get(&("a".to_owned(), "*".to_owned()));
            assert!(matches!(decision, Some(SimulationDecision::MissingContext(on)) if on == "k"), "{xml}");
        }
    }
}
