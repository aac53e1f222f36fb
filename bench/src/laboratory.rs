//! The stand-ins for AWS and the service, and the environment of a program that uses them.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::Context;
use rehearsal::{
    FUNCTION_NAME_PREFIX, FunctionName, HookTestBed, RunningTestBed,
    world::{REGION, World},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    authority::Authority,
    front::Front,
    job::{Job, Program, SERVICE, Transport},
    service::Service,
};

/// What all measurements share.
pub struct Laboratory {
    pub binaries: PathBuf,
    pub baseline: Option<PathBuf>,
    pub authority: Authority,
    pub folder: TempDir,
}

/// How long the stand-ins wait before they reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delays {
    pub aws: Duration,
    pub service: Duration,
}

/// The services that a hook calls, as the SDKs spell them in `AWS_ENDPOINT_URL_…`. Each has a port of its own, because
/// in AWS each has a host of its own and needs its own TLS handshake.
const AWS_SERVICES: [&str; 4] = ["CODEDEPLOY", "ECS", "ELASTIC_LOAD_BALANCING_V2", "CLOUDWATCH"];

/// Running stand-ins. Dropping it ends them.
pub struct Stage {
    pub bed: RunningTestBed,
    pub service: Service,
    pub environment: BTreeMap<String, String>,
    pub program: PathBuf,
    pub job: Job,
    _fronts: Vec<Front>,
}

impl Stage {
    pub async fn open(
        laboratory: &Laboratory,
        job: &Job,
        transport: Transport,
        delays: Delays,
        change: impl FnOnce(&mut World),
    ) -> anyhow::Result<Self> {
        let bed = HookTestBed::at(job.hook).await.world(change).open().await?;
        let service = Service::start(delays.service)?;
        let mut environment = lambda_environment(job);
        let mut set = |key: &str, value: String| environment.insert(key.to_owned(), value);

        let (_, port) = bed.endpoint().rsplit_once(':').context("the endpoint has no port")?;
        let (scheme, tls) = match transport {
            Transport::Plain => ("http", None),
            Transport::Tls | Transport::TlsLargeBundle => ("https", Some(&laboratory.authority.acceptor)),
        };
        let mut fronts = Vec::new();
        for name in AWS_SERVICES {
            let front = Front::open(port.parse()?, tls.cloned(), delays.aws).await?;
            set(&format!("AWS_ENDPOINT_URL_{name}"), format!("{scheme}://localhost:{}", front.port));
            fronts.push(front);
        }
        let authority = &laboratory.authority;
        match (job.program, transport) {
            (_, Transport::Plain) => None,
            (Program::Baseline, _) => set("SSL_CERT_FILE", authority.system_bundle.display().to_string()),
            (_, Transport::Tls) => set("AWS_CA_BUNDLE", authority.own_bundle.display().to_string()),
            (_, Transport::TlsLargeBundle) => {
                let bundle = authority.large_bundle.as_ref().context("this system has no bundle of certificates")?;
                set("AWS_CA_BUNDLE", bundle.display().to_string())
            }
        };
        let address = format!("127.0.0.1:{}", service.port());
        if job.has_alb_url {
            set("ALB_URL", address.clone());
        }
        if let Some(gate) = &job.gate {
            let path = laboratory.folder.path().join("gate.yaml");
            fs::write(&path, gate.replace(SERVICE, &format!("http://{address}")))?;
            set("GREENLIGHT_GATE_FILE", path.display().to_string());
        }
        let program = job.path(laboratory)?;
        Ok(Self { bed, service, environment, program, job: job.clone(), _fronts: fronts })
    }

    /// The next event for the program. Its lifecycle event starts again.
    pub fn next_event(&self) -> anyhow::Result<Vec<u8>> {
        let event = self.bed.restart_event();
        if self.job.program != Program::Function(FunctionName::OnFailure) {
            return Ok(event);
        }
        let hook = self.job.hook.program_name();
        let record = json!({
            "version": "1.0",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-4c5a-8880-2dfe598c3fcd",
                "functionArn": format!("arn:aws:lambda:{REGION}:111122223333:function:{FUNCTION_NAME_PREFIX}{hook}:$LATEST"),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1,
            },
            "requestPayload": serde_json::from_slice::<Value>(&event)?,
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "responsePayload": { "errorType": "Runtime.ExitError", "errorMessage": "signal: killed" },
        });
        Ok(record.to_string().into_bytes())
    }
}

/// The variables that Lambda sets and that the programs read.
fn lambda_environment(job: &Job) -> BTreeMap<String, String> {
    let function = match job.program {
        Program::Baseline => "baseline",
        Program::Function(name) => name.program_name(),
    };
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ASIABENCH".to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", format!("{FUNCTION_NAME_PREFIX}{function}")),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{FUNCTION_NAME_PREFIX}{function}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("GREENLIGHT_ALLOW_LOOPBACK", "yes".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "benchXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE".repeat(20)),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
    ];
    variables.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
