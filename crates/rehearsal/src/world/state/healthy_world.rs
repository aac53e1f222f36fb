//! The healthy world that every rehearsal starts from: one service, steady for days, with everything that a deployment
//! needs.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::{
    lambda::FunctionName,
    world::{
        ACCOUNT, Account, Alarm, AlarmKind, AlarmSetting, AutoRollback, Container, ContainerDefinition, ContainerPort,
        DeploymentController, DeploymentGroup, Health, HealthCheck, Ids, InitialContainer, InitialService,
        InitialState, LOAD_BALANCER_GROUP, Listener, ListenerRole, LoadBalancer, LoadBalancerType, REGION,
        RouteResponse, RuleTarget, Service, Target, TargetGroup, TargetGroupPair, Task, TaskDefinition, TaskSet, VPC,
        Version, World,
        state::{
            account::{self, digest_of},
            ids::arn,
        },
    },
};

/// Real ports for the listeners, and a seed for ids.
#[derive(Clone, Copy, Debug)]
pub struct WorldOptions {
    /// The port of the production listener.
    pub production: u16,
    /// The port of the test listener.
    pub test: u16,
    /// The seed from which ids are generated.
    pub seed: u64,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The name of the service in a scenario that has only one.
pub const DEFAULT_SERVICE: &str = "web";
/// The version that serves customers before the first deployment.
const ORIGINAL_VERSION: &str = "1.41.0";

impl World {
    /// A service that customers use, steady for days, without a deployment.
    pub fn new(now: SystemTime, options: WorldOptions, given: &InitialState) -> Self {
        Self::for_service(DEFAULT_SERVICE, now, options, given)
    }

