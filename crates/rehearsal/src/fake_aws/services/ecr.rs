//! Amazon ECR's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, long_ago, text},
    world::{ACCOUNT, World},
};

pub(crate) fn describe_images(world: &World, input: &Value) -> OperationResult {
    let repository = text(input, "repositoryName");
    let is_in_repository = |name: &str| name.split(':').next() == Some(repository);
    let registry = "in the registry with id '111122223333'";
    if !world.account.images.keys().any(|name| is_in_repository(name)) {
        let message = format!("The repository with name '{repository}' does not exist {registry}");
        return Err(ApiError::new("RepositoryNotFoundException", message));
    }
    let mut details = Vec::new();
    for id in input.get("imageIds").and_then(Value::as_array).into_iter().flatten() {
        let (tag, digest) = (text(id, "imageTag"), text(id, "imageDigest"));
        let is_it = |(name, own): &(&String, &String)| {
            is_in_repository(name)
                && if digest.is_empty() { name.ends_with(&format!(":{tag}")) } else { *own == digest }
        };
        let Some((name, own)) = world.account.images.iter().find(is_it) else {
            let wanted =
                if digest.is_empty() { format!("imageTag:'{tag}'") } else { format!("imageDigest:'{digest}'") };
            let message = format!(
                "The image with imageId {{{wanted}}} does not exist within the repository with name '{repository}' {registry}"
            );
            return Err(ApiError::new("ImageNotFoundException", message));
        };
        details.push(json!({
            "registryId": ACCOUNT,
            "repositoryName": repository,
            "imageDigest": own,
            "imageTags": [name.rsplit(':').next()],
            "imageSizeInBytes": 54_321_098,
            "imagePushedAt": epoch(long_ago()),
        }));
    }
    Ok(json!({ "imageDetails": details }))
}
