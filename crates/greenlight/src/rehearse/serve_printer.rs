//! Prints the events of a served world: how to reach it, which hook waits, and what was called.

use std::{fmt::Write, time::Instant};

use hook_core::shell::quote;
use lifecycle::format_duration;
use rehearsal::{
    AwsCall, Endpoints, EventKind, FunctionRef, FunctionReturned, Hook, HookWaiting, RehearsalEvent, ServeEvent,
    ServeOptions,
};

use super::timeline::Timeline;
use crate::terminal::{Emphasis, TIME_WIDTH, TerminalStyle, time_column};

/// The column after the time, as in the timeline.
pub(super) const LABEL_COLUMN: usize = TIME_WIDTH + 2;

/// Renders the events of a served world.
pub struct ServePrinter {
    style: TerminalStyle,
    /// What begins and where it waits, in words.
    note: String,
    ends: bool,
    /// Whether an AppSpec file says which hooks have a function.
    has_appspec: bool,
    pub timeline: Timeline,
    created: Instant,
    waiting_hook: Option<Hook>,
    /// Whether a hook has waited before, and the ways to start a function are known.
    has_waited: bool,
    /// How many deployments follow this one.
    remaining_deployments: usize,
}

impl ServePrinter {
    pub fn new(style: TerminalStyle, options: &ServeOptions, once: bool) -> Self {
        let (timeline, created) = (Timeline::new(style), Instant::now());
        let note = opening_note(options, once);
        let (waiting_hook, has_waited, remaining_deployments) = (None, false, 0);
        let has_appspec = options.at.is_none();
        Self {
            style,
            note,
            ends: once,
            has_appspec,
            timeline,
            created,
            waiting_hook,
            has_waited,
            remaining_deployments,
        }
    }

    /// The lines for an event. `None` if a person does not need to see it.
    pub fn render(&mut self, event: &ServeEvent) -> Option<String> {
        match event {
            ServeEvent::Open(endpoints) => Some(self.render_endpoints(endpoints)),
            ServeEvent::Rehearsal(moment) => Some(self.render_event(moment)),
            ServeEvent::HookWaiting(waiting) => Some(self.render_waiting(waiting)),
            ServeEvent::AwsCall(called) => Some(self.render_call(called)),
            ServeEvent::FunctionReturned(returned) => self.render_return(returned),
        }
    }

    fn render_endpoints(&mut self, endpoints: &Endpoints) -> String {
        let Endpoints { aws, region, production, test, env, application, deployment_group, .. } = endpoints;
        let mut text = String::new();
        let mut line = |name: &str, what: &str| {
            let _ = writeln!(
                text,
                "{:LABEL_COLUMN$}{}  {what}",
                "",
                self.style.apply(Emphasis::Bold, &format!("{name:<10}"))
            );
        };
        line("AWS", &format!("{aws} ({region}; all services, any credentials)"));
        line("production", production);
        match test {
            Some(test) => line("test", &format!("{test} (through the test listener)")),
            None => line("test", "the deployment group has no test listener"),
        }
        line("CodeDeploy", &format!("application {application}, deployment group {deployment_group}"));
        let service = endpoints.service.as_deref().unwrap_or("none");
        line("ECS", &format!("cluster {}, service {service}", endpoints.cluster));
        let _ = writeln!(text, "\n{:LABEL_COLUMN$}For the aws CLI, an SDK, or your own hook:", "");
        let _ = writeln!(text, "{:LABEL_COLUMN$}export {}", "", aws_environment(endpoints));
        let old = "An SDK that does not read AWS_ENDPOINT_URL (JavaScript 2, Go 1, Java 1, boto3 before 1.28) needs it \
                   in the code: new AWS.CodeDeploy({ endpoint: process.env.AWS_ENDPOINT_URL }).";
        let head = format!("{:LABEL_COLUMN$}", "");
        let _ = writeln!(text, "{}\n", self.style.hanging(&head, LABEL_COLUMN, Emphasis::Dim, old));
        let (application, group) = (quote(application), quote(deployment_group));
        let _ = writeln!(text, "{:LABEL_COLUMN$}Then `greenlight describe` and `greenlight doctor` read it too:", "");
        let _ = writeln!(
            text,
            "{:LABEL_COLUMN$}greenlight doctor --application {application} --deployment-group {group}\n",
            ""
        );
        if !env.is_empty() {
            let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
            let _ = writeln!(text, "{:LABEL_COLUMN$}The functions of this scenario also have:", "");
            let _ = writeln!(text, "{:LABEL_COLUMN$}export {}\n", "", env.join(" "));
        }
        format!("\n{text}{}", self.style.hanging(&head, LABEL_COLUMN, Emphasis::Plain, &self.note))
    }

