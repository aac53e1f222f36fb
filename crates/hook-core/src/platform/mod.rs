//! The deployment platforms: how the payload of an invocation is parsed, and how the status goes back. One file for each.

pub mod codedeploy_ecs;
pub mod payload;
pub mod put_status;
