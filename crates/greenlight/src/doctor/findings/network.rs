//! The VPC of the functions: whether they can reach AWS.

use std::collections::BTreeSet;

use hook_core::shell::quote;

use super::{
    finding::{DoctorProblem, authorize_ingress_command, first_quoted, group_by, shell_command_for_each},
    load_balancer::listener_accesses,
};
use crate::doctor::{
    endpoints::{MissingEndpoints, called_endpoints, is_available_in, missing_endpoints},
    security_groups::{Client, allows_egress, allows_ingress},
    snapshot::AccountSnapshot,
    vpc::{VpcConfig, VpcEndpoint},
};

/// The port of AWS's endpoints.
const HTTPS: u16 = 443;

/// Functions are in a VPC without a route to the internet, and the VPC has no endpoints for services that they call.
pub fn no_endpoint(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let (network, region) = (&snapshot.network, snapshot.region.as_str());
    let missing = snapshot.hook_configs().map(|(function, config)| {
        // Another network can have the endpoints or a route to the internet. That cannot be read, and is reported as
        // such.
        let vpc = config.vpc.as_ref().filter(|vpc| !network.has_route_to_other_network(vpc));
        (function, vpc.and_then(|vpc| missing_endpoints(network, region, function, vpc)))
    });
    let problems = group_by(missing).map(|(missing, functions)| DoctorProblem {
        message: format!(
            "{} {} no route to the internet (a NAT gateway), and {} has no VPC endpoint that {} can use for {}: calls \
             to {} hang until they time out",
            missing.subnets.join(", "),
            if missing.subnets.len() == 1 { "has" } else { "have" },
            missing.vpc,
            if missing.subnets.len() == 1 { "this subnet" } else { "these subnets" },
            missing.services.join(", "),
            if missing.services.len() == 1 { "this service" } else { "these services" }
        ),
        resource: functions.join(", "),
        fix: endpoint_fix(&missing, region).to_owned(),
        command: create_endpoints_command(&missing, region),
    });
    problems.collect()
}

fn endpoint_fix(MissingEndpoints { services, .. }: &MissingEndpoints, region: &str) -> &'static str {
    let is_available = |service: &String| is_available_in(service, region);
    let is_gateway = |service: &String| has_gateway_endpoint(service);
    match (services.iter().any(is_available), services.iter().all(is_available)) {
        (_, true) if services.iter().all(is_gateway) => {
            "create a gateway endpoint for S3 and add it to the subnets' route tables (the template does so, with \
             Endpoints), or a NAT gateway"
        }
        (_, true) if services.len() == 1 => {
            "create the endpoint in one subnet of each zone (the template does so, with Endpoints), or a NAT gateway; \
             the endpoint's security group must allow the functions to connect to port 443"
        }
        (_, true) if services.iter().any(is_gateway) => {
            "create an endpoint for each of them (the template does so, with Endpoints), or a NAT gateway: add the \
             gateway endpoint for S3 to the subnets' route tables, and create the others in one subnet of each zone, \
             with a security group that allows the functions to connect to port 443"
        }
        (_, true) => {
            "create an endpoint for each of them in one subnet of each zone (the template does so, with Endpoints), or \
             a NAT gateway; an endpoint's security group must allow the functions to connect to port 443"
        }
        (true, false) => {
            "create a NAT gateway: the preflight check of a task definition's roles calls IAM, whose only endpoint is \
             in us-east-1; or leave that check out, and create an endpoint for each of the others"
        }
        (false, false) => {
            "create a NAT gateway, or leave out the preflight check of a task definition's roles: it calls IAM, whose \
             only endpoint is in us-east-1"
        }
    }
}

/// Whether the service has a gateway endpoint: an entry in route tables, without a subnet and a security group. Of the
/// services that functions call, only S3 has one.
fn has_gateway_endpoint(service: &str) -> bool {
    service.ends_with(".s3")
}

