//! The resources that the checks of a gate file name.

/// A resource outside the gate file that the file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referenced {
    Alarm(String),
    /// Alarms, by name prefix.
    AlarmPrefix(String),
    AlarmTags(Vec<(String, String)>),
    /// A container of the task definition.
    Container(String),
    /// A parameter of Systems Manager.
    Parameter(String),
    /// A secret of Secrets Manager.
    Secret(String),
    /// A variable of the function.
    EnvVar(String),
}
