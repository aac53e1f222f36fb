//! The good world to begin from: one service, settled for days, with everything that a deployment needs.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{
    Alarm, AlarmKind, AlarmSetting, AutoRollback, Container, ContainerDefinition, DeploymentGroup, Given, Health,
    HealthCheck, Ids, Listener, LoadBalancer, Pair, Registration, Service, Target, TargetGroup, Task, TaskDefinition,
    TaskSet, Version, World, ids::arn,
};

/// What the world stands on: real ports and a seed for ids.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// The port of the production listener.
    pub production: u16,
    /// The port of the test listener.
    pub test: u16,
    /// What ids are made from.
    pub seed: u64,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The port that the containers listen on, in a VPC that is not there.
pub(super) const CONTAINER_PORT: i32 = 8080;
/// The version that customers use before the first deployment.
const FIRST: &str = "1.41.0";

impl World {
    /// A service that customers use, long settled, and no deployment yet.
    pub fn new(now: SystemTime, ground: Ground, given: &Given) -> Self {
        let mut ids = Ids::new(ground.seed);
        let balancer = arn("elasticloadbalancing", &format!("loadbalancer/app/shop/{}", ids.hex(16)));
        let path = balancer.rsplit_once("loadbalancer/").map(|(_, path)| path.to_owned()).unwrap_or_default();
        let groups = ["tg-shop-a", "tg-shop-b"].map(|name| target_group(name, &mut ids));
        let listener = |port, to: Vec<(String, i32)>, ids: &mut Ids| Listener {
            arn: arn("elasticloadbalancing", &format!("listener/{path}/{}", ids.hex(16))),
            balancer: balancer.clone(),
            port,
            protocol: "HTTP".into(),
            default: to,
            rules: Vec::new(),
            certificates: Vec::new(),
        };
        let [a, b] = groups.each_ref().map(|group| group.arn.clone());
        // CodeDeploy leaves the idle group on the production listener with weight 0, so that its health is known.
        let production = listener(ground.production, vec![(a.clone(), 100), (b, 0)], &mut ids);
        let test = listener(ground.test, vec![(a, 100)], &mut ids);
        let group = DeploymentGroup {
            application: "shop".into(),
            name: "web".into(),
            services: vec![("shop".into(), "web".into())],
            alarms: AlarmSetting { enabled: true, ignore_poll_failure: false, names: given.alarms.clone() },
            auto_rollback: Some(AutoRollback {
                enabled: given.auto_rollback,
                events: vec!["DEPLOYMENT_FAILURE".into()],
            }),
            pair: Some(Pair {
                target_groups: groups.iter().map(|group| group.name.clone()).collect(),
                production: Some(production.arn.clone()),
                test: given.test_listener.then(|| test.arn.clone()),
            }),
        };
        let mut world = Self {
            group,
            deployments: Vec::new(),
            executions: Vec::new(),
            cluster: "shop".into(),
            service: Some(Service {
                name: "web".into(),
                status: "ACTIVE".into(),
                controller: "CODE_DEPLOY".into(),
                desired: 2,
                task_sets: Vec::new(),
                events: Vec::new(),
            }),
            tasks: Vec::new(),
            definitions: Vec::new(),
            versions: Vec::new(),
            balancers: vec![LoadBalancer {
                arn: balancer.clone(),
                name: "shop".into(),
                dns_name: "localhost".into(),
                scheme: "internet-facing".into(),
                kind: "application".into(),
            }],
            listeners: vec![production, test],
            target_groups: groups.into(),
            alarms: given.alarms.iter().map(|name| alarm(name, given.firing.contains(name), now)).collect(),
            page: 100,
            planned: Vec::new(),
            news: Vec::new(),
            ids,
        };
        world.original(now - 3 * DAY);
        world
    }

