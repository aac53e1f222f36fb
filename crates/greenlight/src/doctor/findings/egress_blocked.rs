//! The functions' security groups block outbound traffic that they need.

use std::collections::BTreeSet;

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, group_by, listener_accesses};
use crate::doctor::{
    security_groups::{SecurityGroupRules, allows_egress},
    snapshot::AccountSnapshot,
};

pub const KIND: FindingKind = FindingKind { code: "EgressBlocked", find };

/// The port of AWS's endpoints.
const HTTPS: u16 = 443;

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let knocks = listener_accesses(facts);
    let closed = facts.hook_configs().map(|(wired, set_up)| {
        let key = set_up.vpc.as_ref().and_then(|vpc| {
            let groups: Option<Vec<&SecurityGroupRules>> =
                vpc.security_groups.iter().map(|id| facts.network.security_groups.get(id)).collect();
            let groups = groups?;
            let own = knocks.iter().filter(|knock| knock.function.event == wired.event);
            let ports: BTreeSet<u16> = own.map(|knock| knock.listener.port).chain([HTTPS]).collect();
            let shut = ports.into_iter().filter(|port| !allows_egress(groups.iter().copied(), *port));
            // Report a closed path to AWS first: without AWS the function cannot put a status.
            let port = shut.max_by_key(|port| *port == HTTPS)?;
            Some((vpc.security_groups.join(", "), port))
        });
        (wired, key)
    });
    let found = group_by(closed).map(|((groups, port), functions)| {
        let first = quote(groups.split(", ").next().unwrap_or_default());
        let what = match port {
            HTTPS => "they cannot reach AWS, so they cannot put a status",
            _ => "they cannot reach the load balancer",
        };
        DoctorProblem {
            message: format!("the security groups of {} allow no outbound traffic to port {port}: {what}", functions.join(", ")),
            resource: groups.clone(),
            fix: "allow that traffic; AWS creates security groups with a rule for all outbound traffic, and Terraform removes it".to_owned(),
            command: Some(format!(
                "aws ec2 authorize-security-group-egress --group-id {first} --protocol tcp --port {port} --cidr 0.0.0.0/0"
            )),
        }
    });
    found.collect()
}
