//! The `Resources` section as CodeDeploy reads it for an Amazon ECS deployment: one service, with its task definition and
//! the container that gets the traffic.
//!
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>

use super::{
    check::Level,
    events::nearest,
    file,
    tree::{Data, Node},
};

/// Something that is wrong: how bad it is, where, and what.
pub type Found<'a> = (Level, &'a Node, String);

/// The properties of a service. CodeDeploy requires the first two.
const PROPERTIES: [&str; 5] =
    ["TaskDefinition", "LoadBalancerInfo", "PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy"];
/// The type of the resource in an Amazon ECS deployment.
const SERVICE: &str = "AWS::ECS::Service";

/// Everything that is wrong with the section. `root` is the whole file.
pub fn check(root: &Node) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    match file::sections(root, "Resources").as_slice() {
        [] => refuse(&mut found, root, "the Resources section is missing; it names the task definition"),
        [(key, list)] => section(&mut found, key, list),
        [_, (again, _), ..] => refuse(&mut found, again, "a second Resources section; CodeDeploy reads one"),
    }
    found
}

fn refuse<'a>(found: &mut Vec<Found<'a>>, at: &'a Node, message: impl Into<String>) {
    found.push((Level::Refused, at, message.into()));
}

fn section<'a>(found: &mut Vec<Found<'a>>, key: &'a Node, list: &'a Node) {
    let item = match &list.data {
        Data::List(items) => match items.as_slice() {
            [item] => item,
            [] => return refuse(found, key, "the Resources section is empty; it needs one service"),
            [_, second, ..] => {
                return refuse(found, second, "a second resource; an Amazon ECS deployment has one service");
            }
        },
        Data::Map(_) => {
            return refuse(found, list, "Resources is a list: put a `-` before the name of the service");
        }
        Data::Null => return refuse(found, key, "the Resources section is empty; it needs one service"),
        Data::Scalar(_) => {
            return refuse(found, list, "Resources is a list with one service, such as `- TargetService:`");
        }
    };
    match item.entries() {
        [(name, resource)] => self::resource(found, name, resource),
        [(name, Node { data: Data::Null, .. }), ..] => {
            let name = name.text().unwrap_or("TargetService");
            refuse(found, item, format!("indent Type and Properties deeper than `{name}`: they belong to it"));
        }
        [_, (second, _), ..] => refuse(found, second, "an item of Resources has one name; this is a second one"),
        [] => refuse(found, item, "an item of Resources is a map: the name of the service, then Type and Properties"),
    }
}

fn resource<'a>(found: &mut Vec<Found<'a>>, name: &'a Node, resource: &'a Node) {
    if !matches!(resource.data, Data::Map(_)) {
        let at = if matches!(resource.data, Data::Null) { name } else { resource };
        return refuse(found, at, "Type and Properties are missing below this name");
    }
    keys(found, resource, "a resource", &["Type", "Properties"]);
    match resource.get("Type") {
        None => refuse(found, name, format!("`Type: {SERVICE}` is missing")),
        Some(kind) if kind.text() == Some("AWS::Lambda::Function") => {
            // What follows belongs to that platform.
            return refuse(found, kind, "this file deploys a Lambda function; these hooks are for Amazon ECS");
        }
        Some(kind) if kind.text() != Some(SERVICE) => {
            refuse(found, kind, format!("the Type of a resource in an Amazon ECS deployment is `{SERVICE}`"));
        }
        Some(_) => {}
    }
    match resource.get("Properties") {
        None => refuse(found, name, "Properties is missing, with TaskDefinition and LoadBalancerInfo"),
        Some(properties) if matches!(properties.data, Data::Map(_)) => self::properties(found, properties),
        Some(properties) => {
            refuse(found, properties, "Properties is a map with TaskDefinition and LoadBalancerInfo");
        }
    }
}

