//! The results of discovery, in AWS's terms and without SDK types.

mod deployment;
mod load_balancer;
mod rule;
mod rule_match;
mod service;
mod stop_reason;
mod task_definition;

use std::time::SystemTime;

pub use self::{
    deployment::{AlarmConfiguration, Deployment, EventMatch, LifecycleProgress, StartedEvent},
    load_balancer::{Listener, TargetGroup, TargetHealth, target_group_name},
    rule::{Action, Patterns, Rule, RuleCondition},
    rule_match::{ConditionMatch, RequestParts, RuleMatch},
    service::{Container, EcsServiceName, Registration, Service, ServiceEvent, Task, TaskSet},
    task_definition::{
        ContainerDefinition, Image, LogGroup, TaskDefinition, short_digest, task_definition_in_app_spec,
    },
};

/// Everything that is known about the deployment before the first check runs.
#[derive(Clone, Debug, Default)]
pub struct DeploymentView {
    pub deployment: Deployment,
    /// Name or ARN of the ECS cluster.
    pub cluster: String,
    pub service: Service,
    /// ARNs of the deployment's pair of target groups.
    pub target_group_pair: Vec<String>,
    /// The target group of the replacement task set.
    pub green_group: Option<TargetGroup>,
    pub production: Option<Listener>,
    pub test: Option<Listener>,
    /// The alarms of the deployment group.
    pub alarms: AlarmConfiguration,
}

/// A metric or composite alarm of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// The reason from CloudWatch.
    pub reason: String,
    /// When it entered this state.
    pub since: Option<SystemTime>,
    /// Why CloudWatch did not evaluate it, or evaluated it only partly: `EVALUATION_ERROR`, `PARTIAL_DATA`.
    pub evaluation: Option<String>,
}

