//! What discovery found out about a deployment, in the field's own words and without the SDK's types.

use std::time::SystemTime;

use crate::hook::Hook;

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

/// What CodeDeploy says about the deployment (GetDeployment).
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// The CodeDeploy application; empty if AWS does not say.
    pub application: String,
    /// The deployment group; empty if AWS does not say.
    pub group: String,
    /// When it was created.
    pub created: Option<SystemTime>,
    /// Who created it: `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: String,
    /// What its creator wrote about it; empty for most.
    pub description: String,
    /// Whether it undoes another deployment.
    pub is_rollback: bool,
    /// Whether a failure of it rolls back by itself; none when neither it nor its group says.
    pub rolls_back_on_failure: Option<bool>,
    /// Names of the two target groups of its pair.
    pub target_groups: Vec<String>,
    /// ARN of the production listener.
    pub production_listener: Option<String>,
    /// ARN of the test listener.
    pub test_listener: Option<String>,
    /// Alarms that this deployment has in place of its group's.
    pub alarms: Option<AlarmSetting>,
}

/// The alarms that CodeDeploy itself would watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmSetting {
    /// Whether they are switched on.
    pub enabled: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// Which lifecycle event CodeDeploy is at (GetDeploymentTarget).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These are in progress.
    At(Vec<Begun>),
    /// There are events, and none of them is in progress.
    Nothing,
    /// It could not be found out.
    Unknown(String),
}

/// A lifecycle event in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub event: String,
    /// When it began.
    pub at: Option<SystemTime>,
}

impl Progress {
    fn own(&self, hook: Hook) -> Option<&Begun> {
        match self {
            Self::At(begun) => begun.iter().find(|begun| begun.event == hook.event_name()),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }

    /// When the event that this binary is for began, if it is in progress.
    pub fn began(&self, hook: Hook) -> Option<SystemTime> {
        self.own(hook)?.at
    }

    /// Compares with the event that this binary is for.
    pub fn compared_with(&self, hook: Hook) -> Wiring {
        match self {
            Self::At(_) if self.own(hook).is_some() => Wiring::Right,
            Self::At(begun) => {
                Wiring::Wrong(begun.iter().map(|begun| begun.event.as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::Nothing => Wiring::Over,
            Self::Unknown(why) => Wiring::Unknown(why.clone()),
        }
    }
}

/// Whether CodeDeploy is at the event that the hook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// It is.
    Right,
    /// It is at another one, named here.
    Wrong(String),
    /// It is at none.
    Over,
    /// It could not be found out.
    Unknown(String),
}

/// An ECS service and its task sets (DescribeServices).
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// `CODE_DEPLOY`, `ECS` or `EXTERNAL`.
    pub controller: String,
    /// Its task sets.
    pub task_sets: Vec<TaskSet>,
    /// The newest of its events that may be the reason of something, in words.
    pub events: Vec<String>,
}

impl Service {
    /// Whether there is anything to look at. ECS tells of deleted services for a while, as `INACTIVE`.
    pub fn exists(&self) -> bool {
        matches!(self.status.as_str(), "ACTIVE" | "DRAINING")
    }

    /// The task set that this deployment made: by identity, since names and labels of colours swap each time.
    ///
    /// CloudFormation's deployments do not put their id on what they make. Of its task sets the newest is taken, if
    /// there is another one to have been there before.
    pub fn green(&self, deployment: &str) -> Option<&TaskSet> {
        let own = self.task_sets.iter().find(|set| set.external_id == deployment);
        own.or_else(|| match (self.controller.as_str(), self.task_sets.len()) {
            ("EXTERNAL", 2..) => self.task_sets.iter().max_by_key(|set| set.created),
            _ => None,
        })
    }

    /// The task set that was there before: of the others, the primary one.
    pub fn blue(&self, deployment: &str) -> Option<&TaskSet> {
        let green = self.green(deployment).map(|set| &set.id);
        let others = || self.task_sets.iter().filter(|set| Some(&set.id) != green);
        others().find(|set| set.status == "PRIMARY").or_else(|| others().find(|set| set.status == "ACTIVE"))
    }
}

/// An ECS task set.
#[derive(Clone, Debug)]
pub struct TaskSet {
    /// `ecs-svc/…`, which is also what its tasks say they were started by.
    pub id: String,
    /// The CodeDeploy deployment that made it.
    pub external_id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: String,
    /// Whether ECS calls it steady.
    pub steady: bool,
    /// How many tasks it should have, after scaling.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// How many are on their way.
    pub pending: i32,
    /// ARN of its task definition.
    pub task_definition: String,
    /// ARN of its target group.
    pub target_group: Option<String>,
    /// The container that the load balancer talks to.
    pub container: Option<String>,
    /// The port of its container in the target group.
    pub container_port: Option<i32>,
    /// When it was made.
    pub created: Option<SystemTime>,
}

impl TaskSet {
    /// How many tasks it has or should have: so many have to be seen before all of them were.
    pub fn counted(&self) -> usize {
        usize::try_from(self.running.max(self.desired)).unwrap_or_default()
    }
}

/// An ECS task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The last part of its ARN.
    pub id: String,
    /// The task set that it says it was started by.
    pub started_by: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// ECS's code for why it stopped.
    pub stop_code: Option<String>,
    /// Why it stopped, in words.
    pub stopped_reason: Option<String>,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container of a task.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// The digest of the image that it runs, once it is pulled.
    pub digest: Option<String>,
    /// Its exit code, when it has ended.
    pub exit_code: Option<i32>,
    /// What else is said about its end.
    pub reason: Option<String>,
}

impl Task {
    /// Whether it belongs to `set`. AWS does not promise that `startedBy` is the task set's id, so a task that names
    /// none of them is told by its task definition and by its age.
    pub fn is_of(&self, set: &TaskSet, service: &Service) -> bool {
        if service.task_sets.iter().any(|known| known.id == self.started_by) {
            return self.started_by == set.id;
        }
        self.task_definition == set.task_definition && (set.created.is_none() || self.created >= set.created)
    }

