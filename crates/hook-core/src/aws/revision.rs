//! The revision of a deployment, which is its AppSpec file: where the task definition is named before there is a task set.

use aws_sdk_codedeploy::types::{AppSpecContent, RawString, RevisionLocation, RevisionLocationType};

use super::{Aws, Fault};

const GET_DEPLOYMENT: &str = "codedeploy:GetDeployment";
const GET_REVISION: &str = "codedeploy:GetApplicationRevision";

/// Where the AppSpec file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppSpec {
    /// Here it is.
    Text(String),
    /// Somewhere else, in words: an object of S3.
    Elsewhere(String),
}

impl Aws {
    /// GetDeployment's revision. CodeDeploy may give its hash alone, and then GetApplicationRevision has the text.
    pub async fn app_spec(&self, deployment: &str, application: &str) -> Result<AppSpec, Fault> {
        let reply = self.codedeploy.get_deployment().deployment_id(deployment).send().await;
        let reply = reply.map_err(|error| Fault::of(GET_DEPLOYMENT, &error))?;
        let revision = reply.deployment_info().and_then(|info| info.revision());
        let revision = revision.ok_or_else(|| Fault::lacks(GET_DEPLOYMENT, "revision"))?;
        if let Some(known) = text(revision) {
            return Ok(known);
        }
        let request = self.codedeploy.get_application_revision().application_name(application);
        let reply = request.revision(revision.clone()).send().await;
        let reply = reply.map_err(|error| Fault::of(GET_REVISION, &error))?;
        let found = reply.revision().and_then(text);
        found.ok_or_else(|| Fault::lacks(GET_REVISION, "content of the AppSpec file"))
    }
}

/// The text, where the location has it or says where else it is.
#[allow(deprecated, reason = "what an old deployment says is read as well")]
fn text(location: &RevisionLocation) -> Option<AppSpec> {
    match location.revision_type() {
        Some(RevisionLocationType::S3) => {
            let object = location.s3_location();
            let part = |part: Option<&str>| part.unwrap_or("?").to_owned();
            let (bucket, key) = (part(object.and_then(|it| it.bucket())), part(object.and_then(|it| it.key())));
            return Some(AppSpec::Elsewhere(format!("s3://{bucket}/{key}")));
        }
        Some(RevisionLocationType::GitHub) => return Some(AppSpec::Elsewhere("GitHub".to_owned())),
        _ => {}
    }
    let content = location.app_spec_content().and_then(AppSpecContent::content);
    let content = content.or_else(|| location.string().and_then(RawString::content));
    content.filter(|content| !content.trim().is_empty()).map(|content| AppSpec::Text(content.to_owned()))
}