    /// The same for a service of another name in the same cluster. It has a separate deployment group, load balancer,
    /// target groups and alarms.
    pub fn for_service(name: &str, now: SystemTime, options: WorldOptions, given: &InitialState) -> Self {
        let given = given.clone().for_service(name);
        let ids = Ids::new(options.seed);
        let mut ids = if name == DEFAULT_SERVICE { ids } else { ids.for_other_service() };
        // The resources of the first service are named after the shop.
        let title = if name == DEFAULT_SERVICE { "shop" } else { name };
        let kind = given.load_balancer.kind;
        let network = kind == LoadBalancerType::Network;
        let short = if network { "net" } else { "app" };
        let balancer = arn("elasticloadbalancing", &format!("loadbalancer/{short}/{title}/{}", ids.hex(16)));
        let path = balancer.rsplit_once("loadbalancer/").map(|(_, path)| path.to_owned()).unwrap_or_default();
        let mut groups = ["a", "b"].map(|side| target_group(&format!("tg-{title}-{side}"), &given, &mut ids)).to_vec();
        let (a, b) = (groups[0].arn.clone(), groups[1].arn.clone());
        if given.rules.iter().any(|rule| rule.to == RuleTarget::Another) {
            groups.push(target_group("tg-blog", &given, &mut ids));
        }
        let listener = |role: ListenerRole, port, to: Vec<(String, i32)>, ids: &mut Ids| {
            let certificate = given.load_balancer.certificate_of(role);
            let protocol = match (kind, &certificate) {
                (LoadBalancerType::Network, Some(_)) => "TLS",
                (LoadBalancerType::Network, None) => "TCP",
                (LoadBalancerType::Application, Some(_)) => "HTTPS",
                (LoadBalancerType::Application, None) => "HTTP",
            };
            let certificate = certificate.map(|_| arn("acm", "certificate/0f3c2d1e-5a4b-4c3d-8e9f-1a2b3c4d5e6f"));
            let id = ids.hex(16);
            let other = groups.last().map(|group| (group.arn.clone(), 1));
            let own_rules = given.rules.iter().filter(|rule| rule.listener.is_none_or(|only| only == role));
            let rules = own_rules.map(|rule| {
                let arn = arn("elasticloadbalancing", &format!("listener-rule/{path}/{id}/{}", ids.hex(16)));
                rule.to_rule(arn, &to, other.as_ref())
            });
            Listener {
                arn: arn("elasticloadbalancing", &format!("listener/{path}/{id}")),
                load_balancer: balancer.clone(),
                port,
                protocol: protocol.into(),
                rules: rules.collect(),
                default: if given.default_rule { to } else { Vec::new() },
                certificates: certificate.into_iter().collect(),
            }
        };
        // CodeDeploy leaves the idle group on the production listener with weight 0, so that its health is known. A
        // listener of a Network Load Balancer has no weights.
        let both = if network { vec![(a.clone(), 100)] } else { vec![(a.clone(), 100), (b, 0)] };
        let production = listener(ListenerRole::Production, options.production, both, &mut ids);
        let test = listener(ListenerRole::Test, options.test, vec![(a, 100)], &mut ids);
        let by_cloudformation = given.managed_by == DeploymentController::CloudFormation;
        let group = DeploymentGroup {
            application: "shop".into(),
            name: name.into(),
            services: if by_cloudformation { Vec::new() } else { vec![("shop".into(), name.into())] },
            alarms: AlarmSetting { enabled: true, ignore_poll_failure: false, names: given.alarms.clone() },
            auto_rollback: Some(AutoRollback {
                enabled: given.auto_rollback,
                events: vec!["DEPLOYMENT_FAILURE".into()],
            }),
            pair: Some(TargetGroupPair {
                target_groups: groups.iter().take(2).map(|group| group.name.clone()).collect(),
                production: Some(production.arn.clone()),
                test: given.test_listener.then(|| test.arn.clone()),
            }),
        };
        let mut world = Self {
            group,
            deployments: Vec::new(),
            executions: Vec::new(),
            cluster: "shop".into(),
            service: (given.service != InitialService::Missing).then(|| Service {
                name: name.into(),
                status: match given.service {
                    InitialService::Draining => "DRAINING",
                    InitialService::Inactive => "INACTIVE",
                    _ => "ACTIVE",
                }
                .into(),
                controller: if by_cloudformation { "EXTERNAL" } else { "CODE_DEPLOY" }.into(),
                desired: given.tasks.try_into().unwrap_or(i32::MAX),
                task_sets: Vec::new(),
                events: Vec::new(),
            }),
            tasks: Vec::new(),
            definitions: Vec::new(),
            versions: Vec::new(),
            load_balancers: vec![LoadBalancer {
                arn: balancer.clone(),
                name: title.into(),
                dns_name: "localhost".into(),
                scheme: if given.load_balancer.internal { "internal" } else { "internet-facing" }.into(),
                kind: if network { "network" } else { "application" }.into(),
                vpc: VPC.into(),
                security_groups: if network { Vec::new() } else { vec![LOAD_BALANCER_GROUP.into()] },
            }],
            listeners: vec![production, test],
            target_groups: groups,
            alarms: given
                .alarms
                .iter()
                .filter(|name| !given.missing.contains(*name))
                .cloned()
                .chain(given.other_alarms())
                .chain(given.own_alarms.iter().filter(|name| !given.alarms.contains(*name)).cloned())
                .map(|name| alarm(name, &given, now))
                .collect(),
            stack_alarms: vec![failure_alarm(&given, now)],
            account: Account::for_service(name, [options.production, options.test]).with_initial(&given),
            page_size: 100,
            initial: given,
            rule_behaviours: BTreeMap::new(),
            scheduled: Vec::new(),
            pending_events: Vec::new(),
            ids,
        };
        world.add_original_task_set(now - 3 * DAY);
        world
    }

    /// Whether the listeners can split their traffic between two target groups.
    pub(crate) fn supports_weights(&self) -> bool {
        self.initial.load_balancer.kind == LoadBalancerType::Application
    }

    /// Creates the task set that serves customers before the first deployment.
    fn add_original_task_set(&mut self, since: SystemTime) {
        let definition = self.register_task_definition(ORIGINAL_VERSION, BTreeMap::new());
        let external = self.ids.deployment();
        let group = self.target_groups[0].arn.clone();
        let desired = self.initial.tasks.try_into().unwrap_or(i32::MAX);
        let mut set = self.new_task_set(external, definition, group, desired, since);
        set.status = "PRIMARY".into();
        set.steady = self.initial.original_steady;
        set.running = set.desired;
        let port = self.container_port();
        for _ in 0..set.desired {
            let mut task = self.new_task(&set, since);
            task.become_running();
            let target = Target { id: task.address.clone(), port, health: Health::healthy() };
            self.target_groups[0].targets.push(target);
            self.tasks.push(task);
        }
        self.service.iter_mut().for_each(|service| service.task_sets.push(set.clone()));
        let who = format!("(service {})", self.group.name);
        let text = if self.initial.original_steady {
            "has reached a steady state.".to_owned()
        } else {
            format!("(port {port}) is unhealthy in (target-group tg-shop-a) due to (reason Health checks failed)")
        };
        self.add_service_event(format!("{who} {text}"), since);
    }

