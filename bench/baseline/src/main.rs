//! What `make bench` compares with: a hook function as one writes it from the AWS documentation in an afternoon. It
//! sends `HEAD http://$ALB_URL/` with a limit of 2 s, counts 2xx as success, and puts the status. Every dependency has
//! its default features, and both clients are built for each event.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_codedeploy::types::LifecycleEventStatus;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HookEvent {
    deployment_id: String,
    lifecycle_event_hook_execution_id: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<HookEvent>) -> Result<(), Error> {
    let alb_url = std::env::var("ALB_URL")?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
    let is_healthy = match http.head(format!("http://{alb_url}/")).send().await {
        Ok(response) => response.status().is_success(),
        Err(_) => false,
    };
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    aws_sdk_codedeploy::Client::new(&config)
        .put_lifecycle_event_hook_execution_status()
        .deployment_id(event.payload.deployment_id)
        .lifecycle_event_hook_execution_id(event.payload.lifecycle_event_hook_execution_id)
        .status(if is_healthy { LifecycleEventStatus::Succeeded } else { LifecycleEventStatus::Failed })
        .send()
        .await?;
    Ok(())
}
