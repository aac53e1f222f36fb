//! One function: a program as a child process, with the environment that Lambda gives.

mod proc;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{InvocationResult, runtime_api::RuntimeApi};
use crate::{function_name::FunctionName, world::REGION};

/// What all functions of a rehearsal get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Where AWS is.
    pub endpoint: String,
    /// Further environment variables; they win over all others.
    pub env: BTreeMap<String, String>,
    /// Functions that Lambda kills so long after their invocation, as it does with one that takes too much memory.
    pub killed: BTreeMap<FunctionName, Duration>,
    /// How many bytes a process may have in memory before it is killed; none: as many as it likes. Needs a `/proc`.
    pub memory: Option<u64>,
    /// How wrong the functions' clocks are.
    pub clock: Option<ClockSkew>,
    /// What the system lets a process have. Needs util-linux.
    pub limits: Vec<ProcessLimit>,
    /// When a process is paused after its start, and for how long.
    pub paused: Option<(Duration, Duration)>,
}

/// A limit of the system for one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessLimit {
    /// So many file descriptors. Lambda's is 1,024.
    Descriptors(u32),
    /// No thread besides the one that it starts with.
    NoThreads,
}

impl ProcessLimit {
    /// The programs, with their arguments, that start another one under the limit.
    fn commands(self) -> Vec<String> {
        let words = match self {
            Self::Descriptors(most) => return vec!["prlimit".to_owned(), format!("--nofile={most}")],
            // The limit counts all processes of a user and none of root's, so root becomes somebody whom nobody else is.
            Self::NoThreads if proc::is_root() => {
                "setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=1"
            }
            Self::NoThreads => "prlimit --nproc=1",
        };
        words.split(' ').map(str::to_owned).collect()
    }
}

impl Setup {
    /// What is wrong with a hook's process or its clock is not wrong with the net's.
    pub(super) fn for_function(self, name: FunctionName) -> Self {
        match name {
            FunctionName::Hook(_) => self,
            FunctionName::OnFailure => Self { memory: None, clock: None, limits: Vec::new(), paused: None, ..self },
        }
    }
}

/// A function's clock that is wrong. What it knows of its time is the deadline that Lambda tells, by Lambda's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// The function's clock is ahead of Lambda's by so much: its deadline comes sooner than it should, by its own clock.
    Ahead(Duration),
    /// The function's clock is behind Lambda's by so much: by its own clock it has longer than it really has.
    Behind(Duration),
}

impl ClockSkew {
    /// What Lambda has to tell on this machine, where both clocks are the same one.
    fn skewed_deadline(self, deadline: SystemTime) -> SystemTime {
        match self {
            Self::Ahead(by) => deadline.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH),
            Self::Behind(by) => deadline.checked_add(by).unwrap_or(deadline),
        }
    }
}

/// A function.
#[derive(Debug)]
pub(crate) struct FunctionProcess {
    name: FunctionName,
    program: PathBuf,
    setup: Setup,
    lines: mpsc::UnboundedSender<(FunctionName, String)>,
    running: Running,
    cpu: Arc<OnceLock<Option<Duration>>>,
}

/// A program, by its name.
///
/// # Errors
/// It is not there; the message says how to get it.
pub(crate) fn locate(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let program = folder.join(name);
    anyhow::ensure!(
        program.is_file(),
        "the program {} is not there; `make rehearse` builds all six and rehearses with them",
        program.display()
    );
    Ok(program)
}

impl FunctionProcess {
    /// Starts the process; it is initialised while others are.
    pub async fn start(
        name: FunctionName,
        program: PathBuf,
        setup: Setup,
        lines: mpsc::UnboundedSender<(FunctionName, String)>,
    ) -> anyhow::Result<Self> {
        let running = Running::start(name, &program, &setup, &lines).await?;
        Ok(Self { name, program, setup, lines, running, cpu: Arc::default() })
    }

    pub fn name(&self) -> FunctionName {
        self.name
    }

    /// Whether it waits for something to do.
    pub fn is_idle(&self) -> bool {
        !self.running.busy.load(Ordering::Relaxed)
    }

    /// Invokes it; in a new process, if the last one has ended. The receiver is told how it went.
    pub async fn invoke(
        &mut self,
        payload: Vec<u8>,
        limit: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        let killed = self.setup.killed.get(&self.name).copied();
        self.invoke_and_kill(payload, limit, killed).await
    }

