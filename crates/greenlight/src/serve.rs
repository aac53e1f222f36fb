//! `--serve`: a world that stays up, and how to reach it.

use std::{fmt::Write, time::Instant};

use hook_core::shell::quote;
use rehearsal::{Called, Endpoints, Happening, HookName, Moment, Returned, Told, Waiting};
use tokio::sync::mpsc::unbounded_channel;

use crate::{
    args::Rehearse,
    exit::{Fault, Verdict},
    json,
    paint::{Look, Tone, seconds, span},
    pick,
    played::TICK,
    screen::Screen,
    timeline::Timeline,
};

/// The column after the time, as in a timeline.
const AFTER_TIME: usize = 10;

/// Serves the world of one scenario until somebody stops it.
pub async fn serve(screen: &mut Screen, args: &Rehearse) -> Result<Verdict, Fault> {
    let (scenario, at) = pick::to_serve(args).map_err(Fault::Usage)?;
    let (tell, mut told) = unbounded_channel();
    let mut serving = std::pin::pin!(rehearsal::serve(&scenario, at, args.seed, tell));
    let mut ticks = tokio::time::interval(TICK);
    let mut teller = Teller::new(screen.look, at);
    if !args.json {
        screen.say(&teller.timeline.heading(&scenario.name, &scenario.about))?;
    }
    loop {
        tokio::select! {
            biased;
            Some(told) = told.recv() => match args.json {
                true => screen.say(&json::told(&scenario.name, &told)?)?,
                false => if let Some(text) = teller.told(&told) {
                    screen.say(&text)?;
                },
            },
            failed = &mut serving => return match failed {
                Err(error) => Err(Fault::Failed(error)),
            },
            _ = ticks.tick() => if !args.json {
                screen.status(&teller.status())?;
            },
        }
    }
}

/// Puts what is told into words.
struct Teller {
    look: Look,
    at: HookName,
    timeline: Timeline,
    created: Instant,
    waiting: Option<HookName>,
    /// How many deployments follow this one.
    later: usize,
}

impl Teller {
    fn new(look: Look, at: HookName) -> Self {
        let (timeline, created) = (Timeline::new(look), Instant::now());
        Self { look, at, timeline, created, waiting: None, later: 0 }
    }

    /// The lines for it. None when there is nothing that a person would want to know.
    fn told(&mut self, told: &Told) -> Option<String> {
        match told {
            Told::Open(endpoints) => Some(self.open(endpoints)),
            Told::Moment(moment) => Some(self.moment(moment)),
            Told::Waiting(waiting) => Some(self.waiting(waiting)),
            Told::Called(called) => Some(self.called(called)),
            Told::Returned(returned) => self.returned(returned),
        }
    }

    fn open(&mut self, endpoints: &Endpoints) -> String {
        let Endpoints { aws, region, production, test, env, .. } = endpoints;
        let mut text = String::new();
        let mut line = |name: &str, what: &str| {
            let _ =
                writeln!(text, "{:AFTER_TIME$}{}  {what}", "", self.look.paint(Tone::Strong, &format!("{name:<10}")));
        };
        line("AWS", &format!("{aws} ({region}; all services, any credentials)"));
        line("production", production);
        match test {
            Some(test) => line("test", &format!("{test} (what the test listener serves)")),
            None => line("test", "the deployment group has no test listener"),
        }
        let _ = writeln!(text, "\n{:AFTER_TIME$}For the aws CLI, an SDK, or your own hook:", "");
        let _ = writeln!(text, "{:AFTER_TIME$}export {}\n", "", environment(endpoints));
        if !env.is_empty() {
            let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
            let _ = writeln!(text, "{:AFTER_TIME$}The functions of this scenario have as well:", "");
            let _ = writeln!(text, "{:AFTER_TIME$}export {}\n", "", env.join(" "));
        }
        let before = if self.at == HookName::BeforeInstall {
            String::new()
        } else {
            format!(" The hooks before {} are passed over.", self.at)
        };
        let note = format!("The deployment waits at {} until you answer.{before} Ctrl-C ends it all.", self.at);
        let head = format!("{:AFTER_TIME$}", "");
        format!("\n{text}{}", self.look.hang(&head, AFTER_TIME, Tone::Plain, &note))
    }

