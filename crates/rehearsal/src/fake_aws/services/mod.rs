//! The operations, by service.

pub(crate) mod cloudformation;
pub(crate) mod cloudwatch;
pub(crate) mod codedeploy;
pub(crate) mod ec2;
pub(crate) mod ecs;
pub(crate) mod elb;
pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod other_services;
