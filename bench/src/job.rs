//! What is measured: a program, the hook at which it runs, and how it is configured.

use std::{fmt, path::PathBuf};

use anyhow::Context;
use rehearsal::{FunctionName, Hook, Status};
use serde::Serialize;

use crate::laboratory::Laboratory;

/// The place of the service's address in a gate file.
pub const SERVICE: &str = "SERVICE";

/// How a program reaches AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Without TLS.
    Plain,
    /// With TLS, and another host and port for each AWS service.
    Tls,
    /// The same, with a bundle of many certificates.
    TlsLargeBundle,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Tls => "TLS",
            Self::TlsLargeBundle => "TLS, large bundle",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `bench/baseline`.
    Baseline,
    Function(FunctionName),
}

#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub program: Program,
    /// The lifecycle event in progress.
    pub hook: Hook,
    /// The text of a gate file, in which [`SERVICE`] is the URL of the service.
    pub gate: Option<String>,
    /// Whether `ALB_URL` names the service, as in the article.
    pub has_alb_url: bool,
}

/// The names of the two programs that do the article's job.
pub const BASELINE: &str = "baseline";
pub const ARTICLE: &str = "article";

/// The built-in checks with their normal numbers of attempts and the shortest pauses. Without this gate file,
/// AfterAllowTestTraffic takes 9 s and AfterAllowTraffic 5 minutes, nearly all of it in pauses.
const SHORT_PAUSES: &str = "version: 1
hooks:
  after_allow_test_traffic:
    built_in:
      forwards_to: { every: 50ms, settle: 0s }
      health_check: { every: 50ms }
  after_allow_traffic:
    built_in:
      forwards_to: { every: 50ms, settle: 0s }
      health_check: { every: 50ms }
      tasks: { for: 100ms, every: 50ms }
      targets: { for: 100ms, every: 50ms }
      alarms: { for: 100ms, every: 50ms }
";

impl Job {
    /// The article's job: one `HEAD` request, then the status.
    pub fn article(program: Program) -> Self {
        let name = if program == Program::Baseline { BASELINE } else { ARTICLE };
        Self { name: name.to_owned(), program, hook: Hook::AfterAllowTestTraffic, gate: None, has_alb_url: true }
    }

    /// The built-in checks of a hook.
    pub fn default_hook(hook: Hook) -> Self {
        let program = Program::Function(hook.into());
        Self { name: hook.program_name().to_owned(), program, hook, gate: None, has_alb_url: false }
    }

    /// The built-in checks of a hook that pauses for minutes, with short pauses.
    pub fn with_short_pauses(self) -> Self {
        self.with_gate(SHORT_PAUSES)
    }

    pub fn with_gate(self, gate: impl Into<String>) -> Self {
        Self { gate: Some(gate.into()), ..self }
    }

    /// The on-failure handler for a hook that put no status.
    pub fn on_failure() -> Self {
        let program = Program::Function(FunctionName::OnFailure);
        Self { name: "on-failure".to_owned(), program, ..Self::default_hook(Hook::AfterInstall) }
    }

    /// Whether its hook pauses for seconds by default.
    pub fn pauses(hook: Hook) -> bool {
        matches!(hook, Hook::AfterAllowTestTraffic | Hook::AfterAllowTraffic)
    }

    /// The status that the program has to put.
    pub fn expected_status(&self) -> Status {
        if self.program == Program::Function(FunctionName::OnFailure) { Status::Failed } else { Status::Succeeded }
    }

    pub fn path(&self, laboratory: &Laboratory) -> anyhow::Result<PathBuf> {
        let path = match self.program {
            Program::Baseline => laboratory.baseline.clone().context("no baseline was given")?,
            Program::Function(name) => laboratory.binaries.join(name.program_name()),
        };
        anyhow::ensure!(path.is_file(), "the program {} does not exist; `make bench` builds it", path.display());
        Ok(path)
    }
}
