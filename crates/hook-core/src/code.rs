//! The stable word for every fault, each with what to do next. docs/OPERATING.md has a heading for every one of them.

macro_rules! codes {
    ($($code:ident: $hint:literal,)*) => {
        /// Which fault a finding is about. Where several checks fail, the order is from cause to symptom: tasks that
        /// stop never become healthy targets, and without those no task set is steady. The verdict names the first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant's meaning is its hint, and its heading in docs/OPERATING.md")]
        pub enum ReasonCode {
            $($code,)*
        }

        impl ReasonCode {
            /// All codes, in their order, which is that of docs/OPERATING.md.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// What to do next, as a clause for the end of a line.
            pub const fn hint(self) -> &'static str {
                match self {
                    $(Self::$code => $hint,)*
                }
            }
        }
    };
}

codes! {
    ServiceNotActive: "create the service or deploy to the one that the deployment group names",
    OriginalNotSteady: "look at the service's events: the version that customers use is not settled itself",
    RollbackNotConfigured: "turn on auto-rollback for DEPLOYMENT_FAILURE, else a failed deployment stays where it is",
    ListenerMisconfigured: "compare the deployment group's listeners and target groups with the load balancer's rules",
    TaskDefinitionNotActive: "register the task definition that the AppSpec file names, or name another revision",
    LogGroupMissing: "create the log group, or the tasks will not start",
    RoleMissing: "create the role, or the tasks will not start",
    SecretMissing: "create the parameter or secret, or the tasks will not start",
    ImageMissing: "push the image, or name one that is there; else the tasks will not start",
    NotPermittedToCheck: "add the action to the function's role, or take the word out of `preflight`",
    LoadBalancerUnreachable: "let the functions in: the load balancer's VPC, subnets, and a security group that its own lets in",
    ReplacementMissing: "look at the service's events: CodeDeploy made no task set for this deployment",
    TasksStopped: "read the stop reason and the container's log",
    TasksReplaced: "a task ended and another one took its place; read its stop reason and the container's log",
    NotRunning: "look at the service's events: capacity, image pull, subnet addresses",
    TasksPending: "look at the service's events: capacity, image pull, subnet addresses",
    ContainersUnhealthy: "run the container's health-check command by hand and read its log",
    WrongImage: "ECS runs another image than the task definition pins; compare the digests in the registry",
    ImagesDiffer: "the tag was moved while tasks were started; pin the image by digest, or deploy again",
    ImageUnknown: "ECS tells it once the image is pulled; give the check a `within`, and compare the container's name",
    NoTargets: "the task set registered nothing with its target group; check container name and port in the AppSpec",
    UnknownTargets: "deregister targets that are not tasks of this task set: the load balancer sends them requests",
    TargetsUnhealthy: "check the container port, the health-check path and the security group",
    NotSteady: "look at the service's events and at the stopped tasks",
    ListenerNotForwarding: "compare the listener's rules with the target groups of the deployment group",
    NoListener: "name a test listener in the deployment group, or take this hook out of the AppSpec",
    HostNotConfigured: "set GREENLIGHT_HOST to the name that customers use",
    HealthCheckNotRoutable: "give the check a `path`, and `expect` where 200 is not what it answers",
    RuleLeadsElsewhere: "send a request that the listener rules forward to the new version: another path, `host`, method or header; or change the rule",
    RuleUndecided: "send a request that meets no rule with such a condition, or take this as unverified",
    NameNotResolved: "check the name, and the function's VPC resolver",
    ConnectTimedOut: "check that the security group lets this function reach that port",
    ConnectRefused: "nothing listens there; check the port",
    ConnectionReset: "the other side hung up; read its log",
    ReadTimedOut: "it accepted the connection and did not answer in time; read its log",
    TlsFailed: "check the certificate's names, dates and chain; SSL_CERT_FILE adds an authority",
    TlsUnverified: "give the authority with `tls: { ca_file: … }` in place of `tls: unverified`",
    ServiceUnverified: "ask the service itself: give `answers` a `path`, or the hook an `http` or `grpc` check",
    VersionUnverified: "use {{test_url}} or {{production_url}}, and compare the answer with a {{green.…}} fact that differs, by `==`",
    RequestFailed: "read the text of the failure",
    WrongVersionServed: "another version answers than the one deployed: an image that was not rebuilt, or a rule of the listener",
    UnexpectedStatus: "ask the same URL by hand and read the service's log",
    UnexpectedHeader: "ask the same URL by hand and read the service's log",
    UnexpectedBody: "ask the same URL by hand and read the service's log",
    GrpcNotServing: "ask the health service by hand (grpc_health_probe) and read the service's log",
    TooSlow: "compare with the version in production under the same load",
    AlarmFiring: "look at the alarm's metric since the deployment began",
    AlarmMissing: "create the alarm or take its name out",
    AlarmNoData: "the alarm has no data points to judge; check its metric or how it treats missing data",
    AlarmNotEvaluated: "read the alarm's state reason, and its history since the deployment began",
    CheckFailed: "read the check's line",
    SecretUnreadable: "compare its place with the gate file's `secrets`, and let the function's role read it",
    FactUnknown: "give the deployment or the function what the gate file names, or compare with something else",
    NotSupportedYet: "take the key out of the gate file, or deploy newer hooks",
    CheckPanicked: "this is a fault in Greenlight; please report the line before this one",
    RanOutOfTime: "raise the function's time-out, or shorten the checks",
    WindowTooLong: "raise the function's time-out (15 minutes at most), or shorten the window",
    NotRun: "mend what it waited for",
    CutOff: "fix the check that failed first; this one was not run to its end",
    AwsDenied: "add the action to the function's role",
    AwsThrottled: "AWS kept throttling; deploy again, or ask for a higher limit",
    AwsUnreachable: "a function in a VPC needs a NAT gateway or an interface endpoint for this service",
    AwsRejected: "read what AWS said",
    AwsFailed: "AWS failed to answer; look at the AWS health dashboard and deploy again",
    UnexpectedReply: "AWS's reply lacks what this needs; please report it",
    PlatformUnsupported: "these hooks judge Amazon ECS deployments with a CODE_DEPLOY deployment controller",
    ServiceNotConfigured: "set GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE",
    WrongEvent: "compare the function names in the AppSpec's Hooks section with their events",
    NoEventInProgress: "the event is over (answered, timed out, or the deployment was stopped); nothing was checked",
    RollbackDeployment: "set GREENLIGHT_ROLLBACK=check to have roll-backs checked too",
    GateSkipped: "take `skip` out of the gate file when the emergency is over",
    SkipExpired: "take the words out of the description, or set a new date in the gate file",
    LifecycleStateUnknown: "CodeDeploy did not say in time which lifecycle event is in progress; deploy again",
    SettingsInvalid: "mend the function's environment variables",
    GateUnreadable: "compare the name in GREENLIGHT_GATE_FILE, _SSM or _S3 with what is there, and let the function read it",
    GateInvalid: "mend the gate file",
    NothingChecked: "give this hook a check that applies, or say `no_data: warn` where none has to",
    GateEmpty: "give this hook a check, or say `checks: none`",
}

impl ReasonCode {
    /// The word itself, which never changes once released.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_heading_in_the_manual_and_no_heading_is_left_over() {
        let manual = include_str!("../../../docs/OPERATING.md");
        let headings: Vec<&str> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        // What ends an invocation without an answer, and what the safety net says of it.
        let errors = ["EventNotJson", "EventMalformed", "StatusNotSent", "HookInvocationFailed"].map(str::to_owned);
        let codes: Vec<String> = ReasonCode::ALL.iter().map(|code| code.name()).chain(errors).collect();
        assert_eq!(headings, codes);
    }
}
