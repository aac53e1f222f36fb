//! The load balancer is internet-facing, and functions in a VPC have no route to the internet.

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
                "the load balancer {balancer} has public addresses, but {subnets} has no route to the internet (a \
                 function cannot use an internet gateway): their requests never reach it"
            ),
            resource: functions.join(", "),
            fix: "add a NAT gateway to the subnets' route table, or remove the functions from the VPC".to_owned(),
            command: None,
        }
    });
    found.collect()
}
