//! What was found out before anything is said about it. Findings are made from this alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    Hook, gate_file,
    survey::{Foreseen, Named, Route, TaskDefinition, Wants},
};
use serde::Serialize;

use super::net::{Group as SecurityGroup, Net};

/// What came of a look at something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// Here it is.
    Seen(T),
    /// There is none; AWS's words.
    Missing(String),
    /// Nobody could look. That is told once, apart from the findings.
    Unseen,
}

impl<T> Look<T> {
    /// What was seen.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(it) => Some(it),
            Self::Missing(_) | Self::Unseen => None,
        }
    }

    /// AWS's words for that there is none.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing(why) => Some(why),
            Self::Seen(_) | Self::Unseen => None,
        }
    }
}

/// Something that nobody could look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// What: `how CodeDeployHook_x is set up`.
    pub looked_for: String,
    /// The permission that is needed for it; none where it is not a matter of permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<&'static str>,
    /// Why not.
    pub why: String,
}

/// Everything.
#[derive(Debug)]
pub struct Facts {
    /// CodeDeploy's application.
    pub application: String,
    /// The name of the deployment group.
    pub group_name: String,
    /// The region.
    pub region: String,
    /// The deployment group.
    pub group: Look<Group>,
    /// The AppSpec file.
    pub app_spec: Look<AppSpec>,
    /// The functions that it names, in its order.
    pub functions: Vec<Wired>,
    /// The functions that hear of an invocation that failed, by ARN.
    pub nets: BTreeMap<String, Look<SetUp>>,
    /// The listeners of the deployment group, by what they are for.
    pub listeners: BTreeMap<Route, Look<Listener>>,
    /// Alarms of the deployment group that there are not.
    pub alarms_missing: Look<Vec<String>>,
    /// What the simulation of roles said.
    pub permits: BTreeMap<Question, Look<bool>>,
    /// What else gate files name.
    pub named: BTreeMap<Named, Look<()>>,
    /// The task definition that the AppSpec file names.
    pub definition: Look<TaskDefinition>,
    /// The VPCs.
    pub network: Network,
    /// What nobody could look at.
    pub unseen: Vec<Unseen>,
    /// How many things were looked at.
    pub looked_at: usize,
}

/// The deployment group, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// ARN of CodeDeploy's role.
    pub role: String,
    /// Whether alarms stop its deployments, and which.
    pub alarms: Option<Vec<String>>,
    /// Whether a deployment that fails is rolled back.
    pub rolls_back: bool,
    /// ARN of the production listener.
    pub production: Option<String>,
    /// ARN of the test listener.
    pub test: Option<String>,
    /// Names of the pair of target groups.
    pub target_groups: Vec<String>,
    /// Names of cluster and service.
    pub service: Option<(String, String)>,
    /// Its newest deployment.
    pub newest: Option<String>,
}

impl Group {
    /// The account; none where the group does not name its role.
    pub fn account(&self) -> Option<&str> {
        self.role.split(':').nth(4)
    }
}

/// Where a function is that a text names, if that is neither this region nor the deployment group's account: `account 1`.
pub fn elsewhere(written: &str, region: &str, group: Option<&Group>) -> Option<String> {
    let (place, _) = written.split_once(":function:")?;
    let mut from_the_end = place.rsplit(':');
    let (account, own_region) = (from_the_end.next()?, from_the_end.next());
    if let Some(other) = own_region.filter(|own| *own != region) {
        return Some(format!("region {other}"));
    }
    let own = group.and_then(Group::account)?;
    (account != own).then(|| format!("account {account}"))
}

/// The AppSpec file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpec {
    /// What to call it: a path, or the deployment that has it.
    pub title: String,
    /// Whether the next deployment will have it: it was given, and not found in a deployment that was.
    pub given: bool,
    /// Events and functions.
    pub hooks: Vec<(String, String)>,
    /// The task definition.
    pub definition: Option<String>,
}

/// A function that an AppSpec file names.
#[derive(Clone, Debug)]
pub struct Wired {
    /// The event.
    pub event: String,
    /// As it is written there.
    pub written: String,
    /// Its name.
    pub name: String,
    /// An alias or a version; none where it is `$LATEST`, which is the function itself.
    pub qualifier: Option<String>,
    /// Which of the five it is, by its name.
    pub is: Kin,
    /// How it is set up.
    pub set_up: Look<SetUp>,
    /// What is set for asynchronous invocations; none where nothing is.
    pub events: Look<Option<EventSettings>>,
    /// Its gate file.
    pub gate: Gated,
    /// What its role has to be allowed, each with the reason.
    pub needs: Vec<(Question, String)>,
    /// The services that it calls, as IAM's actions begin.
    pub calls: BTreeSet<&'static str>,
    /// What its checks will not be able to ask through the listeners.
    pub foreseen: Vec<Foreseen>,
}

/// Which function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// One of the five.
    Hook(Hook),
    /// The net beneath them.
    LastAnswer,
    /// Somebody else's.
    Stranger,
}

/// How a function is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetUp {
    /// Its ARN.
    pub arn: String,
    /// ARN of its role.
    pub role: String,
    /// Its time-out.
    pub timeout: Duration,
    /// `Active`, ….
    pub state: String,
    /// Its variables; none where they could not be read.
    pub variables: Option<BTreeMap<String, String>>,
    /// Its place in a VPC.
    pub vpc: Option<Vpc>,
}