    /// The task set that serves customers already.
    fn original(&mut self, since: SystemTime) {
        let definition = self.define(FIRST, BTreeMap::new());
        let external = self.ids.deployment();
        let group = self.target_groups[0].arn.clone();
        let mut set = self.new_task_set(external, definition, group, 2, since);
        set.status = "PRIMARY".into();
        set.steady = true;
        set.running = set.desired;
        for _ in 0..set.desired {
            let mut task = self.new_task(&set, since);
            task.last_status = "RUNNING".into();
            task.health = "HEALTHY".into();
            for container in &mut task.containers {
                container.last_status = "RUNNING".into();
                container.health = "HEALTHY".into();
            }
            self.target_groups[0].targets.push(Target {
                id: task.address.clone(),
                port: CONTAINER_PORT,
                health: Health::healthy(),
            });
            self.tasks.push(task);
        }
        self.service.iter_mut().for_each(|service| service.task_sets.push(set.clone()));
        self.apply(super::Change::ServiceSays { message: "(service web) has reached a steady state.".into() }, since);
    }

    /// A new revision of the task definition, for a version. Gives its ARN.
    pub(super) fn define(&mut self, version: &str, routes: BTreeMap<String, super::Behaviour>) -> String {
        let revision = self.definitions.last().map_or(41, |last| last.revision + 1);
        let definition = arn("ecs", &format!("task-definition/shop:{revision}"));
        self.definitions.push(TaskDefinition {
            arn: definition.clone(),
            family: "shop".into(),
            revision,
            containers: vec![ContainerDefinition {
                name: "web".into(),
                image: format!("{}.dkr.ecr.{}.amazonaws.com/shop:{version}", super::ACCOUNT, super::REGION),
                essential: true,
                port: Some(CONTAINER_PORT),
                health_check: Some(
                    ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"].map(str::to_owned).to_vec(),
                ),
            }],
        });
        self.versions.push(Version { task_definition: definition.clone(), name: version.to_owned(), routes });
        definition
    }

    pub(super) fn new_task_set(
        &mut self,
        deployment: String,
        definition: String,
        group: String,
        desired: i32,
        now: SystemTime,
    ) -> TaskSet {
        TaskSet {
            id: self.ids.task_set(),
            external_id: deployment,
            status: "ACTIVE".into(),
            steady: false,
            desired,
            running: 0,
            pending: 0,
            task_definition: definition,
            load_balancers: vec![Registration { target_group: group, container: "web".into(), port: CONTAINER_PORT }],
            created: now,
            scale: 100.0,
        }
    }

    pub(super) fn new_task(&mut self, set: &TaskSet, now: SystemTime) -> Task {
        Task {
            arn: arn("ecs", &format!("task/{}/{}", self.cluster, self.ids.hex(32))),
            started_by: set.id.clone(),
            group: "service:web".into(),
            task_definition: set.task_definition.clone(),
            last_status: "PENDING".into(),
            desired_status: "RUNNING".into(),
            health: "UNKNOWN".into(),
            stop_code: None,
            stopped_reason: None,
            created: now,
            stopped: None,
            address: self.ids.address(),
            containers: vec![Container {
                name: "web".into(),
                last_status: "PENDING".into(),
                health: "UNKNOWN".into(),
                exit_code: None,
                reason: None,
            }],
        }
    }
}

fn target_group(name: &str, ids: &mut Ids) -> TargetGroup {
    TargetGroup {
        arn: arn("elasticloadbalancing", &format!("targetgroup/{name}/{}", ids.hex(16))),
        name: name.into(),
        protocol: "HTTP".into(),
        port: CONTAINER_PORT,
        health_check: HealthCheck {
            enabled: true,
            protocol: "HTTP".into(),
            path: Some("/health".into()),
            matcher: Some("200-299".into()),
        },
        targets: Vec::new(),
    }
}

fn alarm(name: &str, fires: bool, now: SystemTime) -> Alarm {
    Alarm {
        name: name.to_owned(),
        kind: AlarmKind::Metric,
        state: if fires { "ALARM" } else { "OK" }.into(),
        reason: if fires { "Threshold Crossed: 3 datapoints were greater than the threshold (5.0)." } else { "" }
            .into(),
        since: if fires { now - Duration::from_secs(60 * 60) } else { now - DAY },
    }
}
