//! The changes that can be scheduled in the world.

use crate::world::{EventStatus, Health, Rule, Target, Task, TaskSet, TasksStop};

/// A single change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A task set is created.
    TaskSetCreated(TaskSet),
    /// A task set is deleted, and its tasks stop.
    TaskSetDeleted { id: String },
    /// A task set becomes `PRIMARY`, all others `ACTIVE`.
    Primary { id: String },
    /// A task set reaches its steady state.
    Steady { id: String },
    /// A task is created.
    TaskStarted(Task),
    /// A task and its containers reach RUNNING.
    TaskRunning { arn: String },
    /// The health of a task and its containers becomes known.
    TaskHealth { arn: String, health: String },
    /// A task stops.
    TaskStopped { arn: String, stop: TasksStop },
    /// A task of a set ends, and ECS starts another one.
    TaskLost { set: String, stop: TasksStop },
    /// A task of a set ends, and another one runs in its place immediately.
    TaskCrashes { set: String, stop: TasksStop },
    /// A task set's desired count decreases by this many tasks.
    ScaledIn { set: String, by: i32 },
    /// A task set's desired count increases by this many tasks.
    ScaledOut { set: String, by: i32 },
    /// A container that is not essential ends in all tasks of a set.
    SidecarExits { set: String, exit_code: i32 },
    /// The health of all targets of a task set changes.
    TaskSetTargetHealth { set: String, health: Health },
    /// A target is registered.
    TargetRegistered { group: String, target: Target },
    /// A target's health changes.
    TargetHealth { group: String, id: String, health: Health },
    /// A target is removed.
    TargetGone { group: String, id: String },
    /// A listener forwards to other target groups, given with their weights.
    ListenerForwards { listener: String, to: Vec<(String, i32)> },
    /// Somebody adds a rule to a listener.
    RuleAdded { listener: String, rule: Rule },
    /// ECS adds an event to the service.
    ServiceEventAdded { message: String },
    /// The status of a lifecycle event of the newest deployment changes.
    EventStatusChanged { event: String, status: EventStatus },
    /// An alarm changes its state.
    AlarmState { name: String, state: String, reason: String },
    /// Somebody deletes an alarm.
    AlarmDeleted { name: String },
}