    /// Whether its end is a fault of the version: everything is, but what ECS or EC2 did for reasons of their own.
    pub fn crashed(&self) -> bool {
        let code = self.stop_code.as_deref().unwrap_or_default();
        let reason = self.stopped_reason.as_deref().unwrap_or_default();
        let scheduled = code == "ServiceSchedulerInitiated"
            && ["Scaling activity", "maintenance", "retirement"].iter().any(|word| reason.contains(word));
        !scheduled && !matches!(code, "SpotInterruption" | "TerminationNotice" | "UserInitiated")
    }

    /// Its end in words: `task 0f9c… stopped: EssentialContainerExited, Essential container in task exited; web exit code 137 (OutOfMemoryError)`.
    pub fn obituary(&self) -> String {
        let id: String = self.id.chars().take(8).collect();
        let own_words = |container: &&Container| {
            let reason = container.reason.as_deref().filter(|reason| Some(*reason) != self.stopped_reason.as_deref());
            let exit = container.exit_code.filter(|code| *code != 0 || reason.is_some());
            let told: Vec<_> =
                exit.map(|code| format!("exit code {code}")).into_iter().chain(reason.map(str::to_owned)).collect();
            (!told.is_empty()).then(|| format!("{} {}", container.name, told.join(", ")))
        };
        // What a container says of itself is nearer to the cause than what ECS says of the task.
        let mut why: Vec<String> = self.containers.iter().filter_map(|container| own_words(&container)).collect();
        why.extend(self.stopped_reason.clone().filter(|reason| !reason.is_empty()));
        why.extend(self.stop_code.clone());
        let why = if why.is_empty() { "no reason given".to_owned() } else { why.join("; ") };
        format!("task {id} stopped: {why}")
    }
}

/// An Elastic Load Balancing target group, with how it asks for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; empty for other protocols than HTTP.
    pub protocol_version: String,
    /// The port of its targets, unless they have one of their own.
    pub port: Option<i32>,
    /// The port of its health check, where it is not the one of the traffic.
    pub health_port: Option<i32>,
    /// The path of its health check; none for TCP.
    pub health_path: Option<String>,
    /// The HTTP status codes that count as healthy, as AWS writes them: `200-299,301`.
    pub health_codes: Option<String>,
}

/// A target and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Address and port: `10.0.3.17:8080`.
    pub target: String,
    /// `healthy`, `unhealthy`, `initial`, `draining`, `unused`, ….
    pub state: String,
    /// ELB's code, such as `Target.Timeout`.
    pub reason: Option<String>,
    /// The same in words.
    pub description: Option<String>,
}

/// A listener, its load balancer, and where it forwards.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, ….
    pub protocol: String,
    /// The load balancer's name.
    pub balancer: String,
    /// The load balancer's DNS name.
    pub dns_name: String,
    /// Whether it is reachable from inside its VPC only.
    pub internal: bool,
    /// Its rules with forward actions, the default one last.
    pub rules: Vec<Rule>,
}

/// A rule of a listener that forwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its priority, or `default`.
    pub priority: String,
    /// The hosts that it is for, if it names some whole.
    pub hosts: Vec<String>,
    /// Whether it is for hosts that it only describes, with wildcards.
    pub wild: bool,
    /// Whether it asks for more than the host: a path, a header, a method, ….
    pub narrow: bool,
    /// Target group ARNs with their weights.
    pub weights: Vec<(String, i32)>,
}

impl Listener {
    /// Port and protocol in words: `listener HTTP:8080`.
    pub fn title(&self) -> String {
        format!("listener {}:{}", self.protocol, self.port)
    }

    /// The rules that have to do with these target groups: the others are somebody else's.
    pub fn rules_about<'a>(&'a self, groups: &'a [String]) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.weights.iter().any(|(arn, _)| groups.contains(arn)))
    }
}

impl Rule {
    /// How much of its traffic goes to `group`, in per cent.
    pub fn share_of(&self, group: &str) -> f64 {
        let total: i32 = self.weights.iter().map(|(_, weight)| weight.max(&0)).sum();
        let own: i32 = self.weights.iter().filter(|(arn, _)| arn == group).map(|(_, weight)| weight.max(&0)).sum();
        if total == 0 { 0.0 } else { 100.0 * f64::from(own) / f64::from(total) }
    }
}

/// The name in a target group's ARN (`…:targetgroup/NAME/ID`), for reading.
pub fn group_name(arn: &str) -> &str {
    arn.split('/').rev().nth(1).unwrap_or(arn)
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

    #[test]
    fn weights_are_shares() {
        let rule =
            Rule { priority: "default".into(), weights: vec![("a".into(), 1), ("b".into(), 3)], ..Rule::default() };
        assert_eq!(rule.share_of("b"), 75.0);
        assert_eq!(rule.share_of("c"), 0.0);
        let none = Rule { weights: vec![("a".into(), 0)], ..rule };
        assert_eq!(none.share_of("a"), 0.0);
    }
}
