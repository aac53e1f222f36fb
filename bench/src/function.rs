//! A measured program: a child process with a Runtime API of its own.

use std::{
    fs::{self, File},
    io::{Read, Seek},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::{laboratory::Stage, runtime_api::RuntimeApi};

/// Enough for the slowest measurement: the baseline under callgrind.
const LIMIT: Duration = Duration::from_secs(300);
/// How much of a program's log an error contains.
const LOG_TAIL: usize = 2000;

pub struct Function {
    child: Child,
    api: RuntimeApi,
    log: File,
    pub started: Instant,
}

/// The times of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    pub delivered: Instant,
    /// From the delivery of the event to the arrival of the status at AWS.
    pub to_status: Duration,
    /// From the service's last reply to the arrival of the status. `None` if the service got no request.
    pub reply_to_status: Option<Duration>,
}

impl Function {
    /// Starts the program of a stage, with the words of another command before it.
    pub fn start(stage: &Stage, wrapper: &[String]) -> anyhow::Result<Self> {
        let (api, log) = (RuntimeApi::start()?, tempfile::tempfile()?);
        let mut command = match wrapper.split_first() {
            None => Command::new(&stage.program),
            Some((first, words)) => {
                let mut command = Command::new(first);
                command.args(words).arg(&stage.program);
                command
            }
        };
        command
            .env_clear()
            .envs(&stage.environment)
            .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{}", api.port()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", stage.program.display()))?;
        Ok(Self { child, api, log, started })
    }

    /// Waits until the function polls for its next event.
    pub async fn polled(&mut self) -> anyhow::Result<Instant> {
        let polled = wait(&mut self.child, self.api.polled()).await;
        polled.map_err(|error| error.context(self.log_tail()))
    }

    /// Delivers the next event to a function that polls, and waits for its status and its response.
    pub async fn invoke(&mut self, stage: &Stage) -> anyhow::Result<Invocation> {
        let event = stage.next_event()?;
        let delivered = self.api.deliver(event)?;
        let result = wait(&mut self.child, self.api.result()).await;
        let invocation = result.and_then(|result| {
            result.map_err(|error| anyhow!("the function returned an error: {error}"))?;
            let put = stage.bed.puts_since(delivered).pop().context("the function put no status")?;
            let expected = stage.job.expected_status().as_str();
            ensure!(put.took_effect && put.status == expected, "expected {expected}, was {put:?}");
            let last_reply = stage.service.seen().last_reply.filter(|at| *at > delivered);
            Ok(Invocation {
                delivered,
                to_status: put.after,
                reply_to_status: last_reply.map(|at| (delivered + put.after).saturating_duration_since(at)),
            })
        });
        invocation.map_err(|error| error.context(format!("{}: {}", stage.job.name, self.log_tail())))
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The largest resident memory so far, in bytes. `None` on a system without `/proc`.
    pub fn peak_memory(&self) -> Option<u64> {
        parse_peak_memory(&fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?)
    }

    /// Ends the process with SIGTERM, as callgrind needs it to write its output.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.pid() {
            Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }

    fn log_tail(&mut self) -> String {
        let mut log = Vec::new();
        let read = self.log.rewind().and_then(|()| self.log.read_to_end(&mut log));
        let tail = &log[log.len().saturating_sub(LOG_TAIL)..];
        read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(tail).into_owned())
    }
}

/// Waits for something that a process does.
async fn wait<T>(child: &mut Child, what: impl Future<Output = Option<T>>) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        value = what => value.context("the stand-in has ended"),
        ended = child.wait() => Err(anyhow!("the program ended: {}", ended?)),
        () = sleep(LIMIT) => Err(anyhow!("the program did nothing for {LIMIT:?}")),
    }
}

/// `VmHWM` in bytes, from the text of `/proc/PID/status`.
fn parse_peak_memory(status: &str) -> Option<u64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
    Some(kilobytes.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_in_kilobytes() {
        assert_eq!(parse_peak_memory("Name:\tbench\nVmHWM:\t   10240 kB\nVmRSS:\t    9000 kB\n"), Some(10 << 20));
    }

    #[test]
    fn status_without_a_peak_has_none() {
        assert_eq!(parse_peak_memory("VmRSS:\t    9000 kB\n"), None);
        assert_eq!(parse_peak_memory("VmHWM:\t many kB\n"), None);
    }
}
