//! What roles may do, by IAM's own simulation: nothing is tried.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::{
    permissions::{self, GateSource, Names, Permission, Places, Resource},
    survey::{Fault, Survey},
};

use super::{
    super::{
        facts::{Group, Kin, Look, Question, SetUp, Wired, elsewhere},
        findings::PUT,
    },
    Asked, Looker, all,
};
use crate::xml::Element;

/// Pages of a simulation, each of a hundred actions; no hook needs so many.
const MAX_PAGES: usize = 20;

/// What the roles of the functions have to be allowed.
pub fn ask(looker: &Looker, functions: &mut [Wired], asked: &Asked, group: Option<&Group>) {
    for wired in functions {
        let Some(set_up) = wired.set_up.seen() else { continue };
        let names = names(set_up, asked, group);
        let variables = set_up.variables.clone().unwrap_or_default();
        let places = Places {
            gate: GateSource::read(|name| variables.get(name).cloned()).unwrap_or_default(),
            ..Places::default()
        };
        let needed = match wired.is {
            // With a gate file that has a fault the role still has to answer.
            Kin::Hook(hook) => permissions::of(wired.gate.text.as_deref(), hook, &places)
                .or_else(|_| permissions::of(None, hook, &places))
                .unwrap_or_default(),
            Kin::LastAnswer | Kin::Stranger => permissions::of_last_answer(),
        };
        let (mut needs, unknown) = questions(set_up, &needed, &names);
        for (question, _) in unknown {
            let why =
                format!("{} is not known whole: the deployment group does not name its service", question.resource);
            looker.could_not(format!("whether the role of {} may {}", wired.name, question.action), None, why);
        }
        let settings = wired.events.seen().and_then(Option::as_ref);
        let is_here = |arn: &&String| arn.contains(":function:") && elsewhere(arn, &asked.region, group).is_none();
        if let Some(net) = settings.and_then(|it| it.on_failure.as_ref()).filter(is_here) {
            let question = Question {
                role: set_up.role.clone(),
                action: "lambda:InvokeFunction".to_owned(),
                resource: net.clone(),
                context: None,
            };
            needs.push((question, "to hand on the record of an invocation that failed".to_owned()));
        }
        wired.calls = needed.iter().filter_map(|it| it.action.split(':').next()).collect();
        wired.needs = needs;
    }
}

/// What is known of the names in ARNs.
fn names(set_up: &SetUp, asked: &Asked, group: Option<&Group>) -> Names {
    let service = group.and_then(|group| group.service.clone());
    let (cluster, service) = service.unzip();
    Names {
        partition: None,
        region: Some(asked.region.clone()),
        account: set_up.role.split(':').nth(4).map(str::to_owned),
        application: Some(asked.application.clone()),
        deployment_group: Some(asked.group.clone()),
        cluster,
        service,
    }
}

type Needed = Vec<(Question, String)>;

/// The questions that can be asked, and those of which a name is not known.
fn questions(set_up: &SetUp, needed: &[Permission], names: &Names) -> (Needed, Needed) {
    let asked = needed.iter().filter(|it| is_asked(&it.resource)).map(|permission| {
        let condition = permission.resource.condition(names);
        let question = Question {
            role: set_up.role.clone(),
            action: permission.action.to_owned(),
            resource: resource(&permission.resource, names),
            context: condition.and_then(|it| Some((it.key.to_owned(), it.values.into_iter().next()?))),
        };
        (question, permission.reason())
    });
    let known = |(question, _): &(Question, String)| names.unknown_in(&question.resource).next().is_none();
    asked.partition(known)
}

/// What the role has to be allowed the action on.
fn resource(needed: &Resource, names: &Names) -> String {
    match needed {
        // AWS's references disagree; a role that follows either of them is well.
        Resource::DeploymentTargets => Resource::DeploymentGroup.arn(names),
        // Where Secrets Manager adds six letters, any will do.
        other => other.arn(names).replace('?', "A"),
    }
}