    fn render_event(&mut self, moment: &RehearsalEvent) -> String {
        match &moment.kind {
            EventKind::DeploymentCreated { number, total: of, .. } => {
                self.created = Instant::now();
                self.remaining_deployments = of.saturating_sub(*number);
            }
            EventKind::HookFinished(_) => self.waiting_hook = None,
            _ => {}
        }
        let text = self.timeline.render_event(moment);
        match moment.kind {
            EventKind::DeploymentEnded { .. } if self.remaining_deployments == 0 && !self.ends => {
                let stays =
                    "The simulated AWS keeps running, and a client can create another deployment; Ctrl-C stops it.";
                let stays = self.style.apply(Emphasis::Dim, stays);
                format!("{text}\n{:LABEL_COLUMN$}{stays}", "")
            }
            _ => text,
        }
    }

    /// What the user can do at the hook. The commands are not wrapped, so that they can be copied.
    fn render_waiting(&mut self, waiting: &HookWaiting) -> String {
        let HookWaiting { hook, function, deployment, execution, event, .. } = waiting;
        self.waiting_hook = Some(*hook);
        let is_first = !std::mem::replace(&mut self.has_waited, true);
        let mut text = String::new();
        let mut step = |what: &str, command: &str| {
            let what = self.style.hanging(&format!("{:LABEL_COLUMN$}", ""), LABEL_COLUMN, Emphasis::Dim, what);
            let _ = write!(text, "\n{what}\n{:LABEL_COLUMN$}{command}\n", "");
        };
        step("Read the deployment:", &format!("aws deploy get-deployment --deployment-id {}", quote(deployment)));
        let dry_run = format!(
            "GREENLIGHT_ALLOW_LOOPBACK=yes greenlight dry-run --hook {} --deployment-id {}",
            hook.event_name(),
            quote(deployment)
        );
        step("Run the built-in checks, or with --gate FILE those of a gate file, and put no status:", &dry_run);
        let how = format!(
            "Run your own function {function}: a program for a custom runtime, or one with a Lambda runtime interface \
             client, gets the event as soon as it polls. Lambda ends it after {}. You can stop it, fix it and start it \
             again at any time:",
            format_duration(waiting.timeout)
        );
        step(&how, &format!("env {} ./bootstrap", lambda_environment(waiting)));
        if is_first {
            for (what, command) in START_COMMANDS {
                step(what, command);
            }
        }
        step("Or call its handler with the event:", event);
        step(
            "Or put the status yourself:",
            &format!(
                "aws deploy put-lifecycle-event-hook-execution-status --deployment-id {} --status Succeeded \
                 --lifecycle-event-hook-execution-id {}",
                quote(deployment),
                quote(execution)
            ),
        );
        let next = if self.has_appspec { ANY_NEXT_STEP } else { next_step(*hook) };
        let means = format!("{next} With Failed it rolls back, if the group has auto-rollback. A status is final.");
        let head = format!("{:LABEL_COLUMN$}", "");
        format!("{text}\n{}\n", self.style.hanging(&head, LABEL_COLUMN, Emphasis::Dim, &means))
    }

    fn render_call(&self, called: &AwsCall) -> String {
        let AwsCall { operation, caller, error } = called;
        let (time, caller) = (self.time_prefix(), self.style.apply(Emphasis::Dim, &format!("  {caller}")));
        match error {
            None => format!("{time}{operation}  {}{caller}", self.style.apply(Emphasis::Success, "ok")),
            Some(error) => format!("{time}{operation}  {}{caller}", self.style.apply(Emphasis::Error, error)),
        }
    }

    fn render_return(&self, returned: &FunctionReturned) -> Option<String> {
        let FunctionReturned { hook, error, redelivered_in: again_in, .. } = returned;
        let how = match (error, again_in) {
            // It put its status before, and that was printed.
            (None, _) if returned.has_status => return None,
            (None, _) => {
                "the function returned without an error, so Lambda does not invoke it again, and the hook has no \
                          status yet; put the status, or start the function again"
                    .to_owned()
            }
            (Some(error), _) => format!("the function failed with {error}"),
        };
        let (tone, then) = match again_in {
            None if returned.has_status => (Emphasis::Dim, String::new()),
            None => (Emphasis::Warning, String::new()),
            Some(later) => {
                let then = format!(
                    ", and the hook has no status yet; it gets the event again in {} (in AWS after a minute, and once \
                     more after two)",
                    format_duration(*later)
                );
                (Emphasis::Warning, then)
            }
        };
        let head = format!("{}{hook}  ", self.time_prefix());
        Some(self.style.hanging(&head, console::measure_text_width(&head), tone, &format!("{how}{then}")))
    }

    pub fn status_line(&self) -> String {
        let waiting = match self.waiting_hook {
            Some(hook) => format!("waiting for the status of {hook}; "),
            None => String::new(),
        };
        let line = format!("{}  {waiting}Ctrl-C stops everything …", time_column(self.created.elapsed()));
        self.style.apply(Emphasis::Dim, &line)
    }