    fn moment(&mut self, moment: &Moment) -> String {
        match &moment.what {
            Happening::Created { number, of, .. } => {
                self.created = Instant::now();
                self.later = of.saturating_sub(*number);
            }
            Happening::Answered(_) => self.waiting = None,
            _ => {}
        }
        let text = self.timeline.moment(moment);
        match moment.what {
            Happening::Ended { .. } if self.later == 0 => {
                let stays = self.look.paint(Tone::Quiet, "The world stays up as it is now; Ctrl-C ends it.");
                format!("{text}\n{:AFTER_TIME$}{stays}", "")
            }
            _ => text,
        }
    }

    /// What can be done now. Nothing in it is wrapped, since all of it is there to be copied.
    fn waiting(&mut self, waiting: &Waiting) -> String {
        let Waiting { hook, deployment, event, runtime_api } = waiting;
        self.waiting = Some(*hook);
        let execution = execution(event);
        let mut text = String::new();
        let mut step = |what: &str, command: &str| {
            let what = self.look.hang(&format!("{:AFTER_TIME$}", ""), AFTER_TIME, Tone::Quiet, what);
            let _ = write!(text, "\n{what}\n{:AFTER_TIME$}{command}\n", "");
        };
        step("Look at the deployment:", &format!("aws deploy get-deployment --deployment-id {}", quote(deployment)));
        step(
            "Run your own hook: any program for a custom runtime, or one with a Lambda runtime interface client, gets \
             the event as soon as it polls. Stop it, mend it and start it again as often as you like:",
            &format!("env AWS_LAMBDA_RUNTIME_API={runtime_api} {} ./bootstrap", function(*hook)),
        );
        step("Or call its handler with the event:", event);
        step(
            "Or answer by hand:",
            &format!(
                "aws deploy put-lifecycle-event-hook-execution-status --deployment-id {} --status Succeeded \
                 --lifecycle-event-hook-execution-id {}",
                quote(deployment),
                quote(&execution)
            ),
        );
        let means =
            format!("{} With Failed it rolls back, as far as it is set up to. Any answer is final.", goes_on(*hook));
        let head = format!("{:AFTER_TIME$}", "");
        format!("{text}\n{}\n", self.look.hang(&head, AFTER_TIME, Tone::Quiet, &means))
    }

    fn called(&self, called: &Called) -> String {
        let Called { operation, caller, error } = called;
        let (time, caller) = (self.time(), self.look.paint(Tone::Quiet, &format!("  {caller}")));
        match error {
            None => format!("{time}{operation}  {}{caller}", self.look.paint(Tone::Good, "ok")),
            Some(error) => format!("{time}{operation}  {}{caller}", self.look.paint(Tone::Bad, error)),
        }
    }

    fn returned(&self, returned: &Returned) -> Option<String> {
        let Returned { hook, error, again_in } = returned;
        let how = match (error, again_in) {
            // It answered before, and that was told.
            (None, None) => return None,
            (None, Some(_)) => "the function returned".to_owned(),
            (Some(error), _) => format!("the function failed with {error}"),
        };
        let (tone, then) = match again_in {
            None => (Tone::Quiet, String::new()),
            Some(later) => {
                let then = format!(", and nobody has answered yet; it gets the event again in {}", span(*later));
                (Tone::Warning, then)
            }
        };
        let head = format!("{}{hook}  ", self.time());
        Some(self.look.hang(&head, console::measure_text_width(&head), tone, &format!("{how}{then}")))
    }

    fn status(&self) -> String {
        let line = match self.waiting {
            Some(hook) => {
                format!("{:>8}  waiting for an answer to {hook}; Ctrl-C ends it all …", seconds(self.created.elapsed()))
            }
            None => format!("{:>8}  Ctrl-C ends it all …", seconds(self.created.elapsed())),
        };
        self.look.paint(Tone::Quiet, &line)
    }

    fn time(&self) -> String {
        self.look.paint(Tone::Quiet, &format!("{:>8}  ", seconds(self.created.elapsed())))
    }
}

/// What any AWS SDK reads. Older tools know only one of the two names for the region.
fn environment(endpoints: &Endpoints) -> String {
    let Endpoints { aws, region, .. } = endpoints;
    format!(
        "AWS_ENDPOINT_URL={aws} AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=rehearsal \
         AWS_SECRET_ACCESS_KEY=rehearsal"
    )
}