    /// Registers a new revision of the task definition, for a version. Returns its ARN.
    pub(crate) fn register_task_definition(
        &mut self,
        version: &str,
        routes: BTreeMap<String, RouteResponse>,
    ) -> String {
        let family = if self.group.name == DEFAULT_SERVICE { "shop" } else { &self.group.name };
        let revision = self.newest_revision(family).map_or(41, |newest| newest + 1);
        let definition = arn("ecs", &format!("task-definition/{family}:{revision}"));
        let image = |name: &str| format!("{}.dkr.ecr.{}.amazonaws.com/{name}", ACCOUNT, REGION);
        let (_, serving_port) = self.initial.serving_container();
        let check = ["CMD-SHELL".to_owned(), format!("curl -f http://localhost:{serving_port}/health || exit 1")];
        let own = |(index, container): (usize, &InitialContainer)| ContainerDefinition {
            name: container.name.clone(),
            // The first container is the service itself. Only its image has a new version in each deployment.
            image: if index == 0 {
                image(&format!("{family}:{version}"))
            } else {
                image(&format!("{}:1", container.name))
            },
            essential: container.essential,
            log_group: Some(account::log_group(&self.group.name)),
            secrets: if index == 0 { account::secrets(&self.group.name) } else { Vec::new() },
            registry: None,
            port: if index == 0 { Some(serving_port.into()) } else { container.port.map(i32::from) },
            health_check: (container.health_check && self.initial.health_check).then(|| check.to_vec()),
        };
        let sidecar = || ContainerDefinition {
            name: "log-router".into(),
            image: image("fluent-bit:3"),
            essential: false,
            log_group: Some(account::log_group(&self.group.name)),
            secrets: Vec::new(),
            registry: None,
            port: None,
            health_check: None,
        };
        let containers: Vec<_> = self.initial.containers.iter().enumerate().map(own).collect();
        let containers: Vec<_> = containers.into_iter().chain(self.initial.sidecar.then(sidecar)).collect();
        let family = family.to_owned();
        for image in containers.iter().map(|container| &container.image) {
            let name = image.split_once('/').map_or(image.as_str(), |(_, name)| name);
            self.account.images.insert(name.to_owned(), digest_of(image));
        }
        self.definitions.push(TaskDefinition {
            arn: definition.clone(),
            family,
            revision,
            status: "ACTIVE".into(),
            roles: account::roles(&self.group.name),
            containers,
        });
        self.versions.push(Version { task_definition: definition.clone(), name: version.to_owned(), routes });
        definition
    }

    /// The newest revision of a family of task definitions.
    fn newest_revision(&self, family: &str) -> Option<i32> {
        self.definitions.iter().filter(|it| it.family == family).map(|it| it.revision).max()
    }

    /// Registers a task definition of a client, and returns it with its ARN and revision. What it names (images, roles,
    /// log groups, secrets) exists from now on, since a rehearsal cannot know what the client's account has.
    pub(crate) fn add_task_definition(&mut self, given: TaskDefinition) -> TaskDefinition {
        let revision = self.newest_revision(&given.family).map_or(1, |newest| newest + 1);
        let title = format!("{}:{revision}", given.family);
        let definition = TaskDefinition { arn: arn("ecs", &format!("task-definition/{title}")), revision, ..given };
        let account = &mut self.account;
        let roles = definition.roles.iter().filter_map(|role| role.rsplit('/').next());
        account.roles.extend(roles.map(str::to_owned));
        for container in &definition.containers {
            let image = container.image.split_once('/').map_or(container.image.as_str(), |(_, name)| name);
            account.images.insert(image.to_owned(), digest_of(&container.image));
            account.log_groups.extend(container.log_group.clone());
            let sources = container.secrets.iter().map(|(_, from)| from).chain(&container.registry);
            for from in sources {
                account.add_referenced(from);
            }
        }
        let own = definition.containers.first().map(|container| container.image.clone()).unwrap_or_default();
        let version = own.rsplit_once(':').map_or("latest", |(_, tag)| tag).to_owned();
        let routes = BTreeMap::new();
        self.versions.push(Version { task_definition: definition.arn.clone(), name: version, routes });
        self.definitions.push(definition.clone());
        definition
    }

