//! `--serve`: keeps a world running, and prints how to reach it.

use std::{fmt::Write, time::Instant};

use hook_core::shell::quote;
use lifecycle::format_duration;
use rehearsal::{AwsCall, Endpoints, EventKind, FunctionReturned, Hook, HookWaiting, RehearsalEvent, ServeEvent};
use tokio::sync::mpsc::unbounded_channel;

use super::{json, options::RehearseOptions, scenario_run::STATUS_INTERVAL, select, timeline::Timeline};
use crate::{
    cli::{CommandError, CommandOutcome},
    terminal::{Emphasis, Output, TIME_WIDTH, TerminalStyle, time_column},
};

/// The column after the time, as in the timeline.
const LABEL_COLUMN: usize = TIME_WIDTH + 2;

/// Serves the world of one scenario until a signal stops it.
pub async fn serve(screen: &mut Output, args: &RehearseOptions) -> Result<CommandOutcome, CommandError> {
    let (scenario, at) = select::served_scenario(args).map_err(CommandError::Usage)?;
    let (tx, mut events) = unbounded_channel();
    let mut serving = std::pin::pin!(rehearsal::serve(&scenario, at, args.seed, tx));
    let mut ticks = tokio::time::interval(STATUS_INTERVAL);
    let mut printer = ServePrinter::new(screen.style, at);
    if !args.json {
        screen.println(&printer.timeline.heading(&scenario.name, &scenario.about))?;
    }
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => match args.json {
                true => screen.print_json_line(&json::serve_event_line(&scenario.name, &event))?,
                false => if let Some(text) = printer.render(&event) {
                    screen.println(&text)?;
                },
            },
            failed = &mut serving => return match failed {
                Err(error) => Err(CommandError::Failed(error)),
            },
            _ = ticks.tick() => if !args.json {
                screen.status(&printer.status_line())?;
            },
        }
    }
}

/// Renders the events of a served world.
struct ServePrinter {
    style: TerminalStyle,
    at: Hook,
    timeline: Timeline,
    created: Instant,
    waiting_hook: Option<Hook>,
    /// How many deployments follow this one.
    remaining_deployments: usize,
}

impl ServePrinter {
    fn new(style: TerminalStyle, at: Hook) -> Self {
        let (timeline, created) = (Timeline::new(style), Instant::now());
        Self { style, at, timeline, created, waiting_hook: None, remaining_deployments: 0 }
    }

    /// The lines for an event. `None` if a person does not need to see it.
    fn render(&mut self, event: &ServeEvent) -> Option<String> {
        match event {
            ServeEvent::Open(endpoints) => Some(self.render_endpoints(endpoints)),
            ServeEvent::Rehearsal(moment) => Some(self.render_event(moment)),
            ServeEvent::HookWaiting(waiting) => Some(self.render_waiting(waiting)),
            ServeEvent::AwsCall(called) => Some(self.render_call(called)),
            ServeEvent::FunctionReturned(returned) => self.render_return(returned),
        }
    }