/// A function's place in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    /// The VPC's id.
    pub id: String,
    /// Ids of the subnets.
    pub subnets: Vec<String>,
    /// Ids of the security groups.
    pub groups: Vec<String>,
    /// Whether it may use IPv6.
    pub ipv6: bool,
}

/// What is set for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// How often a failed invocation is made again.
    pub retries: u64,
    /// How old an event may become.
    pub age: Duration,
    /// ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// A function's gate file, and what a hook wants by it.
#[derive(Clone, Debug, Default)]
pub struct Gated {
    /// What to call it.
    pub title: String,
    /// What stands in it; none where there is none, or nobody could read it.
    pub text: Option<String>,
    /// It is not where the function's variables say; in words.
    pub missing: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<gate_file::Fault>,
    /// What the hook wants; none where the gate file is not known or has a fault.
    pub wants: Option<Wants>,
}

/// May this role do this on that?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// ARN of the role.
    pub role: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// A key and a value of the circumstances.
    pub context: Option<(String, String)>,
}

/// A listener and its load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// The name of its load balancer.
    pub balancer: String,
    /// Whether that can be reached from inside its VPC alone.
    pub internal: bool,
    /// The load balancer's VPC.
    pub vpc: String,
    /// Ids of its security groups; a Network Load Balancer may have none, and hides no port then.
    pub groups: Vec<String>,
}

/// The VPCs of functions and load balancers. What is not here could not be looked at, or is of no interest.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The addresses of subnets.
    pub subnets: BTreeMap<String, Net>,
    /// The tables of routes, by VPC.
    pub routes: BTreeMap<String, Vec<RouteTable>>,
    /// Security groups.
    pub groups: BTreeMap<String, SecurityGroup>,
    /// The endpoints, by VPC.
    pub endpoints: BTreeMap<String, Vec<Endpoint>>,
}

/// A table of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Whether it is for every subnet that has none of its own.
    pub main: bool,
    /// The subnets that it is for.
    pub subnets: BTreeSet<String>,
    /// From addresses to where they lead; those that lead nowhere are left out.
    pub routes: Vec<(String, String)>,
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// `com.amazonaws.eu-west-1.codedeploy`.
    pub service: String,
    /// Whether it is a gateway, which is a route and has no address.
    pub gateway: bool,
    /// Whether the service's own name leads to it.
    pub private_dns: bool,
    /// Its security groups.
    pub groups: Vec<String>,
    /// The tables of routes that a gateway is in.
    pub tables: BTreeSet<String>,
}

impl Network {
    /// The table of a subnet.
    pub fn table(&self, vpc: &str, subnet: &str) -> Option<&RouteTable> {
        let tables = self.routes.get(vpc)?;
        let own = tables.iter().find(|table| table.subnets.contains(subnet));
        own.or_else(|| tables.iter().find(|table| table.main))
    }

    /// The subnets of a function that have no way to the internet. A function has no public address, so that an internet
    /// gateway is none for it. None where the routes are not known.
    pub fn closed_in<'a>(&self, vpc: &'a Vpc) -> Option<Vec<&'a str>> {
        let mut closed = Vec::new();
        for subnet in &vpc.subnets {
            let table = self.table(&vpc.id, subnet)?;
            let out = table.routes.iter().any(|(to, by)| match to.as_str() {
                "0.0.0.0/0" => !by.starts_with("igw-") && by != "local",
                "::/0" => vpc.ipv6 && by != "local",
                _ => false,
            });
            if !out {
                closed.push(subnet.as_str());
            }
        }
        Some(closed)
    }

    /// Whether some subnet of the function has a route that leads into other networks: a peering, a transit gateway.
    pub fn leads_elsewhere(&self, vpc: &Vpc) -> bool {
        let others = ["pcx-", "tgw-", "vgw-", "eni-", "i-", "lgw-", "arn:"];
        let tables = vpc.subnets.iter().filter_map(|subnet| self.table(&vpc.id, subnet));
        tables.flat_map(|table| &table.routes).any(|(_, by)| others.iter().any(|begin| by.starts_with(begin)))
    }

    /// A function as a security group sees it from inside the VPC; none where the subnets are not known.
    pub fn addresses(&self, vpc: &Vpc) -> Option<Vec<Net>> {
        vpc.subnets.iter().map(|subnet| self.subnets.get(subnet).copied()).collect()
    }
}

impl Facts {
    /// Those of the functions that are one of the five or somebody else's: all that CodeDeploy waits for.
    pub fn hooks(&self) -> impl Iterator<Item = (&Wired, &SetUp)> {
        self.functions.iter().filter_map(|wired| Some((wired, wired.set_up.seen()?)))
    }

    /// Where a function is, if not where the deployment group is.
    pub fn elsewhere(&self, written: &str) -> Option<String> {
        elsewhere(written, &self.region, self.group.seen())
    }

    /// What the deployment group is called in a finding.
    pub fn group_title(&self) -> String {
        format!("deployment group {} of {}", self.group_name, self.application)
    }
}