    /// The port on which the service's container listens, in a VPC that is not simulated.
    pub(crate) fn container_port(&self) -> i32 {
        self.initial.serving_container().1.into()
    }

    pub(crate) fn new_task_set(
        &mut self,
        deployment: String,
        definition: String,
        group: String,
        desired: i32,
        now: SystemTime,
    ) -> TaskSet {
        let (container, port) = self.initial.serving_container();
        TaskSet {
            id: self.ids.task_set(),
            external_id: deployment,
            status: "ACTIVE".into(),
            steady: false,
            desired,
            running: 0,
            pending: 0,
            task_definition: definition,
            load_balancers: vec![ContainerPort { target_group: group, container, port: port.into() }],
            created: now,
            scale: 100.0,
        }
    }

    pub(crate) fn new_task(&mut self, set: &TaskSet, now: SystemTime) -> Task {
        Task {
            arn: arn("ecs", &format!("task/{}/{}", self.cluster, self.ids.hex(32))),
            started_by: set.id.clone(),
            group: format!("service:{}", self.group.name),
            task_definition: set.task_definition.clone(),
            last_status: "PENDING".into(),
            desired_status: "RUNNING".into(),
            health: "UNKNOWN".into(),
            stop_code: None,
            stopped_reason: None,
            created: now,
            stopped: None,
            address: self.ids.address(),
            containers: self
                .definitions
                .iter()
                .filter(|definition| definition.arn == set.task_definition)
                .flat_map(|definition| &definition.containers)
                .map(|definition| Container {
                    name: definition.name.clone(),
                    image: definition.image.clone(),
                    digest: Some(digest_of(&definition.image)),
                    last_status: "PENDING".into(),
                    health: "UNKNOWN".into(),
                    exit_code: None,
                    reason: None,
                    essential: definition.essential,
                    has_health_check: definition.health_check.is_some(),
                })
                .collect(),
        }
    }
}

fn target_group(name: &str, given: &InitialState, ids: &mut Ids) -> TargetGroup {
    let network = given.load_balancer.kind == LoadBalancerType::Network;
    let protocol = if network { "TCP" } else { "HTTP" };
    TargetGroup {
        arn: arn("elasticloadbalancing", &format!("targetgroup/{name}/{}", ids.hex(16))),
        name: name.into(),
        protocol: protocol.into(),
        protocol_version: (!network).then(|| "HTTP1".into()),
        port: given.serving_container().1.into(),
        health_check: HealthCheck {
            enabled: true,
            protocol: protocol.into(),
            port: given.health_port,
            path: (!network).then(|| given.health_path.clone()),
            matcher: (!network).then(|| "200-299".into()),
            timeout: 5,
        },
        targets: Vec::new(),
    }
}

fn alarm(name: String, given: &InitialState, now: SystemTime) -> Alarm {
    let hour = Duration::from_secs(60 * 60);
    let (state, reason, since) = if given.firing.contains(&name) {
        ("ALARM", "Threshold Crossed: 3 datapoints were greater than the threshold (5.0).", now - hour)
    } else if given.silent.contains(&name) {
        ("INSUFFICIENT_DATA", "Insufficient Data: 3 datapoints were unknown.", now - hour)
    } else {
        ("OK", "", now - DAY)
    };
    let kind = if given.composite.contains(&name) { AlarmKind::Composite } else { AlarmKind::Metric };
    Alarm {
        name,
        kind,
        state: state.into(),
        reason: reason.into(),
        since,
        tags: given.alarm_tags.clone(),
        evaluation: None,
        actions: Vec::new(),
        history: Vec::new(),
    }
}

/// The alarm of the functions' stack that fires when no function puts a status.
fn failure_alarm(given: &InitialState, now: SystemTime) -> Alarm {
    let name = format!("{}-fails", FunctionName::OnFailure.lambda_name());
    let actions = vec![arn("sns", "on-call")];
    Alarm { kind: AlarmKind::Metric, tags: BTreeMap::new(), actions, ..alarm(name, given, now) }
}
