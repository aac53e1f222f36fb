//! Finds out what roles are allowed to do with IAM's policy simulation. No action is executed.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::{
    aws_inspector::{AwsError, AwsInspector},
    permissions::{self, ArnNames, GateSource, Permission, PermissionInputs, Resource},
};

use super::{
    super::{
        findings::PUT_STATUS,
        snapshot::{
            DeploymentGroupConfig, FunctionConfig, FunctionKind, HookedFunction, Lookup, PermissionQuery,
            other_account_or_region,
        },
    },
    Collector, DoctorTarget, join_bounded,
};
use crate::xml::Element;

/// The maximum number of pages of a simulation. Each page has 100 actions; no hook needs this many.
const MAX_PAGES: usize = 20;

/// Adds the permissions that the roles of the functions need.
pub fn add_permission_queries(
    collector: &Collector,
    functions: &mut [HookedFunction],
    target: &DoctorTarget,
    group: Option<&DeploymentGroupConfig>,
) {
    for wired in functions {
        let Some(set_up) = wired.config.found() else { continue };
        let names = arn_names(set_up, target, group);
        let variables = set_up.variables.clone().unwrap_or_default();
        let inputs = PermissionInputs {
            gate: GateSource::from_vars(|name| variables.get(name).cloned()).unwrap_or_default(),
            ..PermissionInputs::default()
        };
        let permissions = match wired.kind {
            // With an invalid gate file the function must still be able to put its status.
            FunctionKind::Hook(hook) => permissions::required_permissions(wired.gate.text.as_deref(), hook, &inputs)
                .or_else(|_| permissions::required_permissions(None, hook, &inputs))
                .unwrap_or_default(),
            FunctionKind::OnFailure | FunctionKind::Other => permissions::on_failure_permissions(),
        };
        let (mut queries, unknown) = permission_queries(set_up, &permissions, &names);
        for (question, _) in unknown {
            let why = format!("{} is incomplete: the deployment group does not name its service", question.resource);
            collector.record_unreadable(
                format!("whether the role of {} is allowed {}", wired.name, question.action),
                None,
                why,
            );
        }
        let settings = wired.event_invoke_config.found().and_then(Option::as_ref);
        let is_here =
            |arn: &&String| arn.contains(":function:") && other_account_or_region(arn, &target.region, group).is_none();
        if let Some(net) = settings.and_then(|it| it.on_failure.as_ref()).filter(is_here) {
            let question = PermissionQuery {
                role: set_up.role.clone(),
                action: "lambda:InvokeFunction".to_owned(),
                resource: net.clone(),
                context: None,
            };
            queries.push((question, "to send the record of a failed invocation".to_owned()));
        }
        wired.called_services = permissions.iter().filter_map(|it| it.action.split(':').next()).collect();
        wired.permission_queries = queries;
    }
}

/// The known names to fill into ARNs.
fn arn_names(set_up: &FunctionConfig, target: &DoctorTarget, group: Option<&DeploymentGroupConfig>) -> ArnNames {
    let service = group.and_then(|group| group.service.clone());
    let (cluster, service) = service.unzip();
    ArnNames {
        partition: None,
        region: Some(target.region.clone()),
        account: set_up.role.split(':').nth(4).map(str::to_owned),
        application: Some(target.application.clone()),
        deployment_group: Some(target.deployment_group.clone()),
        cluster,
        service,
    }
}

type ReasonedQueries = Vec<(PermissionQuery, String)>;

