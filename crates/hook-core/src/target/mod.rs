//! What discovery found out about a deployment, in the field's own words and without the SDK's types.

mod balancer;
mod deployment;
mod rule;
mod rule_match;
mod service;

use std::time::SystemTime;

pub use self::{
    balancer::{Listener, TargetGroup, TargetHealth, group_name},
    deployment::{AlarmSetting, Begun, Deployment, Progress, Wiring},
    rule::{Action, Patterns, Rule, RuleCondition},
    rule_match::{Matched, Meets, RequestParts},
    service::{Container, Service, Task, TaskSet},
};

/// Everything that is known about the deployment before the first check runs.
#[derive(Clone, Debug)]
pub struct Target {
    /// The deployment itself.
    pub deployment: Deployment,
    /// Name or ARN of the ECS cluster.
    pub cluster: String,
    /// The ECS service.
    pub service: Service,
    /// The target group of the replacement task set.
    pub green_group: Option<TargetGroup>,
    /// The production listener.
    pub production: Option<Listener>,
    /// The test listener.
    pub test: Option<Listener>,
    /// The alarms of the deployment group.
    pub alarms: AlarmSetting,
}

/// One alarm of CloudWatch, metric or composite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// When it came into this state.
    pub since: Option<SystemTime>,
    /// What kept CloudWatch from evaluating it, or from evaluating it fully: `EVALUATION_ERROR`, `PARTIAL_DATA`.
    pub evaluation: Option<String>,
}

/// A state that an alarm came into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmChange {
    /// When.
    pub at: SystemTime,
    /// Which.
    pub state: String,
    /// Why, in CloudWatch's words.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn set(id: &str, external_id: &str, status: &str) -> TaskSet {
        TaskSet {
            id: id.into(),
            external_id: external_id.into(),
            status: status.into(),
            steady: true,
            desired: 1,
            running: 1,
            pending: 0,
            task_definition: "web:1".into(),
            target_group: None,
            container: None,
            container_port: None,
            created: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(100)),
        }
    }

    fn service(task_sets: Vec<TaskSet>) -> Service {
        Service {
            name: "web".into(),
            status: "ACTIVE".into(),
            controller: "CODE_DEPLOY".into(),
            task_sets,
            events: Vec::new(),
        }
    }

    #[test]
    fn colours_come_from_identity_before_and_after_the_shift() {
        for (blue, green) in [("PRIMARY", "ACTIVE"), ("ACTIVE", "PRIMARY")] {
            let service = service(vec![set("ecs-svc/1", "d-OLD", blue), set("ecs-svc/2", "d-NEW", green)]);
            assert_eq!(service.green("d-NEW").unwrap().id, "ecs-svc/2");
            assert_eq!(service.blue("d-NEW").unwrap().id, "ecs-svc/1");
        }
        let service = service(vec![set("ecs-svc/0", "d-OLDER", "DRAINING"), set("ecs-svc/1", "d-OLD", "PRIMARY")]);
        assert!(service.green("d-NEW").is_none());
        assert_eq!(service.blue("d-NEW").unwrap().id, "ecs-svc/1");
    }

    #[test]
    fn a_task_is_of_its_set_by_name_and_else_by_age() {
        let green = set("ecs-svc/2", "d-NEW", "ACTIVE");
        let task = |started_by: &str, created| Task {
            id: "1".into(),
            started_by: started_by.into(),
            task_definition: "web:1".into(),
            created: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(created)),
            stop_code: None,
            stopped_reason: None,
            containers: Vec::new(),
        };
        let service = service(vec![set("ecs-svc/1", "d-OLD", "PRIMARY"), green.clone()]);
        let is_of = |started_by: &str, created| task(started_by, created).is_of(&green, &service);
        assert!(is_of("ecs-svc/2", 5));
        assert!(!is_of("ecs-svc/1", 500));
        assert!(is_of("", 500));
        assert!(!is_of("", 5));
        assert!(is_of("ecs-svc/another-kind-of-id", 500));
    }

    #[test]
    fn of_cloudformations_task_sets_the_newest_of_several_is_green() {
        let mut blue = set("ecs-svc/1", "", "PRIMARY");
        blue.created = Some(SystemTime::UNIX_EPOCH);
        let external = |task_sets| Service { controller: "EXTERNAL".into(), ..service(task_sets) };
        assert!(external(vec![blue.clone()]).green("d-NEW").is_none());
        let both = external(vec![set("ecs-svc/2", "", "ACTIVE"), blue.clone()]);
        assert_eq!(both.green("d-NEW").unwrap().id, "ecs-svc/2");
        assert_eq!(both.blue("d-NEW").unwrap().id, "ecs-svc/1");
        assert!(service(vec![set("ecs-svc/2", "", "ACTIVE"), blue]).green("d-NEW").is_none());
    }
}
