//! Secrets Manager's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, long_ago, text, without_nulls},
    world::{Secret, World},
};

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
