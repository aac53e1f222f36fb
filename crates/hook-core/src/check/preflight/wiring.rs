//! Whether deployment group, listeners and target groups belong together.

use crate::{
    check::{Route, Scene},
    code::Code,
    finding::Observation,
    target::group_name,
};

/// That it could be read shows in that it names an application; a deployment of CloudFormation's has none.
pub fn group(scene: &Scene) -> Observation {
    let deployment = &scene.target.deployment;
    if deployment.application.is_empty() || deployment.group.is_empty() {
        return Observation::not_applicable("deployment group", "this deployment has none: CloudFormation made it");
    }
    let resource = format!("deployment group {} of {}", deployment.group, deployment.application);
    let (cluster, service) = (&scene.target.cluster, &scene.target.service.name);
    Observation::passed(resource, format!("readable, deploys service {service} of cluster {cluster}"))
}

pub fn test_listener(scene: &Scene) -> Observation {
    match scene.listener(Route::Test) {
        Ok(listener) => Observation::passed(format!("test {}", listener.title()), "is there"),
        Err(observation) => observation,
    }
}

/// Before the shift production leads to the original, and after it to the replacement: at any time to the pair, whole.
pub fn listeners(scene: &Scene) -> Observation {
    let deployment = &scene.target.deployment;
    let resource = format!("deployment group {}", deployment.group);
    let miswired = |resource: &str, expected: &str, seen: String| {
        Observation::failed(Code::ListenerMiswired, resource, expected, seen)
    };
    let pair = &deployment.target_groups;
    if pair.len() != 2 {
        return miswired(&resource, "a pair of target groups", format!("{}: {}", pair.len(), pair.join(", ")));
    }
    let production = match scene.listener(Route::Production) {
        Ok(listener) => listener,
        Err(observation) => return observation,
    };
    if let Some(test) = &scene.target.test
        && test.arn == production.arn
    {
        let seen = format!("both are {}", production.title());
        return miswired(&resource, "a test listener that is not the production listener", seen);
    }
    let owned = |arn: &str| pair.iter().any(|name| name == group_name(arn));
    for listener in [Some(production), scene.target.test.as_ref()].into_iter().flatten() {
        let which = if listener.arn == production.arn { "production" } else { "test" };
        let title = format!("{which} {}", listener.title());
        let about = |rule: &&crate::target::Rule| rule.weights().iter().any(|(arn, _)| owned(arn));
        let rules: Vec<_> = listener.rules.iter().filter(about).collect();
        let leads: Vec<_> = listener.rules.iter().flat_map(|rule| rule.weights()).collect();
        if rules.is_empty() {
            let mut names: Vec<_> = leads.iter().map(|(arn, _)| group_name(arn)).collect();
            names.dedup();
            let seen = if names.is_empty() { "nowhere".to_owned() } else { names.join(", ") };
            return miswired(&title, &format!("a rule that forwards to {}", pair.join(" or ")), seen);
        }
        // Of a rule that leads to the pair and to somebody else, the others' share would stay theirs.
        let strange = rules.iter().flat_map(|rule| rule.weights()).find(|(arn, weight)| *weight > 0 && !owned(arn));
        if let Some((arn, weight)) = strange {
            let seen = format!("weight {weight} for {}", group_name(arn));
            return miswired(&title, &format!("all traffic to {}", pair.join(" or ")), seen);
        }
    }
    let whose = match scene.target.test {
        Some(_) => "production and test listener lead",
        None => "the production listener leads",
    };
    Observation::passed(resource, format!("{whose} to {}", pair.join(" and ")))
}