fn properties<'a>(found: &mut Vec<Found<'a>>, properties: &'a Node) {
    keys(found, properties, "Properties", &PROPERTIES);
    match properties.get("TaskDefinition") {
        None => refuse(found, properties, "TaskDefinition is missing: the ARN of the task definition to deploy"),
        Some(node) => match node.text().map(str::trim) {
            None | Some("") => refuse(found, node, "TaskDefinition is the ARN of one task definition"),
            Some(text) if file::is_placeholder(text) => {}
            Some(text) if text.starts_with("arn:") => {
                let parts: Vec<&str> = text.splitn(6, ':').collect();
                if !matches!(parts[..], [_, _, "ecs", _, _, what] if what.starts_with("task-definition/")) {
                    let shape = "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION";
                    refuse(found, node, format!("not the ARN of a task definition, which has the form {shape}"));
                }
            }
            // A word that a pipeline replaces, perhaps without a mark.
            Some(_) => {}
        },
    }
    match properties.get("LoadBalancerInfo") {
        None => refuse(found, properties, "LoadBalancerInfo is missing, with ContainerName and ContainerPort"),
        Some(info) => load_balancer(found, info),
    }
    if let Some(network) = properties.get("NetworkConfiguration") {
        let vpc = network.get("AwsvpcConfiguration").filter(|vpc| matches!(vpc.data, Data::Map(_)));
        if vpc.is_none() && !is_placeholder(network) {
            refuse(found, network, "NetworkConfiguration has one key, AwsvpcConfiguration, with Subnets");
        }
    }
    if let Some(strategy) = properties.get("CapacityProviderStrategy")
        && !matches!(strategy.data, Data::List(_))
        && !is_placeholder(strategy)
    {
        refuse(found, strategy, "CapacityProviderStrategy is a list: put a `-` before each capacity provider");
    }
}

fn load_balancer<'a>(found: &mut Vec<Found<'a>>, info: &'a Node) {
    match &info.data {
        Data::Map(_) => {}
        Data::List(_) => {
            let message = "LoadBalancerInfo is a map and not a list: take the `-` out before ContainerName";
            return refuse(found, info, message);
        }
        Data::Null | Data::Scalar(_) => {
            return refuse(found, info, "LoadBalancerInfo is a map with ContainerName and ContainerPort");
        }
    }
    keys(found, info, "LoadBalancerInfo", &["ContainerName", "ContainerPort"]);
    match info.get("ContainerName") {
        None => refuse(found, info, "ContainerName is missing: the container that gets the traffic"),
        Some(name) if name.text().is_none_or(|text| text.trim().is_empty()) => {
            refuse(found, name, "ContainerName is the name of one container");
        }
        Some(_) => {}
    }
    match info.get("ContainerPort") {
        None => refuse(found, info, "ContainerPort is missing: the port that gets the traffic"),
        Some(port) => {
            let text = port.text().unwrap_or_default();
            let is_port = text.trim().parse::<u16>().is_ok_and(|port| port > 0);
            if !is_port && !file::is_placeholder(text) {
                refuse(found, port, "ContainerPort is a number from 1 to 65535");
            }
        }
    }
}

fn is_placeholder(node: &Node) -> bool {
    node.text().is_some_and(file::is_placeholder)
}

/// Keys that CodeDeploy does not document. Only one that looks like a misspelling is a fault.
fn keys<'a>(found: &mut Vec<Found<'a>>, map: &'a Node, what: &str, known: &[&str]) {
    for (key, _) in map.entries() {
        let Some(name) = key.text() else { continue };
        if known.iter().any(|known| known.eq_ignore_ascii_case(name)) || file::is_placeholder(name) {
            continue;
        }
        match nearest(name, known.iter().copied()) {
            Some(near) => {
                let message = format!("`{name}` is not a key of {what}; did you mean `{near}`?");
                found.push((Level::Refused, key, message));
            }
            None => {
                let message = format!("`{name}` is not a documented key of {what}: {}", known.join(", "));
                found.push((Level::Note, key, message));
            }
        }
    }
}
