//! What changes the simulated account: CodeDeploy, ECS, and what a scenario makes happen.

mod apply;
mod behaviour;
mod change;
mod deploy;
mod install;
mod listener_switch;
mod put_status;
mod scheduled_event;
mod scheduling;
mod traffic_shift;

pub use self::{
    behaviour::{
        AlarmTransition, DeploymentBehaviour, RouteResponse, RuleBehaviour, SwitchTiming, TargetsUnhealthy, TasksCrash,
        TasksStop,
    },
    change::Change,
    put_status::StatusRejected,
    scheduled_event::{AlarmStateChange, ScheduledEvent, TargetHealthChange},
    traffic_shift::TrafficShift,
};
