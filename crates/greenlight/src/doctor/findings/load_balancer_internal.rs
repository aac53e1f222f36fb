//! The load balancer is internal, and the functions cannot reach it because they are outside its VPC.

use super::{DoctorProblem, FindingKind, group_by, listener_accesses, shell_command_for_each};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "LoadBalancerInternal", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let shut_out = listener_accesses(facts).into_iter().map(|knock| {
        let key =
            knock.is_outside_vpc(facts).then(|| (knock.listener.load_balancer.clone(), knock.listener.vpc.clone()));
        (knock.function, key)
    });
    let found = group_by(shut_out).map(|((balancer, vpc), mut functions)| {
        functions.dedup();
        DoctorProblem {
            message: format!(
                "they are not in {vpc}, and the load balancer {balancer} is internal: their requests never reach it"
            ),
            resource: functions.join(", "),
            fix: format!(
                "give them subnets of {vpc} and a security group from which the load balancer's allows inbound traffic"
            ),
            command: Some(shell_command_for_each(&functions, |name| {
                format!(
                    "aws lambda update-function-configuration --function-name {name} --vpc-config \
                     SubnetIds=…,SecurityGroupIds=…"
                )
            })),
        }
    });
    found.collect()
}
