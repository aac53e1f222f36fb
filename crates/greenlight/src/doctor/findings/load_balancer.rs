//! The load balancer: whether the requests of checks reach the service.

use hook_core::{aws_inspector::TrafficRoute, shell::quote};

use super::finding::{DoctorProblem, authorize_ingress_command, group_by, update_functions_command};
use crate::doctor::{
    security_groups::{Client, allows_ingress},
    snapshot::{AccountSnapshot, HookedFunction, ListenerInfo},
    vpc::VpcConfig,
};

/// A function whose checks connect to a listener, from a VPC or not.
pub struct ListenerAccess<'a> {
    route: TrafficRoute,
    pub listener: &'a ListenerInfo,
    pub function: &'a HookedFunction,
    vpc: Option<&'a VpcConfig>,
}

/// Every function whose checks connect to a listener of the deployment group.
pub fn listener_accesses(snapshot: &AccountSnapshot) -> Vec<ListenerAccess<'_>> {
    let mut accesses = Vec::new();
    for (function, config) in snapshot.hook_configs() {
        for route in function.gate.requirements.iter().flat_map(|needs| needs.routes.iter().copied()) {
            if let Some(listener) = snapshot.listeners.get(&route).and_then(|it| it.found()) {
                accesses.push(ListenerAccess { route, listener, function, vpc: config.vpc.as_ref() });
            }
        }
    }
    accesses
}

impl ListenerAccess<'_> {
    /// Whether the load balancer is internal and the function is outside its VPC.
    fn is_outside_vpc(&self, snapshot: &AccountSnapshot) -> bool {
        let near = |vpc: &VpcConfig| vpc.id == self.listener.vpc || snapshot.network.has_route_to_other_network(vpc);
        // Unknown routes can include a peering connection.
        let unknown = |vpc: &VpcConfig| !snapshot.network.route_tables.contains_key(&vpc.id);
        self.listener.is_internal && !self.vpc.is_some_and(|vpc| near(vpc) || unknown(vpc))
    }

    /// Whether the load balancer is internet-facing and the function has no route to the internet.
    fn has_no_internet_route(&self, snapshot: &AccountSnapshot) -> bool {
        let closed = self.vpc.and_then(|vpc| snapshot.network.subnets_without_internet(vpc));
        !self.listener.is_internal && closed.is_some_and(|subnets| !subnets.is_empty())
    }
}

/// The load balancer is internal, and the functions cannot reach it because they are outside its VPC.
pub fn internal(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let outside = listener_accesses(snapshot).into_iter().map(|access| {
        let ListenerInfo { load_balancer, vpc, .. } = access.listener;
        (access.function, access.is_outside_vpc(snapshot).then(|| (load_balancer.clone(), vpc.clone())))
    });
    let problems = group_by(outside).map(|((balancer, vpc), mut functions)| {
        functions.dedup();
        DoctorProblem {
            message: format!(
                "they are not in {vpc}, and the load balancer {balancer} is internal: their requests never reach it"
            ),
            resource: functions.join(", "),
            fix: format!(
                "give them subnets of {vpc} and a security group from which the load balancer's allows inbound traffic"
            ),
            command: update_functions_command(&functions, "--vpc-config SubnetIds=…,SecurityGroupIds=…"),
        }
    });
    problems.collect()
}

/// The load balancer is internet-facing, and functions in a VPC have no route to the internet.
pub fn no_internet_route(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let closed = listener_accesses(snapshot).into_iter().map(|access| {
        let subnets = access.vpc.map(|vpc| vpc.subnets.join(", ")).unwrap_or_default();
        let key = access.has_no_internet_route(snapshot).then(|| (access.listener.load_balancer.clone(), subnets));
        (access.function, key)
    });
    let problems = group_by(closed).map(|((balancer, subnets), mut functions)| {
        functions.dedup();
        DoctorProblem {
            message: format!(
                "the load balancer {balancer} has public addresses, but {subnets} has no route to the internet (a \
                 function cannot use an internet gateway): their requests never reach it"
            ),
            resource: functions.join(", "),
            fix: "add a NAT gateway to the subnets' route table, or remove the functions from the VPC".to_owned(),
            command: None,
        }
    });
    problems.collect()
}

/// A security group of the load balancer blocks the functions.
pub fn ingress_blocked(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let blocked = listener_accesses(snapshot).into_iter().map(|access| {
        let key = blocked_ingress(snapshot, &access).map(|blocked| {
            let ListenerInfo { port, load_balancer, security_groups, .. } = access.listener;
            (access.route, *port, load_balancer.clone(), security_groups.clone(), blocked)
        });
        (access.function, key)
    });
    let problems = group_by(blocked).map(|((route, port, balancer, groups, blocked), functions)| {
        let BlockedIngress { why, fix, source } = blocked;
        DoctorProblem {
            message: format!(
                "the {} port {port} of the load balancer {balancer} {why}: the requests of {} time out",
                route.as_str(),
                functions.join(", ")
            ),
            resource: groups.join(", "),
            fix,
            command: source.and_then(|source| authorize_ingress_command(&groups, port, &source)),
        }
    });
    problems.collect()
}