    /// The same, with a time of its own after which it is killed, if it has not returned by then.
    pub async fn invoke_and_kill(
        &mut self,
        payload: Vec<u8>,
        limit: Duration,
        killed: Option<Duration>,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        if self.running.has_ended() {
            self.running = Running::start(self.name, &self.program, &self.setup, &self.lines).await?;
        }
        let deadline = SystemTime::now() + limit;
        let reported_deadline = self.setup.clock.map_or(deadline, |clock| clock.skewed_deadline(deadline));
        Ok(self.running.invoke(payload, InvocationLimits { reported_deadline, limit, killed }, self.cpu.clone()))
    }

    /// How much time of a processor it had had when its first invocation ended, the time of its start included. None
    /// before that, and where there is no `/proc`.
    pub fn cpu(&self) -> Option<Duration> {
        self.cpu.get().copied().flatten()
    }

    /// Kills it and reads what it has written to the end.
    pub async fn finish(mut self) {
        // It may have ended by itself.
        let _ = self.running.child().start_kill();
        let _ = timeout(KILL_TIMEOUT, wait_until_closed(&mut self.running.finished)).await;
    }
}

/// When an invocation ends at the latest.
#[derive(Clone, Copy, Debug)]
struct InvocationLimits {
    /// The deadline that the function is told.
    reported_deadline: SystemTime,
    /// The true one.
    limit: Duration,
    killed: Option<Duration>,
}

/// How an invocation came to its end.
enum InvocationEnd {
    Result(InvocationResult),
    /// The process went by itself, or was killed for the memory that it took.
    Gone,
    Killed,
    TooLong,
}

/// A process and what belongs to it.
#[derive(Debug)]
struct Running {
    child: Arc<Mutex<Child>>,
    api: RuntimeApi,
    /// Both pipes are at their end, so the process is.
    finished: watch::Receiver<bool>,
    /// It has been invoked and has not ended.
    busy: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // At once, and not when the last task that knows the child is dropped.
        let _ = self.child().start_kill();
    }
}