/// What a Lambda runtime client has to know.
fn function(hook: HookName) -> String {
    format!(
        "AWS_LAMBDA_FUNCTION_NAME=CodeDeployHook_{} AWS_LAMBDA_FUNCTION_VERSION=1 AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
        hook.binary()
    )
}

fn execution(event: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(event).unwrap_or_default();
    event["LifecycleEventHookExecutionId"].as_str().unwrap_or_default().to_owned()
}

/// What an answer of Succeeded leads to.
fn goes_on(hook: HookName) -> &'static str {
    match hook {
        HookName::BeforeInstall => "With Succeeded CodeDeploy creates the replacement and asks AfterInstall.",
        HookName::AfterInstall => {
            "With Succeeded CodeDeploy puts the test listener on the replacement and asks AfterAllowTestTraffic."
        }
        HookName::AfterAllowTestTraffic => "With Succeeded CodeDeploy asks BeforeAllowTraffic.",
        HookName::BeforeAllowTraffic => {
            "With Succeeded CodeDeploy gives the replacement to the customers and asks AfterAllowTraffic."
        }
        HookName::AfterAllowTraffic => "With Succeeded the deployment is done.",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::paint::PLAIN;

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

    fn waiting() -> Waiting {
        Waiting {
            hook: HookName::AfterInstall,
            deployment: "d-4KX0QZ7PA".into(),
            event: r#"{"DeploymentId":"d-4KX0QZ7PA","LifecycleEventHookExecutionId":"eyJlbmNyeXB0ZWREYXRhIjoi"}"#
                .into(),
            runtime_api: "127.0.0.1:9001".into(),
        }
    }

    /// Without the time, which is the clock's.
    fn timeless(text: &str) -> String {
        text.get(AFTER_TIME..).unwrap_or_default().to_owned()
    }

    #[test]
    fn how_to_reach_it_and_what_can_be_done() {
        let mut teller = Teller::new(PLAIN, HookName::AfterInstall);
        let told = [Told::Open(endpoints()), Told::Waiting(waiting())].map(|told| teller.told(&told).unwrap());
        insta::assert_snapshot!(told.join("\n"));
        assert!(teller.status().ends_with("waiting for an answer to AfterInstall; Ctrl-C ends it all …"));
    }

    #[test]
    fn a_line_for_each_call_and_for_a_function_that_returns() {
        let mut teller = Teller::new(PLAIN, HookName::AfterInstall);
        let called = |error: Option<&str>| {
            Told::Called(Called {
                operation: "codedeploy:GetDeployment".into(),
                caller: "aws-cli/2.31.0".into(),
                error: error.map(str::to_owned),
            })
        };
        let returned = |error: Option<&str>, again_in: Option<Duration>| {
            Told::Returned(Returned { hook: HookName::AfterInstall, error: error.map(str::to_owned), again_in })
        };
        let lines = [
            called(None),
            called(Some("DeploymentDoesNotExistException")),
            returned(Some("Odd: it is odd"), None),
            returned(Some("Runtime.ExitError: exit status 1"), Some(Duration::from_secs(3))),
        ];
        let lines = lines.map(|told| timeless(&teller.told(&told).unwrap()));
        assert_eq!(
            lines,
            [
                "codedeploy:GetDeployment  ok  aws-cli/2.31.0",
                "codedeploy:GetDeployment  DeploymentDoesNotExistException  aws-cli/2.31.0",
                "AfterInstall  the function failed with Odd: it is odd",
                "AfterInstall  the function failed with Runtime.ExitError: exit status 1, and nobody has\n                        \
                 answered yet; it gets the event again in 3.0 s",
            ]
        );
        assert_eq!(teller.told(&returned(None, None)), None);
    }

    #[test]
    fn every_line_for_programs_says_what_it_is() {
        for (told, what) in [(Told::Open(endpoints()), "open"), (Told::Waiting(waiting()), "waiting")] {
            let line: serde_json::Value = serde_json::from_str(&json::told("healthy", &told).unwrap()).unwrap();
            assert_eq!((&line["scenario"], &line["what"]), (&"healthy".into(), &what.into()));
        }
    }
}