    fn time_prefix(&self) -> String {
        self.style.apply(Emphasis::Dim, &format!("{}  ", time_column(self.created.elapsed())))
    }
}

/// The variables that every AWS SDK reads. Older tools read only one of the two names for the region.
fn aws_environment(endpoints: &Endpoints) -> String {
    let Endpoints { aws, region, .. } = endpoints;
    format!(
        "AWS_ENDPOINT_URL={aws} AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=rehearsal \
         AWS_SECRET_ACCESS_KEY=rehearsal"
    )
}

/// The variables that a Lambda runtime client needs, and the access key of the function's role.
fn lambda_environment(waiting: &HookWaiting) -> String {
    let HookWaiting { function, runtime_api, access_key, .. } = waiting;
    // A hook of Greenlight contacts the service on this machine only if it is allowed to.
    let is_own = function.parse::<FunctionRef>().is_ok_and(|function| function.function().is_some());
    let loopback = if is_own { " GREENLIGHT_ALLOW_LOOPBACK=yes" } else { "" };
    format!(
        "AWS_LAMBDA_RUNTIME_API={runtime_api} AWS_LAMBDA_FUNCTION_NAME={} AWS_LAMBDA_FUNCTION_VERSION=1 \
         AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128 AWS_ACCESS_KEY_ID={access_key}{loopback}",
        quote(function)
    )
}

/// What stands in place of `./bootstrap` for functions without a program of their own. With a Runtime API in its
/// environment, AWS's base images run the handler, and without one they start an emulator.
const START_COMMANDS: [(&str, &str); 3] = [
    ("For Python (pip install awslambdaric), in place of ./bootstrap:", "python3 -m awslambdaric app.handler"),
    (
        "For Node.js (npm install aws-lambda-ric, which needs cmake and a C++ compiler):",
        "npx aws-lambda-ric index.handler",
    ),
    (
        "For a container image, on this machine's network:",
        "docker run --rm --network host --env AWS_LAMBDA_RUNTIME_API --env AWS_LAMBDA_FUNCTION_NAME \
         --env AWS_ENDPOINT_URL --env AWS_REGION --env AWS_ACCESS_KEY_ID --env AWS_SECRET_ACCESS_KEY IMAGE app.handler",
    ),
];

/// What begins, where it waits, and how it ends.
fn opening_note(options: &ServeOptions, once: bool) -> String {
    let begins = match options.at {
        Some(at) => {
            let before = match at {
                Hook::BeforeInstall => String::new(),
                at => format!(" The hooks before {at} are skipped."),
            };
            format!("The deployment waits at {at} until you put its status.{before}")
        }
        None => {
            let begins = match options.await_deployment {
                true => "A deployment begins when a client creates it. It",
                false => "The deployment invokes the functions of the AppSpec file, and",
            };
            let own = match options.binaries {
                Some(_) => "the functions that are not Greenlight's",
                None => "every function",
            };
            format!("{begins} waits for {own} until you put their status.")
        }
    };
    let ends = if once { "It ends after the scenario's last deployment." } else { "Ctrl-C stops everything." };
    format!("{begins} {ends}")
}

/// What CodeDeploy does after *Succeeded*, whichever hooks the AppSpec file has.
const ANY_NEXT_STEP: &str = "With Succeeded CodeDeploy goes on with the next lifecycle event.";

