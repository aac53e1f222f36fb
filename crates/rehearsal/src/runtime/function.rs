//! One function: a program as a child process, with the environment that Lambda gives.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{InvocationResult, api::RuntimeApi};
use crate::{function_name::FunctionName, world::REGION};

/// What all functions of a rehearsal get.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Where AWS is.
    pub endpoint: String,
    /// Further environment variables; they win over all others.
    pub env: BTreeMap<String, String>,
    /// Functions that Lambda kills so long after their invocation, as it does with one that takes too much memory.
    pub killed: BTreeMap<FunctionName, Duration>,
}

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    name: FunctionName,
    program: PathBuf,
    setup: Setup,
    lines: mpsc::UnboundedSender<(FunctionName, String)>,
    running: Running,
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

impl Function {
    /// Starts the process; it is initialised while others are.
    pub async fn start(
        name: FunctionName,
        program: PathBuf,
        setup: Setup,
        lines: mpsc::UnboundedSender<(FunctionName, String)>,
    ) -> anyhow::Result<Self> {
        let running = Running::start(name, &program, &setup, &lines).await?;
        Ok(Self { name, program, setup, lines, running })
    }

    pub fn name(&self) -> FunctionName {
        self.name
    }

    /// Whether it waits for something to do.
    pub fn is_free(&self) -> bool {
        !self.running.busy.load(Ordering::Relaxed)
    }

    /// One more of it: Lambda starts another execution environment when one is at work.
    pub async fn another(&self) -> anyhow::Result<Self> {
        Self::start(self.name, self.program.clone(), self.setup.clone(), self.lines.clone()).await
    }

    /// Invokes it; in a new process, if the last one has ended. The receiver is told how it went.
    pub async fn invoke(
        &mut self,
        payload: Vec<u8>,
        limit: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        if self.running.is_over() {
            self.running = Running::start(self.name, &self.program, &self.setup, &self.lines).await?;
        }
        Ok(self.running.invoke(payload, limit, self.setup.killed.get(&self.name).copied()))
    }

    /// Kills it and reads what it has written to the end.
    pub async fn finish(mut self) {
        // It may have ended by itself.
        let _ = self.running.child().start_kill();
        let _ = timeout(PATIENCE, at_end(&mut self.running.over)).await;
    }
}

/// A process and what belongs to it.
#[derive(Debug)]
struct Running {
    child: Arc<Mutex<Child>>,
    api: RuntimeApi,
    /// Both pipes are at their end, so the process is.
    over: watch::Receiver<bool>,
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
        let api = RuntimeApi::start(name.in_aws()).await.context("no port for a Lambda Runtime API")?;
        let mut command = Command::new(program);
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
                    copy(stdout, name, &lines).await;
                }
            };
            let err = async {
                if let Some(stderr) = stderr {
                    copy(stderr, name, &lines).await;
                }
            };
            tokio::join!(out, err);
            let _ = over.send(true);
        });
        Ok(Self { child: Arc::new(Mutex::new(child)), api, over: is_over, busy: Arc::default(), tasks })
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        lock(&self.child)
    }

    fn is_over(&self) -> bool {
        *self.over.borrow() || !matches!(self.child().try_wait(), Ok(None))
    }

    fn invoke(
        &mut self,
        payload: Vec<u8>,
        limit: Duration,
        killed: Option<Duration>,
    ) -> oneshot::Receiver<InvocationResult> {
        let (ended, receiver) = oneshot::channel();
        let result = self.api.offer(payload, limit);
        let (child, mut over, busy) = (self.child.clone(), self.over.clone(), self.busy.clone());
        busy.store(true, Ordering::Relaxed);
        self.tasks.spawn(async move {
            let how = tokio::select! {
                biased;
                Ok(result) = result => result,
                () = at_end(&mut over) => InvocationResult::Exited(status(&child).await),
                () = sleep(killed.unwrap_or(limit)), if killed.is_some() => {
                    let _ = lock(&child).start_kill();
                    let _ = timeout(PATIENCE, at_end(&mut over)).await;
                    InvocationResult::Exited(status(&child).await)
                }
                () = sleep(limit) => {
                    let _ = lock(&child).start_kill();
                    // The next invocation must find it gone, not going.
                    let _ = timeout(PATIENCE, at_end(&mut over)).await;
                    InvocationResult::TimedOut(limit)
                }
            };
            busy.store(false, Ordering::Relaxed);
            // Whoever invoked it may have stopped waiting.
            let _ = ended.send(how);
        });
        receiver
    }
}

/// A killed process is gone at once. Whoever else holds its pipes (a grandchild) is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pipes have been read to their end. Their reader lives as long as they do; its own end means the same.
async fn at_end(over: &mut watch::Receiver<bool>) {
    let _ = over.wait_for(|over| *over).await;
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
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
async fn copy(from: impl AsyncRead + Unpin, name: FunctionName, to: &mpsc::UnboundedSender<(FunctionName, String)>) {
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
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", "rehearsal"),
        ("AWS_SESSION_TOKEN", "rehearsal"),
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
    all.insert("AWS_LAMBDA_FUNCTION_NAME".into(), name.in_aws());
    all.insert("AWS_LAMBDA_LOG_GROUP_NAME".into(), format!("/aws/lambda/{}", name.in_aws()));
    all.insert("AWS_LAMBDA_RUNTIME_API".into(), format!("127.0.0.1:{port}"));
    all.insert("AWS_ENDPOINT_URL".into(), setup.endpoint.clone());
    all.extend(setup.env.clone());
    all
}
