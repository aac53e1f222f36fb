//! A load balancer in the internet, and functions in a VPC that cannot get there.

use super::{DoctorProblem, FindingKind, group_by, listener_accesses};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "NoInternetRoute", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let closed = listener_accesses(facts).into_iter().map(|knock| {
        let vpc = knock.vpc.map(|vpc| vpc.subnets.join(", ")).unwrap_or_default();
        let key = knock.has_no_internet_route(facts).then(|| (knock.listener.load_balancer.clone(), vpc));
        (knock.function, key)
    });
    let found = group_by(closed).map(|((balancer, subnets), mut functions)| {
        functions.dedup();
        DoctorProblem {
            message: format!(
                "the load balancer {balancer} has public addresses, and {subnets} has no way to the internet (an internet \
                 gateway is none for a function): their requests never reach it"
            ),
            resource: functions.join(", "),
            fix: "give the subnets' route table a NAT gateway, or take the functions out of the VPC".to_owned(),
        command: None,
        }
    });
    found.collect()
}