    fn render_endpoints(&mut self, endpoints: &Endpoints) -> String {
        let Endpoints { aws, region, production, test, env, .. } = endpoints;
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
        let _ = writeln!(text, "\n{:LABEL_COLUMN$}For the aws CLI, an SDK, or your own hook:", "");
        let _ = writeln!(text, "{:LABEL_COLUMN$}export {}\n", "", aws_environment(endpoints));
        if !env.is_empty() {
            let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
            let _ = writeln!(text, "{:LABEL_COLUMN$}The functions of this scenario also have:", "");
            let _ = writeln!(text, "{:LABEL_COLUMN$}export {}\n", "", env.join(" "));
        }
        let before = if self.at == Hook::BeforeInstall {
            String::new()
        } else {
            format!(" The hooks before {} are skipped.", self.at)
        };
        let note =
            format!("The deployment waits at {} until you put its status.{before} Ctrl-C stops everything.", self.at);
        let head = format!("{:LABEL_COLUMN$}", "");
        format!("\n{text}{}", self.style.hanging(&head, LABEL_COLUMN, Emphasis::Plain, &note))
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
            EventKind::DeploymentEnded { .. } if self.remaining_deployments == 0 => {
                let stays = self
                    .style
                    .apply(Emphasis::Dim, "The simulated AWS keeps running in its present state; Ctrl-C stops it.");
                format!("{text}\n{:LABEL_COLUMN$}{stays}", "")
            }
            _ => text,
        }
    }

    /// What the user can do at the hook. The commands are not wrapped, so that they can be copied.
    fn render_waiting(&mut self, waiting: &HookWaiting) -> String {
        let HookWaiting { hook, deployment, execution, event, runtime_api } = waiting;
        self.waiting_hook = Some(*hook);
        let mut text = String::new();
        let mut step = |what: &str, command: &str| {
            let what = self.style.hanging(&format!("{:LABEL_COLUMN$}", ""), LABEL_COLUMN, Emphasis::Dim, what);
            let _ = write!(text, "\n{what}\n{:LABEL_COLUMN$}{command}\n", "");
        };
        step("Read the deployment:", &format!("aws deploy get-deployment --deployment-id {}", quote(deployment)));
        step(
            "Run your own hook: any program for a custom runtime, or one with a Lambda runtime interface client, gets \
             the event as soon as it polls. You can stop it, fix it and start it again at any time:",
            &format!("env AWS_LAMBDA_RUNTIME_API={runtime_api} {} ./bootstrap", lambda_environment(*hook)),
        );
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
        let means = format!(
            "{} With Failed it rolls back, if the group has auto-rollback. A status is final.",
            next_step(*hook)
        );
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
        let FunctionReturned { hook, error, redelivered_in: again_in } = returned;
        let how = match (error, again_in) {
            // It put its status before, and that was printed.
            (None, None) => return None,
            (None, Some(_)) => "the function returned".to_owned(),
            (Some(error), _) => format!("the function failed with {error}"),
        };
        let (tone, then) = match again_in {
            None => (Emphasis::Dim, String::new()),
            Some(later) => {
                let then =
                    format!(", and the hook has no status yet; it gets the event again in {}", format_duration(*later));
                (Emphasis::Warning, then)
            }
        };
        let head = format!("{}{hook}  ", self.time_prefix());
        Some(self.style.hanging(&head, console::measure_text_width(&head), tone, &format!("{how}{then}")))
    }

    fn status_line(&self) -> String {
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

/// The variables that a Lambda runtime client needs.
fn lambda_environment(hook: Hook) -> String {
    format!(
        "AWS_LAMBDA_FUNCTION_NAME=CodeDeployHook_{} AWS_LAMBDA_FUNCTION_VERSION=1 AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
        hook.program_name()
    )
}

/// What CodeDeploy does after *Succeeded*.
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

    use super::*;
    use crate::terminal::NO_STYLE;

    fn endpoints() -> Endpoints {
        Endpoints {
            aws: "http://127.0.0.1:4566".into(),
            region: "eu-west-1",
            production: "http://localhost:8080".into(),
            test: Some("http://localhost:8443".into()),
            env: [("GREENLIGHT_HOST".to_owned(), "it's.example.com".to_owned())].into(),
            seed: 7,
        }
    }

    fn waiting() -> HookWaiting {
        HookWaiting {
            hook: Hook::AfterInstall,
            deployment: "d-4KX0QZ7PA".into(),
            execution: "eyJlbmNyeXB0ZWREYXRhIjoi".into(),
            event: r#"{"DeploymentId":"d-4KX0QZ7PA","LifecycleEventHookExecutionId":"eyJlbmNyeXB0ZWREYXRhIjoi"}"#
                .into(),
            runtime_api: "127.0.0.1:9001".into(),
        }
    }

    /// Removes the time at the start, which differs from run to run.
    fn timeless(text: &str) -> String {
        text.get(LABEL_COLUMN..).unwrap_or_default().to_owned()
    }

    #[test]
    fn how_to_reach_it_and_what_can_be_done() {
        let mut printer = ServePrinter::new(NO_STYLE, Hook::AfterInstall);
        let rendered = [ServeEvent::Open(endpoints()), ServeEvent::HookWaiting(waiting())]
            .map(|event| printer.render(&event).unwrap());
        insta::assert_snapshot!(rendered.join("\n"));
        assert!(printer.status_line().ends_with("waiting for the status of AfterInstall; Ctrl-C stops everything …"));
    }

    #[test]
    fn a_line_for_each_call_and_for_a_function_that_returns() {
        let mut printer = ServePrinter::new(NO_STYLE, Hook::AfterInstall);
        let called = |error: Option<&str>| {
            ServeEvent::AwsCall(AwsCall {
                operation: "codedeploy:GetDeployment".into(),
                caller: "aws-cli/2.31.0".into(),
                error: error.map(str::to_owned),
            })
        };
        let returned = |error: Option<&str>, again_in: Option<Duration>| {
            ServeEvent::FunctionReturned(FunctionReturned {
                hook: Hook::AfterInstall,
                error: error.map(str::to_owned),
                redelivered_in: again_in,
            })
        };
        let lines = [
            called(None),
            called(Some("DeploymentDoesNotExistException")),
            returned(Some("Odd: it is odd"), None),
            returned(Some("Runtime.ExitError: exit status 1"), Some(Duration::from_secs(3))),
        ];
        let lines = lines.map(|event| timeless(&printer.render(&event).unwrap()));
        assert_eq!(
            lines,
            [
                "codedeploy:GetDeployment  ok  aws-cli/2.31.0",
                "codedeploy:GetDeployment  DeploymentDoesNotExistException  aws-cli/2.31.0",
                "AfterInstall  the function failed with Odd: it is odd",
                "AfterInstall  the function failed with Runtime.ExitError: exit status 1, and the hook has\n                        \
                 no status yet; it gets the event again in 3s",
            ]
        );
        assert_eq!(printer.render(&returned(None, None)), None);
    }

    #[test]
    fn every_line_for_programs_says_what_it_is() {
        for (event, what) in [(ServeEvent::Open(endpoints()), "open"), (ServeEvent::HookWaiting(waiting()), "waiting")]
        {
            let line: serde_json::Value = serde_json::to_value(json::serve_event_line("healthy", &event)).unwrap();
            assert_eq!((&line["scenario"], &line["event"]), (&"healthy".into(), &what.into()));
        }
    }
}