/// What a task definition names is known to each deployment alone, and a role may well allow less than all of it.
const fn is_asked(resource: &Resource) -> bool {
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

/// What CodeDeploy's role has to be allowed for a function.
pub fn invoke(group: &Group, set_up: &SetUp) -> Question {
    // The ARN of a function that was asked for with a qualifier has it at its end.
    Question {
        role: group.role.clone(),
        action: "lambda:InvokeFunction".to_owned(),
        resource: set_up.arn.clone(),
        context: None,
    }
}

/// What the role of the net has to be allowed.
pub fn put(set_up: &SetUp, region: &str, application: &str, group: &str) -> Question {
    let names = Names {
        region: Some(region.to_owned()),
        account: set_up.role.split(':').nth(4).map(str::to_owned),
        application: Some(application.to_owned()),
        deployment_group: Some(group.to_owned()),
        ..Names::default()
    };
    Question {
        role: set_up.role.clone(),
        action: PUT.to_owned(),
        resource: Resource::DeploymentGroup.arn(&names),
        context: None,
    }
}

/// The answers to all questions. IAM answers few requests a second, so that a role has one for all that is named by an ARN
/// and one for what is about everything; with the latter, the keys that are missing stand elsewhere in the reply.
pub async fn permits(
    looker: &Looker,
    functions: &[Wired],
    nets: &BTreeMap<String, Look<SetUp>>,
    asked: &Asked,
    group: Option<&Group>,
) -> BTreeMap<Question, Look<bool>> {
    let own = functions.iter().flat_map(|wired| wired.needs.iter().map(|(question, _)| question.clone()));
    let invoked = functions.iter().filter_map(|wired| Some(invoke(group?, wired.set_up.seen()?)));
    let of_nets = nets.values().filter_map(Look::seen);
    let of_nets = of_nets.map(|net| put(net, &asked.region, &asked.application, &asked.group));
    let mut together = BTreeMap::<_, BTreeSet<Question>>::new();
    for question in own.chain(invoked).chain(of_nets) {
        together.entry((question.role.clone(), question.resource == "*")).or_default().insert(question);
    }
    let looks = together.into_iter().map(|((role, _), questions)| {
        let looker = looker.clone();
        async move {
            let title = format!("what the role {} may do", role.rsplit('/').next().unwrap_or_default());
            let simulated = simulated(&looker.survey, &role, &questions).await;
            let look = looker.note(&title, simulated, &["NoSuchEntity"]);
            let answer = |question: Question| {
                let answer = match &look {
                    Look::Seen(decisions) => decided(&looker, &title, decisions, &question),
                    Look::Missing(why) => Look::Missing(why.clone()),
                    Look::Unseen => Look::Unseen,
                };
                (question, answer)
            };
            questions.into_iter().map(answer).collect::<Vec<_>>()
        }
    });
    all(looks).await.into_iter().flatten().collect()
}

fn decided(looker: &Looker, title: &str, decisions: &Decisions, question: &Question) -> Look<bool> {
    let Question { action, resource, .. } = question;
    let why = match decisions.get(&(action.clone(), resource.clone())) {
        Some(Decision::Allowed) => return Look::Seen(true),
        Some(Decision::Denied) => return Look::Seen(false),
        Some(Decision::Depends(on)) => format!("it depends on {on}"),
        None => "the simulation does not say".to_owned(),
    };
    looker.could_not(format!("{title}: {action} on {resource}"), None, why);
    Look::Unseen
}

/// What the simulation said, by action and resource.
type Decisions = BTreeMap<(String, String), Decision>;

/// What the simulation said of an action.
enum Decision {
    Allowed,
    Denied,
    /// It would depend on circumstances that nobody knows here.
    Depends(String),
}

const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// All questions of one role, in as few requests as IAM takes: some actions it simulates only apart from others, and says
/// which when it is asked for them at once.
async fn simulated(survey: &Survey, role: &str, questions: &BTreeSet<Question>) -> Result<Decisions, Fault> {
    let actions: BTreeSet<&str> = questions.iter().map(|question| question.action.as_str()).collect();
    let mut waiting = vec![actions.into_iter().collect::<Vec<_>>()];
    let mut decisions = Decisions::new();
    while let Some(actions) = waiting.pop() {
        let about: Vec<_> = questions.iter().filter(|it| actions.contains(&it.action.as_str())).collect();
        match simulate(survey, role, &actions, &about).await {
            Ok(some) => decisions.extend(some),
            Err(fault) if fault.is("InvalidInput") && actions.len() > 1 => {
                let (one, other) = apart(&actions, &fault.detail);
                waiting.extend([one, other]);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(decisions)
}

/// Those of the actions that stand in the first brackets of a refusal, and the others: `[a,b] and [c] require different
/// authorization information`. Two halves, if it is said in other words.
fn apart<'a>(actions: &[&'a str], said: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let brackets = said.split_once('[').and_then(|(_, rest)| Some(rest.split_once(']')?.0)).unwrap_or_default();
    let named: Vec<&str> = brackets.split(',').map(str::trim).collect();
    let (one, other): (Vec<&str>, Vec<&str>) = actions.iter().copied().partition(|action| named.contains(action));
    if one.is_empty() || other.is_empty() {
        let (one, other) = actions.split_at(actions.len() / 2);
        return (one.to_vec(), other.to_vec());
    }
    (one, other)
}

async fn simulate(survey: &Survey, role: &str, actions: &[&str], about: &[&Question]) -> Result<Decisions, Fault> {
    let resources: BTreeSet<&str> = about.iter().map(|question| question.resource.as_str()).collect();
    // What is known of the circumstances of one request holds for all of them: they have the same cluster.
    let contexts: BTreeSet<_> = about.iter().filter_map(|question| question.context.as_ref()).collect();
    let mut input = vec![("PolicySourceArn".to_owned(), role)];
    let numbered = |name: &str, index: usize| format!("{name}.member.{}", index + 1);
    input.extend(actions.iter().enumerate().map(|(index, it)| (numbered("ActionNames", index), *it)));
    input.extend(resources.iter().enumerate().map(|(index, it)| (numbered("ResourceArns", index), *it)));
    for (index, (key, value)) in contexts.into_iter().enumerate() {
        let of = |member: &str| format!("{}.{member}", numbered("ContextEntries", index));
        input.push((of("ContextKeyName"), key));
        input.push((of("ContextKeyType"), "string"));
        input.push((of("ContextKeyValues.member.1"), value));
    }
    let mut decisions = Decisions::new();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!marker.is_empty()).then_some(("Marker", marker.as_str()));
        let asked: Vec<_> = input.iter().map(|(key, value)| (key.as_str(), *value)).chain(page).collect();
        let reply = Element::parse(&survey.iam(SIMULATE, &asked).await?);
        let Some(result) = reply.child("SimulatePrincipalPolicyResult") else {
            return Err(Fault::lacks(SIMULATE, "SimulatePrincipalPolicyResult"));
        };
        result.items("EvaluationResults").for_each(|one| read(one, &resources, &mut decisions));
        marker = result.text("Marker").to_owned();
        if result.text("IsTruncated") != "true" || marker.is_empty() {
            return Ok(decisions);
        }
    }
    Err(Fault::lacks(SIMULATE, format_args!("end after {MAX_PAGES} pages")))
}