impl Running {
    async fn start(
        name: FunctionName,
        program: &Path,
        setup: &Setup,
        lines: &mpsc::UnboundedSender<(FunctionName, String)>,
    ) -> anyhow::Result<Self> {
        let api = RuntimeApi::start(name.lambda_name()).await.context("no port for a Lambda Runtime API")?;
        let mut words = setup.limits.iter().flat_map(|limit| limit.commands());
        let mut command = match words.next() {
            None => Command::new(program),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        };
        command
            .env_clear()
            .envs(environment(name, api.port, setup))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("the program {} cannot be started", program.display()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (over, is_over) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let lines = lines.clone();
        tasks.spawn(async move {
            let out = async {
                if let Some(stdout) = stdout {
                    forward_lines(stdout, name, &lines).await;
                }
            };
            let err = async {
                if let Some(stderr) = stderr {
                    forward_lines(stderr, name, &lines).await;
                }
            };
            tokio::join!(out, err);
            let _ = over.send(true);
        });
        let child = Arc::new(Mutex::new(child));
        if let Some(limit) = setup.memory {
            tasks.spawn(guard_memory(child.clone(), limit));
        }
        if let Some((after, span)) = setup.paused {
            tasks.spawn(pause(child.clone(), after, span));
        }
        Ok(Self { child, api, finished: is_over, busy: Arc::default(), tasks })
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        lock(&self.child)
    }

    fn has_ended(&self) -> bool {
        *self.finished.borrow() || !matches!(self.child().try_wait(), Ok(None))
    }

    fn invoke(
        &mut self,
        payload: Vec<u8>,
        InvocationLimits { reported_deadline: told, limit, killed }: InvocationLimits,
        cpu: Arc<OnceLock<Option<Duration>>>,
    ) -> oneshot::Receiver<InvocationResult> {
        let (ended, receiver) = oneshot::channel();
        let result = self.api.enqueue(payload, told);
        let (child, mut over, busy) = (self.child.clone(), self.finished.clone(), self.busy.clone());
        busy.store(true, Ordering::Relaxed);
        self.tasks.spawn(async move {
            let end = tokio::select! {
                biased;
                Ok(result) = result => InvocationEnd::Result(result),
                () = wait_until_closed(&mut over) => InvocationEnd::Gone,
                () = sleep(killed.unwrap_or(limit)), if killed.is_some() => InvocationEnd::Killed,
                () = sleep(limit) => InvocationEnd::TooLong,
            };
            // Before its exit status is asked for: then the kernel forgets it.
            cpu.get_or_init(|| pid(&child).and_then(proc::cpu));
            if matches!(end, InvocationEnd::Killed | InvocationEnd::TooLong) {
                let _ = lock(&child).start_kill();
                // The next invocation must find it gone, not going.
                let _ = timeout(KILL_TIMEOUT, wait_until_closed(&mut over)).await;
            }
            let how = match end {
                InvocationEnd::Result(result) => result,
                InvocationEnd::Gone | InvocationEnd::Killed => InvocationResult::Exited(status(&child).await),
                InvocationEnd::TooLong => InvocationResult::TimedOut(limit),
            };
            busy.store(false, Ordering::Relaxed);
            // Whoever invoked it may have stopped waiting.
            let _ = ended.send(how);
        });
        receiver
    }
}

/// How often memory is looked at. What is taken in between is not seen until then, as in Lambda.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Kills a process that takes too much memory, at whatever time of its life. Without a `/proc` it never does.
async fn guard_memory(child: Arc<Mutex<Child>>, limit: u64) {
    while let Some(resident) = pid(&child).and_then(proc::resident) {
        if resident > limit {
            let _ = lock(&child).start_kill();
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Stops a process for a while, as a virtual machine that is frozen.
async fn pause(child: Arc<Mutex<Child>>, after: Duration, span: Duration) {
    for (signal, wait) in [("-STOP", after), ("-CONT", span)] {
        sleep(wait).await;
        if let Some(pid) = pid(&child) {
            // One that has ended needs no signal.
            let _ = Command::new("kill").arg(signal).arg(pid.to_string()).status().await;
        }
    }
}

/// A killed process is gone at once. Whoever else holds its pipes (a grandchild) is not waited for any longer.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// The pipes have been read to their end. Their reader lives as long as they do; its own end means the same.
async fn wait_until_closed(over: &mut watch::Receiver<bool>) {
    let _ = over.wait_for(|over| *over).await;
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a process that was not waited for yet.
fn pid(child: &Mutex<Child>) -> Option<u32> {
    lock(child).id()
}

/// The exit status of a process whose pipes have ended, in words.
async fn status(child: &Mutex<Child>) -> String {
    for _ in 0..100 {
        match lock(child).try_wait() {
            Ok(Some(status)) => return status.to_string(),
            Ok(None) => {}
            Err(error) => return error.to_string(),
        }
        sleep(Duration::from_millis(10)).await;
    }
    "closed its output".to_owned()
}

/// Passes on each line. Bytes that are no text are passed on as well as can be.
async fn forward_lines(
    from: impl AsyncRead + Unpin,
    name: FunctionName,
    to: &mpsc::UnboundedSender<(FunctionName, String)>,
) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = from.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        line.clear();
        if to.send((name, text)).is_err() {
            return;
        }
    }
}

/// What Lambda sets for a custom runtime, and nothing of this process's own environment.
fn environment(name: FunctionName, port: u16, setup: &Setup) -> BTreeMap<String, String> {
    let fixed = [
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", "rehearsalXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLEofTheRehearsal//////////wEaCWV1LXdlc3QtMSJHMEUCIQ=="),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ];
    let mut all: BTreeMap<String, String> =
        fixed.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    all.insert("AWS_ACCESS_KEY_ID".into(), name.access_key());
    let megabytes = setup.memory.map_or(128, |bytes| bytes >> 20);
    all.insert("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".into(), megabytes.to_string());
    all.insert("AWS_LAMBDA_FUNCTION_NAME".into(), name.lambda_name());
    all.insert("AWS_LAMBDA_LOG_GROUP_NAME".into(), format!("/aws/lambda/{}", name.lambda_name()));
    all.insert("AWS_LAMBDA_RUNTIME_API".into(), format!("127.0.0.1:{port}"));
    all.insert("AWS_ENDPOINT_URL".into(), setup.endpoint.clone());
    all.extend(setup.env.clone());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_has_its_deadline_sooner() {
        let (deadline, by) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1000), Duration::from_secs(400));
        assert_eq!(ClockSkew::Ahead(by).skewed_deadline(deadline), SystemTime::UNIX_EPOCH + Duration::from_secs(600));
        assert_eq!(ClockSkew::Behind(by).skewed_deadline(deadline), SystemTime::UNIX_EPOCH + Duration::from_secs(1400));
        assert_eq!(ClockSkew::Behind(Duration::MAX).skewed_deadline(deadline), deadline, "no clock can be that wrong");
    }
}