/// A state that an alarm entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmChange {
    pub at: SystemTime,
    pub state: String,
    /// The reason from CloudWatch.
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
            is_steady: true,
            desired: 1,
            running: 1,
            pending: 0,
            task_definition: "web:1".into(),
            registrations: Vec::new(),
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

    /// A deployment that started at second 50.
    fn new() -> Deployment {
        let created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(50));
        Deployment { id: "d-NEW".into(), created, ..Deployment::for_group("shop", "web") }
    }

    fn made(set: TaskSet, at: u64) -> TaskSet {
        TaskSet { created: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at)), ..set }
    }

    /// The ids of green and blue.
    fn colours(service: &Service) -> (Option<&str>, Option<&str>) {
        let id = |set: Option<&TaskSet>| set.map(|set| set.id.clone());
        let (green, blue) = (id(service.green(&new())), id(service.blue(&new())));
        let known = |id: Option<String>| service.task_sets.iter().find(|set| Some(&set.id) == id.as_ref());
        (known(green).map(|set| set.id.as_str()), known(blue).map(|set| set.id.as_str()))
    }

    #[test]
    fn colours_come_from_identity_before_and_after_the_shift() {
        for (blue, green) in [("PRIMARY", "ACTIVE"), ("ACTIVE", "PRIMARY")] {
            let service = service(vec![set("ecs-svc/1", "d-OLD", blue), set("ecs-svc/2", "d-NEW", green)]);
            assert_eq!(colours(&service), (Some("ecs-svc/2"), Some("ecs-svc/1")));
        }
        let service = service(vec![set("ecs-svc/0", "d-OLDER", "DRAINING"), set("ecs-svc/1", "d-OLD", "PRIMARY")]);
        assert_eq!(colours(&service), (None, Some("ecs-svc/1")));
    }

    #[test]
    fn of_two_task_sets_of_one_deployment_the_newer_one_that_stays_is_green() {
        let blue = || made(set("ecs-svc/1", "d-OLD", "ACTIVE"), 10);
        let first = |status| made(set("ecs-svc/2", "d-NEW", status), 60);
        let second = |status| made(set("ecs-svc/3", "d-NEW", status), 70);
        let seen = |sets| colours(&service(sets)).0.map(str::to_owned);
        assert_eq!(seen(vec![first("ACTIVE"), second("ACTIVE"), blue()]), Some("ecs-svc/3".into()));
        assert_eq!(seen(vec![first("DRAINING"), second("ACTIVE"), blue()]), Some("ecs-svc/3".into()));
        assert_eq!(seen(vec![first("ACTIVE"), second("DRAINING"), blue()]), Some("ecs-svc/2".into()));
        assert_eq!(seen(vec![first("DRAINING"), blue()]), None);
        let both = service(vec![first("ACTIVE"), second("PRIMARY"), blue()]);
        assert_eq!(colours(&both).1, Some("ecs-svc/1"), "another task set of the same deployment is not the original");
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
            addresses: Vec::new(),
            host_ports: Vec::new(),
            containers: Vec::new(),
        };
        let service = service(vec![set("ecs-svc/1", "d-OLD", "PRIMARY"), green.clone()]);
        let is_of = |started_by: &str, created| task(started_by, created).belongs_to(&green, &service);
        assert!(is_of("ecs-svc/2", 5));
        assert!(!is_of("ecs-svc/1", 500));
        assert!(is_of("", 500));
        assert!(!is_of("", 5));
        assert!(is_of("ecs-svc/another-kind-of-id", 500));
    }

    #[test]
    fn a_target_is_a_task_by_its_address_and_on_an_instance_by_its_port() {
        let task = |addresses: &[&str], host_ports: &[i32]| Task {
            id: "1".into(),
            started_by: String::new(),
            task_definition: String::new(),
            created: None,
            stop_code: None,
            stopped_reason: None,
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            host_ports: host_ports.to_vec(),
            containers: Vec::new(),
        };
        let target = |id: &str, port| TargetHealth {
            id: id.into(),
            port: Some(port),
            state: "healthy".into(),
            reason: None,
            description: None,
        };
        let own = task(&["10.0.1.7", "2001:db8::7"], &[]);
        assert!(own.is_target(&target("10.0.1.7", 8080)));
        assert!(own.is_target(&target("2001:db8::7", 8080)));
        assert!(!own.is_target(&target("10.0.1.8", 8080)));
        let on_an_instance = task(&[], &[32768]);
        assert!(on_an_instance.is_target(&target("i-03dba81187d65ce7e", 32768)));
        assert!(!on_an_instance.is_target(&target("i-03dba81187d65ce7e", 32769)));
        assert!(!on_an_instance.is_target(&target("10.0.1.7", 32768)));
    }

    #[test]
    fn of_cloudformations_task_sets_green_is_one_that_the_deployment_made() {
        let external = |task_sets| Service { controller: "EXTERNAL".into(), ..service(task_sets) };
        let blue = || made(set("ecs-svc/1", "", "PRIMARY"), 10);
        let left_over = || made(set("ecs-svc/0", "", "ACTIVE"), 20);
        let green = || made(set("ecs-svc/2", "", "ACTIVE"), 60);
        assert_eq!(colours(&external(vec![blue()])), (None, Some("ecs-svc/1")));
        // Before Install, an older task set that is left over is neither blue nor green.
        assert_eq!(colours(&external(vec![left_over(), blue()])), (None, Some("ecs-svc/1")));
        let all = || vec![left_over(), green(), blue()];
        assert_eq!(colours(&external(all())), (Some("ecs-svc/2"), Some("ecs-svc/1")));
        assert_eq!(colours(&service(all())).0, None, "CodeDeploy sets the external id on its own task sets");
        let unknown = Deployment { created: None, ..new() };
        assert!(external(all()).green(&unknown).is_none());
    }

    #[test]
    fn the_deployments_target_group_is_the_one_that_counts() {
        let at = |group: &str| Registration { target_group: group.into(), container: None, container_port: None };
        let mut several = set("ecs-svc/2", "d-NEW", "ACTIVE");
        several.registrations = vec![at("internal"), at("tg-b")];
        let mut service = service(vec![several]);
        service.order_registrations(&["tg-a".to_owned(), "tg-b".to_owned()]);
        assert_eq!(service.task_sets[0].target_group().map(String::as_str), Some("tg-b"));
    }

    #[test]
    fn the_event_that_explains_is_the_newest_about_this_task_set() {
        let event = |at: u64, message: &str| ServiceEvent {
            at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at)),
            message: message.into(),
        };
        let mut service = service(vec![set("ecs-svc/2", "d-NEW", "ACTIVE")]);
        service.events = vec![
            event(130, "(service web, taskSet ecs-svc/1) was unable to place a task."),
            event(120, "(service web, taskSet ecs-svc/2) was unable to place a task."),
            event(110, "(service web) is unable to consistently start tasks successfully."),
        ];
        let trouble = |service: &Service| service.explaining_event(&service.task_sets[0]).map(str::to_owned);
        assert!(trouble(&service).is_some_and(|text| text.contains("ecs-svc/2")));
        service.events.remove(1);
        assert!(trouble(&service).is_some_and(|text| text.contains("consistently")));
        service.events = vec![event(90, "(service web) was unable to place a task.")];
        assert_eq!(trouble(&service), None, "the event is older than the task set");
    }
}