/// One action's result. What it says itself is the strictest of all resources, and holds for one alone; what it says of
/// each is beneath it. The keys that are missing stand with either where everything is asked about, and beneath else.
fn read(one: &Element, resources: &BTreeSet<&str>, decisions: &mut Decisions) {
    let action = one.text("EvalActionName");
    let decision = |word: &str, of: &Element| {
        let own = if resources.len() == 1 { one.texts("MissingContextValues") } else { Vec::new() };
        let missing: BTreeSet<String> = of.texts("MissingContextValues").into_iter().chain(own).collect();
        match word {
            "allowed" => Decision::Allowed,
            "implicitDeny" | "explicitDeny" if missing.is_empty() => Decision::Denied,
            _ => Decision::Depends(missing.into_iter().collect::<Vec<_>>().join(", ")),
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
        assert_eq!(apart(&actions, said), (vec!["s3:GetObject"], vec!["ecs:ListTasks", "iam:GetRole"]));
        assert_eq!(apart(&actions, "no"), (vec!["ecs:ListTasks"], vec!["iam:GetRole", "s3:GetObject"]));
    }

    #[test]
    fn what_is_said_of_a_resource_counts_and_not_the_sum() {
        let xml = "<r><EvalActionName>a</EvalActionName><EvalDecision>implicitDeny</EvalDecision><ResourceSpecificResults>\
            <member><EvalResourceName>x</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision></member>\
            <member><EvalResourceName>y</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>\
            <MissingContextValues><member>k</member></MissingContextValues></member>\
            </ResourceSpecificResults></r>";
        let mut decisions = Decisions::new();
        read(&Element::parse(xml), &BTreeSet::from(["x", "y"]), &mut decisions);
        let of = |resource: &str| decisions.get(&("a".to_owned(), resource.to_owned()));
        assert!(matches!(of("x"), Some(Decision::Allowed)));
        assert!(matches!(of("y"), Some(Decision::Depends(on)) if on == "k"));
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
            let mut decisions = Decisions::new();
            read(&Element::parse(&xml), &BTreeSet::from(["*"]), &mut decisions);
            let decision = decisions.get(&("a".to_owned(), "*".to_owned()));
            assert!(matches!(decision, Some(Decision::Depends(on)) if on == "k"), "{xml}");
        }
    }
}