/// Why and how a port is blocked.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct BlockedIngress {
    /// The reason, as a predicate for the port.
    why: String,
    fix: String,
    /// The source option of the command that opens the port. `None` if that would open it to every address, which is
    /// the user's decision.
    source: Option<String>,
}

/// Why the function cannot reach the port. `None` if it can, or if that is not known.
fn blocked_ingress(snapshot: &AccountSnapshot, access: &ListenerAccess<'_>) -> Option<BlockedIngress> {
    let ListenerAccess { listener, vpc, .. } = access;
    // Functions without a route to the load balancer have their own findings.
    if listener.security_groups.is_empty() || access.is_outside_vpc(snapshot) || access.has_no_internet_route(snapshot)
    {
        return None;
    }
    let groups = snapshot.network.rules_of(&listener.security_groups)?;
    let ranges;
    let client = match vpc {
        None => Client::Anywhere,
        Some(_) if !listener.is_internal => Client::BehindNat,
        Some(vpc) => {
            ranges = snapshot.network.source_ranges(vpc)?;
            Client::InVpc(&vpc.security_groups, &ranges)
        }
    };
    if allows_ingress(groups, listener.port, &client) {
        return None;
    }
    let (why, fix, source) = match client {
        Client::InVpc(own, _) => {
            let first = own.first().map_or("…", String::as_str);
            (
                format!("is not open to {}", own.join(", ")),
                format!("allow inbound traffic from {first}"),
                Some(format!("--source-group {}", own.first().map_or("…".into(), |own| quote(own)))),
            )
        }
        Client::BehindNat => (
            "is not open to any public address, but functions in a VPC connect from the address of their NAT gateway \
             (a rule for their security group does not apply to it)"
                .to_owned(),
            "allow inbound traffic from the NAT gateway's address".to_owned(),
            Some("--cidr ADDRESS-OF-THE-NAT-GATEWAY/32".to_owned()),
        ),
        Client::Anywhere => (
            "is not open to every address, but functions outside a VPC can connect from any address".to_owned(),
            "put the functions into a VPC and allow the address of its NAT gateway, or open the port to every address"
                .to_owned(),
            None,
        ),
    };
    Some(BlockedIngress { why, fix, source })
}

/// The requests of checks will not reach the service, because no host name is known or no listener rule forwards them.
pub fn request_not_routable(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let predicted = snapshot.functions.iter().flat_map(|function| {
        let failures = function.predicted_failures.iter();
        failures.map(move |it| (function, Some((it.code, it.check.clone(), it.message.clone()))))
    });
    let problems = group_by(predicted).map(|((code, check, why), functions)| DoctorProblem {
        message: format!("the check {check} will end with {code}: {why}"),
        resource: functions.join(", "),
        fix: code.hint().to_owned(),
        command: None,
    });
    problems.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        fixtures::{codes, healthy_account, into_vpc},
        security_groups::SecurityGroupRules,
        vpc::{RouteTarget, VpcRouteTable},
    };

    /// An account in which one function sends requests to the test listener.
    fn account_with_requests() -> AccountSnapshot {
        let mut snapshot = healthy_account();
        let needs = snapshot.functions[2].gate.requirements.as_mut().unwrap();
        needs.routes = [TrafficRoute::Test].into();
        snapshot
    }

    #[test]
    fn an_internal_load_balancer_is_out_of_reach_outside_its_vpc() {
        let mut snapshot = account_with_requests();
        snapshot.listeners.get_mut(&TrafficRoute::Test).unwrap().found_mut().is_internal = true;
        assert_eq!(codes(&snapshot), ["LoadBalancerInternal"]);
    }

    #[test]
    fn a_vpc_without_a_nat_gateway_does_not_reach_a_public_load_balancer() {
        let mut snapshot = account_with_requests();
        into_vpc(&mut snapshot);
        let gateway = vec![("0.0.0.0/0".to_owned(), RouteTarget::InternetGateway)];
        let public = VpcRouteTable { id: "rtb-1".into(), is_main: true, routes: gateway, ..VpcRouteTable::default() };
        snapshot.network.route_tables.insert("vpc-1".into(), vec![public]);
        assert!(codes(&snapshot).contains(&"NoInternetRoute"));
    }

    #[test]
    fn a_closed_security_group_is_found_for_each_kind_of_client() {
        let mut snapshot = account_with_requests();
        let listener = snapshot.listeners.get_mut(&TrafficRoute::Test).unwrap().found_mut();
        listener.security_groups = vec!["sg-balancer".into()];
        snapshot.network.security_groups.insert("sg-balancer".into(), SecurityGroupRules::default());
        assert_eq!(codes(&snapshot), ["IngressBlocked"]);
        assert_eq!(ingress_blocked(&snapshot)[0].command, None);

        into_vpc(&mut snapshot);
        assert!(ingress_blocked(&snapshot)[0].command.as_ref().unwrap().contains("NAT-GATEWAY/32"));

        snapshot.listeners.get_mut(&TrafficRoute::Test).unwrap().found_mut().is_internal = true;
        let command = ingress_blocked(&snapshot)[0].command.clone().unwrap();
        assert!(command.ends_with("--group-id sg-balancer --protocol tcp --port 8443 --source-group sg-functions"));
    }
}