/// What CodeDeploy does after *Succeeded* if every hook has a function.
fn next_step(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => "With Succeeded CodeDeploy creates the replacement and invokes AfterInstall.",
        Hook::AfterInstall => {
            "With Succeeded CodeDeploy moves the test listener to the replacement and invokes AfterAllowTestTraffic."
        }
        Hook::AfterAllowTestTraffic => "With Succeeded CodeDeploy invokes BeforeAllowTraffic.",
        Hook::BeforeAllowTraffic => {
            "With Succeeded CodeDeploy moves the customers to the replacement and invokes AfterAllowTraffic."
        }
        Hook::AfterAllowTraffic => "With Succeeded the deployment is done.",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::json, *};
    use crate::terminal::NO_STYLE;

    fn endpoints() -> Endpoints {
        Endpoints {
            aws: "http://127.0.0.1:4566".into(),
            region: "eu-west-1",
            production: "http://localhost:8080".into(),
            test: Some("http://localhost:8443".into()),
            runtime_apis: [("AfterInstall", "127.0.0.1:9001".to_owned())].into(),
            application: "shop".into(),
            deployment_group: "web".into(),
            cluster: "main".into(),
            service: Some("web".into()),
            env: [("GREENLIGHT_HOST".to_owned(), "it's.example.com".to_owned())].into(),
            seed: 7,
        }
    }

    fn printer() -> ServePrinter {
        let options = ServeOptions { at: Some(Hook::AfterInstall), ..ServeOptions::default() };
        ServePrinter::new(NO_STYLE, &options, false)
    }

    fn waiting() -> HookWaiting {
        HookWaiting {
            hook: Hook::AfterInstall,
            function: "CodeDeployHook_after-install".into(),
            deployment: "d-4KX0QZ7PA".into(),
            execution: "eyJlbmNyeXB0ZWREYXRhIjoi".into(),
            event: r#"{"DeploymentId":"d-4KX0QZ7PA","LifecycleEventHookExecutionId":"eyJlbmNyeXB0ZWREYXRhIjoi"}"#
                .into(),
            runtime_api: "127.0.0.1:9001".into(),
            access_key: "ASIAAFTERINSTALL".into(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Removes the time at the start, which differs from run to run.
    fn timeless(text: &str) -> String {
        text.get(LABEL_COLUMN..).unwrap_or_default().to_owned()
    }

    #[test]
    fn how_to_reach_it_and_what_can_be_done() {
        let mut printer = printer();
        let rendered = [ServeEvent::Open(endpoints()), ServeEvent::HookWaiting(waiting())]
            .map(|event| printer.render(&event).unwrap());
        insta::assert_snapshot!(rendered.join("\n"));
        assert!(printer.status_line().ends_with("waiting for the status of AfterInstall; Ctrl-C stops everything …"));
    }

    #[test]
    fn a_line_for_each_call_and_for_a_function_that_returns() {
        let mut printer = printer();
        let called = |error: Option<&str>| {
            ServeEvent::AwsCall(AwsCall {
                operation: "codedeploy:GetDeployment".into(),
                caller: "aws-cli/2.31.0".into(),
                error: error.map(str::to_owned),
            })
        };
        let returned = |error: Option<&str>, has_status: bool, again_in: Option<Duration>| {
            ServeEvent::FunctionReturned(FunctionReturned {
                hook: Hook::AfterInstall,
                error: error.map(str::to_owned),
                has_status,
                redelivered_in: again_in,
            })
        };
        let lines = [
            called(None),
            called(Some("DeploymentDoesNotExistException")),
            returned(Some("Odd: it is odd"), true, None),
            returned(Some("Runtime.ExitError: exit status 1"), false, Some(Duration::from_secs(3))),
            returned(None, false, None),
        ];
        let lines = lines.map(|event| timeless(&printer.render(&event).unwrap()));
        assert_eq!(
            lines,
            [
                "codedeploy:GetDeployment  ok  aws-cli/2.31.0",
                "codedeploy:GetDeployment  DeploymentDoesNotExistException  aws-cli/2.31.0",
                "AfterInstall  the function failed with Odd: it is odd",
                "AfterInstall  the function failed with Runtime.ExitError: exit status 1, and the hook has\n                        \
                 no status yet; it gets the event again in 3s (in AWS after a minute, and\n                        \
                 once more after two)",
                "AfterInstall  the function returned without an error, so Lambda does not invoke it again,\n                        \
                 and the hook has no status yet; put the status, or start the function again",
            ]
        );
        assert_eq!(printer.render(&returned(None, true, None)), None);
    }

    #[test]
    fn every_line_for_programs_says_what_it_is() {
        for (event, what) in [(ServeEvent::Open(endpoints()), "open"), (ServeEvent::HookWaiting(waiting()), "waiting")]
        {
            let line: serde_json::Value = serde_json::to_value(json::serve_event_line("healthy", &event)).unwrap();
            assert_eq!((&line["scenario"], &line["event"]), (&"healthy".into(), &what.into()));
        }
    }

    #[test]
    fn the_ways_to_start_a_function_are_shown_once() {
        let mut printer = printer();
        let [first, second] = [waiting(), waiting()].map(|waiting| printer.render_waiting(&waiting));
        assert!(first.contains("awslambdaric") && first.contains("aws-lambda-ric") && first.contains("docker run"));
        assert!(!second.contains("docker run") && second.contains("./bootstrap"), "{second}");
    }

    #[test]
    fn the_note_says_what_begins_and_how_it_ends() {
        let note = |options: ServeOptions, once| opening_note(&options, once);
        assert_eq!(
            note(ServeOptions { await_deployment: true, ..ServeOptions::default() }, true),
            "A deployment begins when a client creates it. It waits for every function until you put their status. It \
             ends after the scenario's last deployment."
        );
        assert_eq!(
            note(ServeOptions { binaries: Some("bin".into()), ..ServeOptions::default() }, false),
            "The deployment invokes the functions of the AppSpec file, and waits for the functions that are not \
             Greenlight's until you put their status. Ctrl-C stops everything."
        );
    }
}
