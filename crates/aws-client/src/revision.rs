//! The revision of a deployment, which is its AppSpec file. It names the task definition before the task set exists.

use aws_sdk_codedeploy::types::{AppSpecContent, RevisionLocation, RevisionLocationType};
use gate::permissions::actions::{GET_APPLICATION_REVISION, GET_DEPLOYMENT};

use super::{Aws, AwsError};

/// The location of the AppSpec file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppSpecLocation {
    Text(String),
    /// Another location, as text.
    Other(String),
}

impl Aws {
    /// Reads the AppSpec file of a deployment. GetDeployment may return only its hash, and then GetApplicationRevision
    /// has the text.
    pub async fn app_spec(&self, deployment: &str, application: &str) -> Result<AppSpecLocation, AwsError> {
        let request = self.codedeploy().get_deployment().deployment_id(deployment);
        let reply = self.send(GET_DEPLOYMENT, || request.clone().send()).await?;
        let revision = reply.deployment_info().and_then(|info| info.revision());
        let revision = revision.ok_or_else(|| AwsError::missing_field(GET_DEPLOYMENT, "revision"))?;
        if let Some(known) = app_spec_in(revision) {
            return Ok(known);
        }
        if let Some((bucket, key)) = revision.s3_location().and_then(|object| object.bucket().zip(object.key())) {
            // The newest version may already belong to the next deployment.
            let version = revision.s3_location().and_then(|object| object.version());
            return self.object(bucket, key, version).await.map(AppSpecLocation::Text);
        }
        let request = self.codedeploy().get_application_revision().application_name(application);
        let request = request.revision(revision.clone());
        let reply = self.send(GET_APPLICATION_REVISION, || request.clone().send()).await?;
        let found = reply.revision().and_then(app_spec_in);
        found.ok_or_else(|| AwsError::missing_field(GET_APPLICATION_REVISION, "content of the AppSpec file"))
    }
}

/// The text, if the location contains it or names where it is.
fn app_spec_in(location: &RevisionLocation) -> Option<AppSpecLocation> {
    if location.revision_type() == Some(&RevisionLocationType::GitHub) {
        return Some(AppSpecLocation::Other("GitHub".to_owned()));
    }
    // The older form of a revision, `String`, which CodeDeploy still accepts.
    let raw = location.string().and_then(|string| string.content());
    let content = location.app_spec_content().and_then(AppSpecContent::content).or(raw);
    content.filter(|content| !content.trim().is_empty()).map(|content| AppSpecLocation::Text(content.to_owned()))
}
