//! The stable reason codes, each with a hint about what to do. docs/OPERATING.md has a heading for every code.

macro_rules! codes {
    ($($code:ident: $hint:literal,)*) => {
        /// The reason code of a finding. The order is from cause to symptom: tasks that stop never become healthy
        /// targets, and without healthy targets no task set is steady. If several checks fail, the verdict names the
        /// first code in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $($code,)*
        }

        impl ReasonCode {
            /// All codes, in the order of docs/OPERATING.md.
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
    OriginalNotSteady: "look at the service's events: the version that customers use is itself not steady",
    RollbackNotConfigured: "turn on auto-rollback for DEPLOYMENT_FAILURE, or a failed deployment is not rolled back",
    ListenerMisconfigured: "compare the deployment group's listeners and target groups with the load balancer's rules",
    TaskDefinitionNotActive: "name a registered revision of the task definition in the AppSpec file",
    LogGroupMissing: "create the log group, or the tasks will not start",
    RoleMissing: "create the role, or the tasks will not start",
    SecretMissing: "create or restore it, or the tasks will not start",
    ImageMissing: "push the image to an existing repository, or name one that exists, or the tasks will not start",
    NotPermittedToCheck: "add the action to the function's role, or remove the entry from `preflight`",
    LoadBalancerUnreachable: "let the functions reach the listener's port: its security group must allow them, and an internal load balancer needs functions in its VPC",
    ReplacementMissing: "look at the service's events, and at the deployment in CodeDeploy",
    TasksStopped: "read the stopped reason and the container's log",
    TasksReplaced: "a task ended and another one took its place; read its stopped reason and the container's log",
    NotRunning: "look at the service's events: capacity, image pull, subnet addresses",
    TasksPending: "look at the service's events: capacity, image pull, subnet addresses",
    ContainersUnhealthy: "run the container's health-check command manually and read its log",
    WrongImage: "ECS runs a different image from the one that the task definition pins; compare the digests in the registry",
    ImagesDiffer: "the tag was moved while tasks were started; pin the image by digest, or deploy again",
    ImageUnknown: "give the check a `within`: ECS reports which image a container runs only after it has pulled the image",
    NoTargets: "the task set registered nothing with its target group; check container name and port in the AppSpec file",
    UnknownTargets: "look at the task set's stopped tasks; if these targets stay, deregister them, because the load balancer sends requests to them",
    TargetsUnhealthy: "see what the load balancer reports; check the container port, the health-check path and the security group",
    NotSteady: "look at the service's events and at the stopped tasks",
    ListenerNotForwarding: "compare the listener's rules with the target groups of the deployment group",
    NoListener: "name the listener in the deployment group; without a test listener, remove AfterAllowTestTraffic from the AppSpec file",
    HostNotConfigured: "set GREENLIGHT_HOST to the host name that customers use",
    HealthCheckNotRoutable: "give the check a `path`, and an `expect` if the service does not return 200",
    RuleLeadsElsewhere: "send a request that the listener rules forward to the new version, with another path, `host`, method or header, or change the rule",
    RuleUndecided: "send a request that matches no rule with such a condition, or accept this as unverified",
    NameNotResolved: "check the name, and the function's VPC resolver",
    HostNotAllowed: "checks contact only hosts in GREENLIGHT_ALLOWED_HOSTS, and never loopback or link-local addresses",
    ConnectTimedOut: "check that the security group lets this function reach that port",
    ConnectRefused: "nothing listens on that port; check the port",
    ConnectionReset: "the server closed the connection; read its log",
    ReadTimedOut: "the server accepted the connection and did not send the whole response in time; read its log",
    TlsFailed: "correct the TLS settings of the server or of the check",
    TlsUnverified: "set the certificate authority with `tls: { ca_file: … }` instead of `tls: unverified`",
    ServiceUnverified: "test the service itself: give `health_check` a `path`, or the hook an `http` or `grpc` check",
    VersionUnverified: "send the request through a listener that forwards to the new version, or compare its response, with `==`, with a {{green.…}} fact; in `http` and `grpc`, `any_version: true` accepts either version",
    RequestFailed: "correct the request; if it is correct, look at the service's log and at the network",
    WrongVersionServed: "a version other than the deployed one responds: check whether the image was rebuilt, and the rules of the listener",
    UnexpectedStatus: "request the same URL manually and read the service's log",
    UnexpectedHeader: "request the same URL manually and read the service's log",
    UnexpectedBody: "request the same URL manually and read the service's log",
    GrpcNotServing: "call the same method manually (for the health service: grpc_health_probe) and read the service's log",
    TooSlow: "compare with the version in production under the same load",
    AlarmFiring: "look at the alarm's metric, and since when it fires",
    AlarmMissing: "create the alarm, or correct its name in the gate file",
    AlarmNoData: "the alarm has no data points to judge; check its metric or how it treats missing data",
    AlarmNotEvaluated: "read the alarm's state reason and its history",
    CheckFailed: "correct the condition in the gate file, as this line explains",
    SecretUnreadable: "correct the value, or its location in `secrets` of the gate file, and let the function's role read it",
    FactUnknown: "use a fact that has a value for this deployment",
    NotSupportedYet: "to use this key, deploy hooks that support it",
    CheckPanicked: "this is a bug in Greenlight; please report the line before this one",
    RanOutOfTime: "fix what the check reports; if it only needed longer, raise the function's timeout",
    WindowTooLong: "raise the function's timeout (15 minutes at most), or shorten the window",
    NotRun: "fix the check that it waited for",
    CutOff: "fix the check that failed first; this one did not finish",
    AwsDenied: "add the action to the function's role",
    AwsThrottled: "AWS kept throttling; deploy again, or request a quota increase",
    AwsUnreachable: "a function in a VPC needs a NAT gateway or an interface endpoint for this service",
    AwsRejected: "correct the name or the setting that AWS's error mentions; resources of another region or account count as missing",
    AwsFailed: "deploy again; if the error returns, look at the AWS Health Dashboard, and at proxies between the function and AWS",
    UnexpectedReply: "AWS's reply lacks what this needs; please report it",
    PlatformUnsupported: "these hooks check Amazon ECS deployments with a CODE_DEPLOY deployment controller",
    ServiceNotConfigured: "set GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE",
    WrongEvent: "compare the function names in the Hooks section of the AppSpec file with their events",
    NoEventInProgress: "the event is over (its status was put, it timed out, or the deployment was stopped), so nothing was checked; if the deployment failed, deploy again",
    RollbackDeployment: "set GREENLIGHT_ROLLBACK=check to check rollbacks too",
    GateSkipped: "remove `skip` from the gate file when the emergency is over",
    SkipExpired: "remove the marker from the description, or set a new date in the gate file",
    LifecycleStateUnknown: "CodeDeploy's record did not show in time which lifecycle event is in progress; deploy again",
    SettingsInvalid: "fix the function's environment variables",
    GateUnreadable: "correct the gate file or its location, and let the function read it",
    GateChanged: "review the gate file's change, then set GREENLIGHT_GATE_DIGEST to its new digest",
    GateInvalid: "fix the gate file",
    NothingChecked: "give this hook a check that applies, or set `no_data: warn` if no check has to apply",
    GateEmpty: "correct this hook's section of the gate file",
}

impl ReasonCode {
    /// The name of the code, which never changes after a release.
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

    /// The messages of these codes are for `greenlight check`, which prints no hints, so they say what to write.
    #[test]
    fn hints_do_not_repeat_the_advice_of_a_message() {
        for (file, code, advice) in [
            ("hooks: { after_install: { built_in: none } }", ReasonCode::GateEmpty, "checks: none"),
            ("hooks: { after_install: { checks: [] } }", ReasonCode::GateEmpty, "checks: none"),
            ("hooks: { after_install: { checks: [metric: 1] } }", ReasonCode::NotSupportedYet, "remove"),
        ] {
            let diagnostics = crate::check(&format!("version: 1\n{file}\n"));
            assert!(diagnostics.iter().all(|it| it.code == code && it.message.contains(advice)), "{diagnostics:?}");
            assert!(!code.hint().contains(advice), "{code}: {}", code.hint());
        }
    }

    #[test]
    fn every_code_has_its_heading_in_the_manual_and_no_heading_is_left_over() {
        let manual = include_str!("../../../docs/OPERATING.md");
        let headings: Vec<&str> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        // Codes of an invocation that ended without a status, and of the on-failure handler's report.
        let errors = ["EventNotJson", "EventMalformed", "StatusNotSent", "HookInvocationFailed"].map(str::to_owned);
        let codes: Vec<String> = ReasonCode::ALL.iter().map(|code| code.name()).chain(errors).collect();
        assert_eq!(headings, codes);
    }
}