fn create_endpoints_command(missing: &MissingEndpoints, region: &str) -> Option<String> {
    let quote_all = |ids: &[String]| ids.iter().map(|id| quote(id)).collect::<Vec<_>>().join(" ");
    let can = missing.services.iter().map(String::as_str).filter(|service| is_available_in(service, region));
    let (gateways, interfaces): (Vec<&str>, Vec<&str>) = can.partition(|service| has_gateway_endpoint(service));
    let commands_for = |services: &[&str], kind: &str| {
        let vpc = quote(&missing.vpc);
        let create = |service: &str| {
            format!("aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {service} --vpc-endpoint-type {kind}")
        };
        (!services.is_empty()).then(|| shell_command_for_each(services, create))
    };
    let interface = format!(
        "Interface --private-dns-enabled --subnet-ids {} --security-group-ids SECURITY-GROUP-OF-THE-ENDPOINTS",
        quote_all(&missing.subnets)
    );
    let gateway = format!("Gateway --route-table-ids {}", quote_all(&missing.route_tables));
    let commands = [commands_for(&interfaces, &interface), commands_for(&gateways, &gateway)];
    let commands: Vec<_> = commands.into_iter().flatten().collect();
    (!commands.is_empty()).then(|| commands.join("; "))
}

/// A VPC endpoint's security groups block the functions. The service's name still resolves to the endpoint, even if the
/// VPC has another route to the service.
pub fn endpoint_ingress_blocked(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let mut blocked = Vec::new();
    for (function, config) in snapshot.hook_configs() {
        let Some(vpc) = &config.vpc else { continue };
        let called = called_endpoints(&snapshot.region, function);
        let endpoints = snapshot.network.endpoints.get(&vpc.id).into_iter().flatten();
        let used = endpoints.filter(|it| !it.is_gateway && it.private_dns && called.contains(&it.service));
        for endpoint in used.filter(|endpoint| is_ingress_blocked(snapshot, endpoint, vpc)) {
            let own = vpc.security_groups.first().cloned().unwrap_or_default();
            let key = (endpoint.security_groups.clone(), endpoint.id.clone(), endpoint.service.clone(), own);
            blocked.push((function, Some(key)));
        }
    }
    let problems = group_by(blocked).map(|((groups, id, service, own), functions)| DoctorProblem {
        message: format!(
            "no rule allows {own} to connect to port {HTTPS} of the endpoint {id}, to which the name of {service} \
             resolves: the calls of {} time out",
            functions.join(", ")
        ),
        resource: groups.join(", "),
        fix: format!("allow inbound traffic from {own} to port {HTTPS}"),
        command: authorize_ingress_command(&groups, HTTPS, &format!("--source-group {}", quote(&own))),
    });
    problems.collect()
}

fn is_ingress_blocked(snapshot: &AccountSnapshot, endpoint: &VpcEndpoint, vpc: &VpcConfig) -> bool {
    let groups = snapshot.network.rules_of(&endpoint.security_groups);
    let (Some(groups), Some(ranges)) = (groups, snapshot.network.source_ranges(vpc)) else { return false };
    !allows_ingress(groups, HTTPS, &Client::InVpc(&vpc.security_groups, &ranges))
}

