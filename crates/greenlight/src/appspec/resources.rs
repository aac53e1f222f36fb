//! Checks the `Resources` section by the rules of CodeDeploy for an Amazon ECS deployment: one service, with its task
//! definition and the container that gets the traffic.
//!
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>

use hook_core::gate_file::Message;

use super::{
    issue::Severity,
    lifecycle_events::nearest,
    model,
    tree::{SpannedNode, SpannedValue},
};

/// A problem: its severity, its position and its message.
pub type ResourceIssue<'a> = (Severity, &'a SpannedNode, Message);

/// The properties of a service. CodeDeploy requires the first two.
const PROPERTIES: [&str; 5] =
    ["TaskDefinition", "LoadBalancerInfo", "PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy"];
/// The type of the resource in an Amazon ECS deployment.
const SERVICE: &str = "AWS::ECS::Service";

/// All problems of the section. `root` is the whole file.
pub fn check_resources(root: &SpannedNode) -> Vec<ResourceIssue<'_>> {
    let mut found = Vec::new();
    match model::sections(root, "Resources").as_slice() {
        [] => reject(&mut found, root, "the Resources section is missing; it names the task definition"),
        [(key, list)] => check_section(&mut found, key, list),
        [_, (again, _), ..] => reject(&mut found, again, "a second Resources section; CodeDeploy reads one"),
    }
    found
}

fn reject<'a>(found: &mut Vec<ResourceIssue<'a>>, at: &'a SpannedNode, message: impl Into<Message>) {
    found.push((Severity::Rejected, at, message.into()));
}

fn check_section<'a>(found: &mut Vec<ResourceIssue<'a>>, key: &'a SpannedNode, list: &'a SpannedNode) {
    let item = match &list.data {
        SpannedValue::List(items) => match items.as_slice() {
            [item] => item,
            [] => return reject(found, key, "the Resources section is empty; it needs one service"),
            [_, second, ..] => {
                return reject(found, second, "a second resource; an Amazon ECS deployment has one service");
            }
        },
        SpannedValue::Map(_) => {
            return reject(found, list, "Resources is a list: put a `-` before the name of the service");
        }
        SpannedValue::Null => return reject(found, key, "the Resources section is empty; it needs one service"),
        SpannedValue::Scalar(_) => {
            return reject(found, list, "Resources is a list with one service, such as `- TargetService:`");
        }
    };
    match item.entries() {
        [(name, resource)] => self::check_resource(found, name, resource),
        [(name, SpannedNode { data: SpannedValue::Null, .. }), ..] => {
            let name = name.text().unwrap_or("TargetService");
            reject(found, item, format!("indent Type and Properties deeper than `{name}`: they belong to it"));
        }
        [_, (second, _), ..] => reject(found, second, "an item of Resources has one name; this is a second one"),
        [] => reject(found, item, "an item of Resources is a map: the name of the service, then Type and Properties"),
    }
}

fn check_resource<'a>(found: &mut Vec<ResourceIssue<'a>>, name: &'a SpannedNode, resource: &'a SpannedNode) {
    if !matches!(resource.data, SpannedValue::Map(_)) {
        let at = if matches!(resource.data, SpannedValue::Null) { name } else { resource };
        return reject(found, at, "Type and Properties are missing below this name");
    }
    check_keys(found, resource, "a resource", &["Type", "Properties"]);
    match resource.get("Type") {
        None => reject(found, name, format!("`Type: {SERVICE}` is missing")),
        Some(kind) if kind.text() == Some("AWS::Lambda::Function") => {
            // The rest of the resource belongs to that platform.
            return reject(found, kind, "this file deploys a Lambda function; these hooks are for Amazon ECS");
        }
        Some(kind) if kind.text() != Some(SERVICE) => {
            reject(found, kind, format!("the Type of a resource in an Amazon ECS deployment is `{SERVICE}`"));
        }
        Some(_) => {}
    }
    match resource.get("Properties") {
        None => reject(found, name, "Properties is missing, with TaskDefinition and LoadBalancerInfo"),
        Some(properties) if matches!(properties.data, SpannedValue::Map(_)) => {
            self::check_properties(found, properties)
        }
        Some(properties) => {
            reject(found, properties, "Properties is a map with TaskDefinition and LoadBalancerInfo");
        }
    }
}