/// The queries that can be simulated, and those with an unknown name in the resource.
fn permission_queries(
    set_up: &FunctionConfig,
    needed: &[Permission],
    names: &ArnNames,
) -> (ReasonedQueries, ReasonedQueries) {
    let queries = needed.iter().filter(|it| is_simulated(&it.resource)).map(|permission| {
        let condition = permission.resource.condition(names);
        let question = PermissionQuery {
            role: set_up.role.clone(),
            action: permission.action.to_owned(),
            resource: queried_resource(&permission.resource, names),
            context: condition.and_then(|it| Some((it.key.to_owned(), it.values.into_iter().next()?))),
        };
        (question, permission.describe_purposes())
    });
    let known = |(question, _): &(PermissionQuery, String)| names.placeholders_in(&question.resource).next().is_none();
    queries.partition(known)
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

/// The permission that CodeDeploy's role needs for a function.
pub fn invoke_query(group: &DeploymentGroupConfig, set_up: &FunctionConfig) -> PermissionQuery {
    // If the function was requested with a qualifier, its ARN ends in the qualifier.
    PermissionQuery {
        role: group.role.clone(),
        action: "lambda:InvokeFunction".to_owned(),
        resource: set_up.arn.clone(),
        context: None,
    }
}

/// The permission that the on-failure handler's role needs.
pub fn put_status_query(set_up: &FunctionConfig, region: &str, application: &str, group: &str) -> PermissionQuery {
    let names = ArnNames {
        region: Some(region.to_owned()),
        account: set_up.role.split(':').nth(4).map(str::to_owned),
        application: Some(application.to_owned()),
        deployment_group: Some(group.to_owned()),
        ..ArnNames::default()
    };
    PermissionQuery {
        role: set_up.role.clone(),
        action: PUT_STATUS.to_owned(),
        resource: Resource::DeploymentGroup.arn(&names),
        context: None,
    }
}

/// Simulates all queries. IAM allows few requests per second, so the simulation of a role takes one request for all
/// queries with an ARN and one for those on `*`. In the reply for `*` the missing context keys are in a different
/// place.
pub async fn simulate_permissions(
    collector: &Collector,
    functions: &[HookedFunction],
    nets: &BTreeMap<String, Lookup<FunctionConfig>>,
    target: &DoctorTarget,
    group: Option<&DeploymentGroupConfig>,
) -> BTreeMap<PermissionQuery, Lookup<bool>> {
    let own = functions.iter().flat_map(|wired| wired.permission_queries.iter().map(|(question, _)| question.clone()));
    let invoked = functions.iter().filter_map(|wired| Some(invoke_query(group?, wired.config.found()?)));
    let of_nets = nets.values().filter_map(Lookup::found);
    let of_nets =
        of_nets.map(|net| put_status_query(net, &target.region, &target.application, &target.deployment_group));
    let mut by_role = BTreeMap::<_, BTreeSet<PermissionQuery>>::new();
    for question in own.chain(invoked).chain(of_nets) {
        by_role.entry((question.role.clone(), question.resource == "*")).or_default().insert(question);
    }
    let simulations = by_role.into_iter().map(|((role, _), questions)| {
        let collector = collector.clone();
        async move {
            let title = format!("what the role {} is allowed", role.rsplit('/').next().unwrap_or_default());
            let simulated = simulate_role(&collector.survey, &role, &questions).await;
            let lookup = collector.record(&title, simulated, &["NoSuchEntity"]);
            let answer = |question: PermissionQuery| {
                let answer = match &lookup {
                    Lookup::Found(decisions) => query_result(&collector, &title, decisions, &question),
                    Lookup::NotFound(why) => Lookup::NotFound(why.clone()),
                    Lookup::Unreadable => Lookup::Unreadable,
                };
                (question, answer)
            };
            questions.into_iter().map(answer).collect::<Vec<_>>()
        }
    });
    join_bounded(simulations).await.into_iter().flatten().collect()
}

fn query_result(
    collector: &Collector,
    title: &str,
    decisions: &SimulationResults,
    question: &PermissionQuery,
) -> Lookup<bool> {
    let PermissionQuery { action, resource, .. } = question;
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
    questions: &BTreeSet<PermissionQuery>,
) -> Result<SimulationResults, AwsError> {
    let actions: BTreeSet<&str> = questions.iter().map(|question| question.action.as_str()).collect();
    let mut waiting = vec![actions.into_iter().collect::<Vec<_>>()];
    let mut decisions = SimulationResults::new();
    while let Some(actions) = waiting.pop() {
        let about: Vec<_> = questions.iter().filter(|it| actions.contains(&it.action.as_str())).collect();
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
    let resources: BTreeSet<&str> = about.iter().map(|question| question.resource.as_str()).collect();
    // The known context of one query applies to all of them, because they have the same cluster.
    let contexts: BTreeSet<_> = about.iter().filter_map(|question| question.context.as_ref()).collect();
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
        let reply = Element::parse(&survey.iam(SIMULATE_OPERATION, &params).await?);
        let Some(result) = reply.child("SimulatePrincipalPolicyResult") else {
            return Err(AwsError::missing_field(SIMULATE_OPERATION, "SimulatePrincipalPolicyResult"));
        };
        result.items("EvaluationResults").for_each(|one| parse_result(one, &resources, &mut decisions));
        marker = result.text("Marker").to_owned();
        if result.text("IsTruncated") != "true" || marker.is_empty() {
            return Ok(decisions);
        }
    }
    Err(AwsError::missing_field(SIMULATE_OPERATION, format_args!("end after {MAX_PAGES} pages")))
}

/// Parses the result of one action. Its own decision is the strictest of all resources, so it is only used for a single
/// resource. The decisions for each resource are in `ResourceSpecificResults`. For a single resource, the missing
/// context keys can be in either place; otherwise they are with the resources.
fn parse_result(one: &Element, resources: &BTreeSet<&str>, decisions: &mut SimulationResults) {
    let action = one.text("EvalActionName");
    let decision = |word: &str, of: &Element| {
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
        decisions.insert((action.to_owned(), (*resource).to_owned()), decision(one.text("EvalDecision"), one));
    }
    for of in specific {
        let resource = of.text("EvalResourceName").to_owned();
        decisions.insert((action.to_owned(), resource), decision(of.text("EvalResourceDecision"), of));
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
        let mut decisions = SimulationResults::new();
        parse_result(&Element::parse(xml), &BTreeSet::from(["x", "y"]), &mut decisions);
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
            let mut decisions = SimulationResults::new();
            parse_result(&Element::parse(&xml), &BTreeSet::from(["*"]), &mut decisions);
            let decision = decisions.get(&("a".to_owned(), "*".to_owned()));
            assert!(matches!(decision, Some(SimulationDecision::MissingContext(on)) if on == "k"), "{xml}");
        }
    }
}