/// The functions' security groups block outbound traffic that they need.
pub fn egress_blocked(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let accesses = listener_accesses(snapshot);
    let blocked = snapshot.hook_configs().map(|(function, config)| {
        let key = config.vpc.as_ref().and_then(|vpc| {
            let groups = snapshot.network.rules_of(&vpc.security_groups)?;
            let own = accesses.iter().filter(|access| access.function.event == function.event);
            let ports: BTreeSet<u16> = own.map(|access| access.listener.port).chain([HTTPS]).collect();
            let blocked = ports.into_iter().filter(|port| !allows_egress(groups.iter().copied(), *port));
            // Report a closed path to AWS first: without AWS the function cannot put a status.
            let port = blocked.max_by_key(|port| *port == HTTPS)?;
            Some((vpc.security_groups.clone(), port))
        });
        (function, key)
    });
    let problems = group_by(blocked).map(|((groups, port), functions)| {
        let consequence = match port {
            HTTPS => "they cannot reach AWS, so they cannot put a status",
            _ => "they cannot reach the load balancer",
        };
        DoctorProblem {
            message: format!(
                "the security groups of {} allow no outbound traffic to port {port}: {consequence}",
                functions.join(", ")
            ),
            resource: groups.join(", "),
            fix: "allow that traffic; AWS creates security groups with a rule for all outbound traffic, and Terraform \
                  removes it"
                .to_owned(),
            command: Some(format!(
                "aws ec2 authorize-security-group-egress --group-id {} --protocol tcp --port {port} --cidr 0.0.0.0/0",
                first_quoted(&groups)
            )),
        }
    });
    problems.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        fixtures::{codes, healthy_account, into_vpc},
        security_groups::{IngressRule, RuleSource, SecurityGroupRules},
        vpc::VpcRouteTable,
    };

    #[test]
    fn a_vpc_without_internet_and_endpoints_is_found() {
        let mut snapshot = healthy_account();
        into_vpc(&mut snapshot);
        let isolated = VpcRouteTable { id: "rtb-1".into(), is_main: true, ..VpcRouteTable::default() };
        snapshot.network.route_tables.insert("vpc-1".into(), vec![isolated]);
        let problems = no_endpoint(&snapshot);
        assert_eq!(problems.len(), 1);
        let command = problems[0].command.as_ref().unwrap();
        assert!(command.contains("--service-name com.amazonaws.eu-west-1.codedeploy --vpc-endpoint-type Interface"));
    }

    /// The problem of functions in a VPC that has no endpoints, and has nothing to do but call these services.
    fn missing_services(services: &[&str]) -> MissingEndpoints {
        MissingEndpoints {
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-1".into()],
            route_tables: vec!["rtb-1".into()],
            services: services.iter().map(|service| format!("com.amazonaws.eu-west-1.{service}")).collect(),
        }
    }

    #[test]
    fn the_fix_for_s3_alone_is_a_gateway_endpoint_which_has_no_subnet_and_no_security_group() {
        let fix = |services: &[&str]| endpoint_fix(&missing_services(services), "eu-west-1");
        assert_eq!(
            fix(&["s3"]),
            "create a gateway endpoint for S3 and add it to the subnets' route tables (the template does so, with \
             Endpoints), or a NAT gateway"
        );
        assert!(fix(&["ecs"]).starts_with("create the endpoint in one subnet of each zone "));
        assert!(fix(&["ecs", "s3"]).contains("add the gateway endpoint for S3 to the subnets' route tables"));
        assert!(fix(&["ecs", "ssm"]).starts_with("create an endpoint for each of them in one subnet of each zone "));
    }

    #[test]
    fn one_service_is_not_several() {
        let mut snapshot = healthy_account();
        into_vpc(&mut snapshot);
        let isolated = VpcRouteTable { id: "rtb-1".into(), is_main: true, ..VpcRouteTable::default() };
        snapshot.network.route_tables.insert("vpc-1".into(), vec![isolated]);
        assert_eq!(
            no_endpoint(&snapshot)[0].message,
            "subnet-1 has no route to the internet (a NAT gateway), and vpc-1 has no VPC endpoint that this subnet can \
             use for com.amazonaws.eu-west-1.codedeploy: calls to this service hang until they time out"
        );
        for function in &mut snapshot.functions {
            function.called_services.insert("s3");
        }
        let message = &no_endpoint(&snapshot)[0].message;
        assert!(message.ends_with(".s3: calls to these services hang until they time out"), "{message}");
    }

    #[test]
    fn an_endpoint_that_does_not_let_the_functions_in_is_found() {
        let mut snapshot = healthy_account();
        into_vpc(&mut snapshot);
        let endpoint = VpcEndpoint {
            id: "vpce-1".into(),
            service: "com.amazonaws.eu-west-1.codedeploy".into(),
            private_dns: true,
            security_groups: vec!["sg-endpoint".into()],
            ..VpcEndpoint::default()
        };
        snapshot.network.endpoints.insert("vpc-1".into(), vec![endpoint]);
        snapshot.network.security_groups.insert("sg-endpoint".into(), SecurityGroupRules::default());
        assert_eq!(codes(&snapshot), ["EndpointIngressBlocked"]);
        let rule = IngressRule { ports: None, sources: vec![RuleSource::SecurityGroup("sg-functions".into())] };
        let open = SecurityGroupRules { ingress: vec![rule], ..SecurityGroupRules::default() };
        snapshot.network.security_groups.insert("sg-endpoint".into(), open);
        assert_eq!(codes(&snapshot), [""; 0]);
    }

    #[test]
    fn blocked_egress_to_aws_is_found() {
        let mut snapshot = healthy_account();
        into_vpc(&mut snapshot);
        let no_https = SecurityGroupRules { egress_ports: vec![Some((80, 80))], ..SecurityGroupRules::default() };
        snapshot.network.security_groups.insert("sg-functions".into(), no_https);
        assert_eq!(codes(&snapshot), ["EgressBlocked"]);
        assert!(egress_blocked(&snapshot)[0].message.ends_with("they cannot put a status"));
    }
}
