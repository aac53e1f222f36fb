//! One function: a program that runs as a child process with the environment variables that Lambda sets.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
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

use crate::lambda::{FunctionName, InvocationResult, ProcessExit, Setup, proc, runtime_api::RuntimeApi};

/// A function and its current process.
#[derive(Debug)]
pub(crate) struct FunctionProcess {
    name: FunctionName,
    program: PathBuf,
    setup: Setup,
    lines: mpsc::UnboundedSender<(FunctionName, String)>,
    running: Running,
    cpu: Arc<OnceLock<Option<Duration>>>,
}

/// The hidden subcommand with which one program runs any of the functions.
pub const HOOK_FUNCTION: &str = "hook-function";

/// Finds a program by its name. `folder` can also be one program that runs all functions.
///
/// # Errors
/// If the program does not exist. The message says how to build it.
pub(crate) fn locate(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    if folder.is_file() {
        return Ok(folder.to_owned());
    }
    let program = folder.join(name);
    anyhow::ensure!(
        program.is_file(),
        "the program {} does not exist; leave out --binaries to run the hooks in greenlight itself",
        program.display()
    );
    Ok(program)
}

impl FunctionProcess {
    /// Starts the process. It initialises at the same time as the others.
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

    pub fn is_idle(&self) -> bool {
        !self.running.busy.load(Ordering::Relaxed)
    }

    /// Invokes the function, in a new process if the last one has ended. The receiver gets the result.
    pub async fn invoke(
        &mut self,
        payload: Vec<u8>,
        limit: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        let killed = self.setup.killed.get(&self.name).copied();
        self.invoke_and_kill(payload, limit, killed).await
    }

    /// Like [`Self::invoke`], but kills the process after `killed` if it has not returned by then.
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

    /// The CPU time that the process had used at the end of its first invocation, including its start. `None` before
    /// that, and if there is no `/proc`.
    pub fn cpu(&self) -> Option<Duration> {
        self.cpu.get().copied().flatten()
    }

    /// Kills the process and reads its output to the end.
    pub async fn finish(mut self) {
        // The process may have exited already.
        let _ = self.running.child().start_kill();
        let _ = timeout(KILL_TIMEOUT, wait_until_closed(&mut self.running.finished)).await;
    }
}

#[derive(Clone, Copy, Debug)]
struct InvocationLimits {
    /// The deadline that Lambda reports to the function.
    reported_deadline: SystemTime,
    /// The real time limit.
    limit: Duration,
    killed: Option<Duration>,
}

/// How an invocation ended.
enum InvocationEnd {
    Result(InvocationResult),
    /// The process exited, or was killed because of its memory.
    Gone,
    Killed,
    TooLong,
}

/// A process, its Runtime API, and the tasks around it.
#[derive(Debug)]
struct Running {
    child: Arc<Mutex<Child>>,
    api: RuntimeApi,
    /// Whether both output pipes are closed, which means that the process has ended.
    finished: watch::Receiver<bool>,
    /// Whether an invocation is in progress.
    busy: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Kill it now, not when the last task that holds the child is dropped.
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
        let api =
            RuntimeApi::start(name.lambda_name()).await.context("no free port on loopback for a Lambda Runtime API")?;
        let mut words = setup.limits.iter().flat_map(|limit| limit.commands());
        let mut command = match words.next() {
            None => Command::new(program),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        };
        if program.file_stem().is_none_or(|stem| stem != name.program_name()) {
            command.args([HOOK_FUNCTION, name.program_name()]);
        }
        command
            .env_clear()
            .envs(setup.environment(name, api.port))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start the program {}", program.display()))?;
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
        InvocationLimits { reported_deadline, limit, killed }: InvocationLimits,
        cpu: Arc<OnceLock<Option<Duration>>>,
    ) -> oneshot::Receiver<InvocationResult> {
        let (ended, receiver) = oneshot::channel();
        let result = self.api.enqueue(payload, reported_deadline);
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
            // This must come before the exit status is read, because the kernel then forgets the process.
            cpu.get_or_init(|| pid(&child).and_then(proc::cpu));
            if matches!(end, InvocationEnd::Killed | InvocationEnd::TooLong) {
                let _ = lock(&child).start_kill();
                // The next invocation must find the process ended, not ending.
                let _ = timeout(KILL_TIMEOUT, wait_until_closed(&mut over)).await;
            }
            let how = match end {
                InvocationEnd::Result(result) => result,
                InvocationEnd::Gone | InvocationEnd::Killed => InvocationResult::Exited(exit_of(&child).await),
                InvocationEnd::TooLong => InvocationResult::TimedOut(limit),
            };
            busy.store(false, Ordering::Relaxed);
            // The caller may have stopped waiting.
            let _ = ended.send(how);
        });
        receiver
    }
}

/// How often memory use is measured. A peak between two measurements goes unnoticed, as in Lambda.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Kills a process that uses too much memory, at any time of its life. Without `/proc` it never does.
async fn guard_memory(child: Arc<Mutex<Child>>, limit: u64) {
    while let Some(resident) = pid(&child).and_then(proc::resident) {
        if resident > limit {
            let _ = lock(&child).start_kill();
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Pauses a process for a while, like a frozen virtual machine.
async fn pause(child: Arc<Mutex<Child>>, after: Duration, span: Duration) {
    for (signal, wait) in [("-STOP", after), ("-CONT", span)] {
        sleep(wait).await;
        if let Some(pid) = pid(&child) {
            // A process that has ended needs no signal.
            let _ = Command::new("kill").arg(signal).arg(pid.to_string()).status().await;
        }
    }
}

/// The time to wait for a killed process, which ends at once. Another process (a grandchild) can still hold its pipes;
/// this is the limit for waiting for that.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until the pipes have been read to their end. If their reader has ended, so have the pipes.
async fn wait_until_closed(over: &mut watch::Receiver<bool>) {
    let _ = over.wait_for(|over| *over).await;
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id of a process whose exit status has not been read yet.
fn pid(child: &Mutex<Child>) -> Option<u32> {
    lock(child).id()
}

/// How a process whose pipes are closed has ended.
async fn exit_of(child: &Mutex<Child>) -> ProcessExit {
    for _ in 0..100 {
        match lock(child).try_wait() {
            Ok(Some(status)) => return process_exit(status),
            Ok(None) => {}
            Err(error) => return ProcessExit::Other(error.to_string()),
        }
        sleep(Duration::from_millis(10)).await;
    }
    ProcessExit::Other("closed its output".to_owned())
}

fn process_exit(status: ExitStatus) -> ProcessExit {
    #[cfg(unix)]
    if std::os::unix::process::ExitStatusExt::signal(&status) == Some(9) {
        return ProcessExit::Killed;
    }
    status.code().map_or_else(|| ProcessExit::Other(status.to_string()), ProcessExit::Code)
}

/// Forwards each line. Bytes that are not valid UTF-8 are replaced.
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
