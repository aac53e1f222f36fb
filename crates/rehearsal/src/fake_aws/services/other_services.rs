//! The operations of services of which the functions need only one or two: CloudWatch Logs, IAM, Systems Manager,
//! Secrets Manager, ECR, the tagging API and S3.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, number, page, page_start, text, texts, without_nulls},
    world::{ACCOUNT, Secret, World, arn, role_arn},
};

/// The creation time of these resources: midnight a week ago.
pub(crate) fn long_ago() -> SystemTime {
    let day = 24 * 60 * 60;
    let days = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / day);
    SystemTime::UNIX_EPOCH + Duration::from_secs(days.saturating_sub(7) * day)
}

pub(crate) fn describe_log_groups(world: &World, input: &Value) -> OperationResult {
    let prefix = text(input, "logGroupNamePrefix");
    let found = world.account.log_groups.iter().filter(|name| name.starts_with(prefix)).map(|name| {
        json!({
            "logGroupName": name,
            "arn": arn("logs", &format!("log-group:{name}:*")),
            "creationTime": long_ago().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64),
            "metricFilterCount": 0,
            "storedBytes": 0,
        })
    });
    Ok(json!({ "logGroups": found.collect::<Vec<_>>() }))
}

pub(crate) fn get_role(world: &World, input: &Value) -> OperationResult {
    let name = text(input, "RoleName");
    if !world.account.roles.contains(name) {
        let message = format!("The role with name {name} cannot be found.");
        return Err(ApiError { status: 404, ..ApiError::new("NoSuchEntity", message) });
    }
    Ok(json!({ "Role": {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAIOSFODNN7EXAMPLE",
        "Arn": role_arn(name),
        "CreateDate": humantime::format_rfc3339_seconds(long_ago()).to_string(),
        "MaxSessionDuration": 3600,
    } }))
}

fn parameter(name: &str, value: &str) -> Value {
    json!({
        "Name": name,
        "Type": "SecureString",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": epoch(long_ago()),
        "ARN": arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
        "DataType": "text",
    })
}

/// Systems Manager returns a SecureString as its ciphertext, unless the request asks for decryption.
fn decrypted_or_cipher<'a>(input: &Value, value: &'a str) -> &'a str {
    if input.get("WithDecryption").and_then(Value::as_bool) == Some(true) { value } else { "AQICAHg…" }
}

pub(crate) fn get_parameters(world: &World, input: &Value) -> OperationResult {
    let names = texts(input, "Names");
    if names.is_empty() || names.len() > 10 {
        return Err(ApiError::new("ValidationException", "names: Member must have length between 1 and 10"));
    }
    let (found, missing): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| world.account.parameters.contains_key(*name));
    let values = world.account.parameters.iter().filter(|(name, _)| found.contains(&name.as_str()));
    let values: Vec<_> = values.map(|(name, value)| parameter(name, decrypted_or_cipher(input, value))).collect();
    // AWS omits an empty list.
    let missing = (!missing.is_empty()).then_some(missing);
    Ok(without_nulls(json!({ "Parameters": values, "InvalidParameters": missing })))
}

pub(crate) fn get_parameter(world: &World, input: &Value) -> OperationResult {
    let name = text(input, "Name");
    match world.account.parameters.get(name) {
        Some(value) => Ok(json!({ "Parameter": parameter(name, decrypted_or_cipher(input, value)) })),
        None => Err(ApiError::new("ParameterNotFound", "")),
    }
}

/// Finds a secret by its ARN or by its name, which is the ARN without the suffix that AWS adds.
fn secret<'a>(world: &'a World, input: &Value) -> Result<(&'a str, String, &'a Secret), ApiError> {
    let id = text(input, "SecretId");
    let name = |arn: &str| {
        let name = arn.rsplit(':').next().unwrap_or_default();
        name.get(..name.len().saturating_sub(7)).unwrap_or_default().to_owned()
    };
    let found = world.account.secrets.iter().find(|(arn, _)| *arn == id || name(arn) == id);
    let found = found.map(|(arn, secret)| (arn.as_str(), name(arn), secret));
    let message = "Secrets Manager can't find the specified secret.";
    found.ok_or_else(|| ApiError::new("ResourceNotFoundException", message))
}

const VERSION: &str = "9f3c2d1e-5a4b-4c3d-8e9f-1a2b3c4d5e6f";

pub(crate) fn describe_secret(world: &World, input: &Value) -> OperationResult {
    let (arn, name, secret) = secret(world, input)?;
    Ok(without_nulls(json!({
        "ARN": arn,
        "Name": name,
        "CreatedDate": epoch(long_ago()),
        "LastChangedDate": epoch(long_ago()),
        "DeletedDate": secret.deleted.map(epoch),
        "VersionIdsToStages": { VERSION: ["AWSCURRENT"] },
    })))
}

pub(crate) fn get_secret_value(world: &World, input: &Value) -> OperationResult {
    let (arn, name, secret) = secret(world, input)?;
    if secret.deleted.is_some() {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(ApiError::new("InvalidRequestException", message));
    }
    Ok(json!({
        "ARN": arn,
        "Name": name,
        "VersionId": VERSION,
        "SecretString": secret.value,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": epoch(long_ago()),
    }))
}

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

pub(crate) fn get_resources(world: &World, input: &Value) -> OperationResult {
    let filters: Vec<_> = input.get("TagFilters").and_then(Value::as_array).into_iter().flatten().collect();
    let fits = |tags: &std::collections::BTreeMap<String, String>| {
        filters.iter().all(|filter| {
            let values = texts(filter, "Values");
            tags.get(text(filter, "Key")).is_some_and(|own| values.is_empty() || values.contains(&own.as_str()))
        })
    };
    let kinds = texts(input, "ResourceTypeFilters");
    let wanted = kinds.is_empty() || kinds.iter().any(|kind| matches!(*kind, "cloudwatch" | "cloudwatch:alarm"));
    let found =
        world.alarms.iter().filter(|alarm| wanted && !alarm.tags.is_empty() && fits(&alarm.tags)).map(|alarm| {
            let tags: Vec<_> = alarm.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            json!({ "ResourceARN": arn("cloudwatch", &format!("alarm:{}", alarm.name)), "Tags": tags })
        });
    let found: Vec<_> = found.collect();
    let size = number(input, "ResourcesPerPage").unwrap_or(50).clamp(1, 100).min(world.page_size);
    let from = page_start(input, "PaginationToken", "PaginationTokenExpiredException")?;
    let (page, next) = page(found, from, size);
    // AWS returns an empty token with the last page.
    Ok(json!({ "PaginationToken": next.unwrap_or_default(), "ResourceTagMappingList": page }))
}

/// Returns the object as the body, without a wrapper.
pub(crate) fn get_object(world: &World, input: &Value) -> OperationResult {
    let (bucket, key) = (text(input, "Bucket"), text(input, "Key"));
    let missing = |code, message: &str| Err(ApiError { status: 404, ..ApiError::new(code, message) });
    let name = match text(input, "VersionId") {
        "" => format!("{bucket}/{key}"),
        version => format!("{bucket}/{key}?versionId={version}"),
    };
    if let Some(object) = world.account.objects.get(&name) {
        return Ok(Value::String(object.clone()));
    }
    if world.account.objects.keys().any(|name| name.split('/').next() == Some(bucket)) {
        missing("NoSuchKey", "The specified key does not exist.")
    } else {
        missing("NoSuchBucket", "The specified bucket does not exist")
    }
}
