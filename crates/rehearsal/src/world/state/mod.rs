//! What the simulated account consists of.

pub(crate) mod account;
mod deployment;
mod describe;
mod ecs;
pub(crate) mod functions;
pub(crate) mod healthy_world;
pub(crate) mod ids;
mod initial_state;
mod load_balancing;
pub(crate) mod network;
mod ownership;
mod routing;
mod wildcard;
mod world;

pub(crate) use self::world::ScheduledChange;
pub use self::{
    account::{Account, Secret},
    deployment::*,
    ecs::*,
    functions::{AllowStatement, EventSettings, Function, FunctionVpc, StatementMatch, function_arn, role_arn},
    healthy_world::{DEFAULT_SERVICE, WorldOptions},
    ids::{ACCOUNT, Ids, REGION},
    initial_state::*,
    load_balancing::*,
    network::*,
    routing::{ListenerRequest, Routed},
    wildcard::matches_wildcard,
    world::{Version, World, WorldEvent},
};
pub(crate) use self::{
    account::{digest_of, repository_of},
    functions::CODEDEPLOY_ROLE,
    ids::arn,
};