fn check_properties<'a>(found: &mut Vec<ResourceIssue<'a>>, properties: &'a SpannedNode) {
    check_keys(found, properties, "Properties", &PROPERTIES);
    match properties.get("TaskDefinition") {
        None => reject(found, properties, "TaskDefinition is missing: the ARN of the task definition to deploy"),
        Some(node) => match node.text().map(str::trim) {
            None | Some("") => reject(found, node, "TaskDefinition is the ARN of one task definition"),
            Some(text) if model::is_placeholder(text) => {}
            Some(text) if text.starts_with("arn:") => {
                let parts: Vec<&str> = text.splitn(6, ':').collect();
                if !matches!(parts[..], [_, _, "ecs", _, _, what] if what.starts_with("task-definition/")) {
                    let shape = "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION";
                    reject(found, node, format!("not the ARN of a task definition, which has the form {shape}"));
                }
            }
            // A pipeline can also replace a plain word without marks.
            Some(_) => {}
        },
    }
    match properties.get("LoadBalancerInfo") {
        None => reject(found, properties, "LoadBalancerInfo is missing, with ContainerName and ContainerPort"),
        Some(info) => check_load_balancer(found, info),
    }
    if let Some(network) = properties.get("NetworkConfiguration") {
        let vpc = network.get("AwsvpcConfiguration").filter(|vpc| matches!(vpc.data, SpannedValue::Map(_)));
        if vpc.is_none() && !is_placeholder(network) {
            reject(found, network, "NetworkConfiguration has one key, AwsvpcConfiguration, with Subnets");
        }
    }
    if let Some(strategy) = properties.get("CapacityProviderStrategy")
        && !matches!(strategy.data, SpannedValue::List(_))
        && !is_placeholder(strategy)
    {
        reject(found, strategy, "CapacityProviderStrategy is a list: put a `-` before each capacity provider");
    }
}

fn check_load_balancer<'a>(found: &mut Vec<ResourceIssue<'a>>, info: &'a SpannedNode) {
    match &info.data {
        SpannedValue::Map(_) => {}
        SpannedValue::List(_) => {
            let message = "LoadBalancerInfo is a map and not a list: take the `-` out before ContainerName";
            return reject(found, info, message);
        }
        SpannedValue::Null | SpannedValue::Scalar(_) => {
            return reject(found, info, "LoadBalancerInfo is a map with ContainerName and ContainerPort");
        }
    }
    check_keys(found, info, "LoadBalancerInfo", &["ContainerName", "ContainerPort"]);
    match info.get("ContainerName") {
        None => reject(found, info, "ContainerName is missing: the container that gets the traffic"),
        Some(name) if name.text().is_none_or(|text| text.trim().is_empty()) => {
            reject(found, name, "ContainerName is the name of one container");
        }
        Some(_) => {}
    }
    match info.get("ContainerPort") {
        None => reject(found, info, "ContainerPort is missing: the port that gets the traffic"),
        Some(port) => {
            let text = port.text().unwrap_or_default();
            let is_port = text.trim().parse::<u16>().is_ok_and(|port| port > 0);
            if !is_port && !model::is_placeholder(text) {
                reject(found, port, "ContainerPort is a number from 1 to 65535");
            }
        }
    }
}

fn is_placeholder(node: &SpannedNode) -> bool {
    node.text().is_some_and(model::is_placeholder)
}

/// Reports keys that CodeDeploy does not document. Only one that looks like a misspelling is a fault.
fn check_keys<'a>(found: &mut Vec<ResourceIssue<'a>>, map: &'a SpannedNode, what: &str, known: &[&str]) {
    for (key, _) in map.entries() {
        let Some(name) = key.text() else { continue };
        if known.iter().any(|known| known.eq_ignore_ascii_case(name)) || model::is_placeholder(name) {
            continue;
        }
        match nearest(name, known.iter().copied()) {
            Some(near) => {
                let message = Message::did_you_mean(format_args!("`{name}` is not a key of {what}"), near);
                found.push((Severity::Rejected, key, message));
            }
            None => {
                let message = format!("`{name}` is not a documented key of {what}: {}", known.join(", "));
                found.push((Severity::Note, key, message.into()));
            }
        }
    }
}
