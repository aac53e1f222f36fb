//! Reads values from Systems Manager and Secrets Manager.

use gate::permissions::actions::{GET_PARAMETER, GET_SECRET_VALUE};
use serde_json::{Value, json};

use super::{
    Aws, AwsError,
    existence::{SECRETS, SSM, region_of},
};

impl Aws {
    /// GetParameter with decryption, by name or ARN.
    pub async fn parameter(&self, name: &str) -> Result<String, AwsError> {
        self.parameter_with_version(name).await.map(|(value, _)| value)
    }

    /// Like [`Self::parameter`], with the version.
    pub async fn parameter_with_version(&self, name: &str) -> Result<(String, Option<String>), AwsError> {
        let input = json!({ "Name": name, "WithDecryption": true });
        let reply = self.signing_client.json(&SSM, region_of(name), GET_PARAMETER, &input).await;
        let reply = reply.map_err(|fault| match fault {
            // AWS returns no message for this error.
            fault if fault.has_code("ParameterNotFound") => AwsError {
                detail: "ParameterNotFound: this parameter does not exist in this Region".to_owned(),
                ..fault
            },
            fault => fault,
        })?;
        let value = reply.pointer("/Parameter/Value").and_then(Value::as_str);
        let version = reply.pointer("/Parameter/Version").and_then(Value::as_u64).map(|version| version.to_string());
        value.map(|value| (value.to_owned(), version)).ok_or_else(|| AwsError::missing_field(GET_PARAMETER, "value"))
    }

    /// GetSecretValue by name or ARN.
    pub async fn secret_value(&self, id: &str) -> Result<String, AwsError> {
        let reply =
            self.signing_client.json(&SECRETS, region_of(id), GET_SECRET_VALUE, &json!({ "SecretId": id })).await?;
        let value = reply.get("SecretString").and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| AwsError::missing_field(GET_SECRET_VALUE, "text: the secret is binary"))
    }
}
