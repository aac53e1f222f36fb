//! What roles may do, by IAM's own simulation: nothing is tried.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::{
    permissions::{self, GateSource, Names, Permission, Places, Resource},
    survey::{Fault, Survey},
};

use super::{
    super::{
        facts::{Group, Kin, Look, Question, SetUp, Wired},
        findings::PUT,
    },
    Asked, Looker, all,
};
use crate::xml::Element;

/// Simulations are paged; no hook needs so many actions.
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
        if let Some(net) = settings.and_then(|it| it.on_failure.as_ref()).filter(|arn| arn.contains(":function:")) {
            let question = Question {
                role: set_up.role.clone(),
                action: "lambda:InvokeFunction".to_owned(),
                resource: net.clone(),
                context: None,
            };
            needs.push((question, "to hand on the record of an invocation that failed".to_owned()));
        }
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
            // Where Secrets Manager adds six letters, any will do.
            resource: permission.resource.arn(names).replace('?', "A"),
            context: condition.and_then(|it| Some((it.key.to_owned(), it.values.into_iter().next()?))),
        };
        (question, permission.reason())
    });
    let known = |(question, _): &(Question, String)| names.unknown_in(&question.resource).next().is_none();
    asked.partition(known)
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

/// The answers to all questions: one simulation for each role and resource.
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
    let questions: BTreeSet<Question> = own.chain(invoked).chain(of_nets).collect();
    let mut together = BTreeMap::<_, Vec<String>>::new();
    for Question { role, action, resource, context } in questions {
        together.entry((role, resource, context)).or_default().push(action);
    }
    let looks = together.into_iter().map(|((role, resource, context), actions)| {
        let looker = looker.clone();
        async move {
            let allowed = simulated(&looker.survey, &role, &resource, context.as_ref(), &actions).await;
            let title = format!("what the role {} may do", role.rsplit('/').next().unwrap_or_default());
            let look = looker.note(&title, allowed, &["NoSuchEntity"]);
            let answer = |action: String| {
                let answer = match &look {
                    Look::Seen(decisions) => match decisions.get(&action) {
                        Some(Decision::Allowed) => Look::Seen(true),
                        Some(Decision::Denied) => Look::Seen(false),
                        Some(Decision::Depends(on)) => {
                            looker.could_not(format!("{title}: {action}"), None, format!("it depends on {on}"));
                            Look::Unseen
                        }
                        None => {
                            looker.could_not(format!("{title}: {action}"), None, "the simulation does not say");
                            Look::Unseen
                        }
                    },
                    Look::Missing(why) => Look::Missing(why.clone()),
                    Look::Unseen => Look::Unseen,
                };
                let question =
                    Question { role: role.clone(), action, resource: resource.clone(), context: context.clone() };
                (question, answer)
            };
            actions.into_iter().map(answer).collect::<Vec<_>>()
        }
    });
    all(looks).await.into_iter().flatten().collect()
}

/// What the simulation said of an action.
enum Decision {
    Allowed,
    Denied,
    /// It would depend on circumstances that nobody knows here.
    Depends(String),
}

async fn simulated(
    survey: &Survey,
    role: &str,
    resource: &str,
    context: Option<&(String, String)>,
    actions: &[String],
) -> Result<BTreeMap<String, Decision>, Fault> {
    const OPERATION: &str = "iam:SimulatePrincipalPolicy";
    let mut input = vec![("PolicySourceArn".to_owned(), role), ("ResourceArns.member.1".to_owned(), resource)];
    for (index, action) in actions.iter().enumerate() {
        input.push((format!("ActionNames.member.{}", index + 1), action));
    }
    if let Some((key, value)) = context {
        let of = |member: &str| format!("ContextEntries.member.1.{member}");
        input.push((of("ContextKeyName"), key));
        input.push((of("ContextKeyType"), "string"));
        input.push((of("ContextKeyValues.member.1"), value));
    }
    let mut decisions = BTreeMap::new();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!marker.is_empty()).then_some(("Marker", marker.as_str()));
        let asked: Vec<_> = input.iter().map(|(key, value)| (key.as_str(), *value)).chain(page).collect();
        let reply = Element::parse(&survey.iam(OPERATION, &asked).await?);
        let Some(result) = reply.child("SimulatePrincipalPolicyResult") else {
            return Err(Fault::lacks(OPERATION, "SimulatePrincipalPolicyResult"));
        };
        for one in result.items("EvaluationResults") {
            let missing = one.texts("MissingContextValues");
            let decision = match one.text("EvalDecision") {
                "allowed" => Decision::Allowed,
                "implicitDeny" | "explicitDeny" if missing.is_empty() => Decision::Denied,
                _ => Decision::Depends(missing.join(", ")),
            };
            decisions.insert(one.text("EvalActionName").to_owned(), decision);
        }
        marker = result.text("Marker").to_owned();
        if result.text("IsTruncated") != "true" || marker.is_empty() {
            return Ok(decisions);
        }
    }
    Err(Fault::lacks(OPERATION, format_args!("end after {MAX_PAGES} pages")))
}
