//! A VPC endpoint's security groups block the functions. The service's name still resolves to the endpoint, even if the
//! VPC has another route to the service.

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, group_by, no_endpoint::called_endpoints};
use crate::doctor::{
    security_groups::{Client, SecurityGroupRules, allows_ingress},
    snapshot::{AccountSnapshot, VpcConfig, VpcEndpoint},
};

pub const KIND: FindingKind = FindingKind { code: "EndpointIngressBlocked", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let mut hidden = Vec::new();
    for (wired, set_up) in facts.hook_configs() {
        let Some(vpc) = &set_up.vpc else { continue };
        let called = called_endpoints(&facts.region, wired);
        let endpoints = facts.network.endpoints.get(&vpc.id).into_iter().flatten();
        let used = endpoints.filter(|it| !it.is_gateway && it.private_dns && called.contains(&it.service));
        for endpoint in used.filter(|endpoint| is_ingress_blocked(facts, endpoint, vpc)) {
            let own = vpc.security_groups.first().cloned().unwrap_or_default();
            let key = (endpoint.security_groups.join(", "), endpoint.id.clone(), endpoint.service.clone(), own);
            hidden.push((wired, Some(key)));
        }
    }
    let found = group_by(hidden).map(|((groups, id, service, own), functions)| DoctorProblem {
        message: format!(
            "no rule allows {own} to connect to port 443 of the endpoint {id}, to which the name of {service} \
             resolves: the calls of {} time out",
            functions.join(", ")
        ),
        resource: groups.clone(),
        fix: format!("allow inbound traffic from {own} to port 443"),
        command: Some(format!(
            "aws ec2 authorize-security-group-ingress --group-id {} --protocol tcp --port 443 --source-group {}",
            quote(groups.split(", ").next().unwrap_or_default()),
            quote(&own)
        )),
    });
    found.collect()
}

fn is_ingress_blocked(facts: &AccountSnapshot, endpoint: &VpcEndpoint, vpc: &VpcConfig) -> bool {
    let groups: Option<Vec<&SecurityGroupRules>> =
        endpoint.security_groups.iter().map(|id| facts.network.security_groups.get(id)).collect();
    let (Some(groups), Some(nets)) = (groups, facts.network.source_ranges(vpc)) else { return false };
    !allows_ingress(groups, 443, &Client::InVpc(&vpc.security_groups, &nets))
}
