//! Amazon ECR's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, long_ago, text},
    world::{ACCOUNT, World, repository_of},
};

pub(crate) fn describe_images(world: &World, input: &Value) -> OperationResult {
    let repository = text(input, "repositoryName");
    let is_in_repository = |name: &str| repository_of(name) == repository;
    let registry = "in the registry with id '111122223333'";
    if !world.account.images.keys().any(|name| is_in_repository(name)) {
        let message = format!("The repository with name '{repository}' does not exist {registry}");
        return Err(ApiError::new("RepositoryNotFoundException", message));
    }
    let mut details = Vec::new();
    for id in input.get("imageIds").and_then(Value::as_array).into_iter().flatten() {
        let (tag, digest) = (text(id, "imageTag"), text(id, "imageDigest"));
        let is_it = |(name, own): &(&String, &String)| {
            is_in_repository(name) && if digest.is_empty() { tag_of(name) == Some(tag) } else { *own == digest }
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
            "imageTags": tag_of(name).into_iter().collect::<Vec<_>>(),
            "imageSizeInBytes": 54_321_098,
            "imagePushedAt": epoch(long_ago()),
        }));
    }
    Ok(json!({ "imageDetails": details }))
}

/// `None` for an image that is pinned by its digest.
fn tag_of(image: &str) -> Option<&str> {
    if image.contains('@') { None } else { image.rsplit_once(':').map(|(_, tag)| tag) }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::world::{InitialState, WorldOptions};

    #[test]
    fn an_image_is_found_by_its_tag_or_by_the_digest_that_its_name_pins() {
        let options = WorldOptions { production: 80, test: 81, seed: 1 };
        let mut world = World::new(SystemTime::now(), options, &InitialState::default());
        let pinned = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        world.account.images.insert("shop:1.2".into(), "sha256:1".into());
        world.account.images.insert(format!("cart@{pinned}"), pinned.into());
        let found = |repository: &str, id: Value| {
            let output = describe_images(&world, &json!({ "repositoryName": repository, "imageIds": [id] }))?;
            let image = &output["imageDetails"][0];
            Ok::<_, ApiError>((image["imageDigest"].clone(), image["imageTags"].clone()))
        };
        assert_eq!(found("shop", json!({ "imageTag": "1.2" })).unwrap(), (json!("sha256:1"), json!(["1.2"])));
        assert_eq!(found("cart", json!({ "imageDigest": pinned })).unwrap(), (json!(pinned), json!([])));
        assert!(found("cart", json!({ "imageDigest": "sha256:1" })).is_err(), "a digest of another repository");
        assert!(found("shop", json!({ "imageTag": "1.3" })).is_err());
        assert!(found("cart", json!({ "imageTag": &pinned[7..] })).is_err(), "a digest is not a tag");
    }
}
