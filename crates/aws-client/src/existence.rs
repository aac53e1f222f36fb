//! Checks whether the resources that a task definition names exist: log groups, roles, parameters, secrets, images.
//! Each needs one operation of a service that nothing else here uses.

use std::collections::BTreeMap;

use gate::permissions::actions::{
    DESCRIBE_IMAGES, DESCRIBE_LOG_GROUPS, DESCRIBE_SECRET, GET_PARAMETERS, GET_RESOURCES, GET_ROLE,
};
use serde_json::{Value, json};

use super::{
    Aws, AwsError,
    service_endpoint::{ServiceEndpoint, WireProtocol},
};
use crate::model::Image;

const LOGS: ServiceEndpoint = ServiceEndpoint::new("CLOUDWATCH_LOGS", "logs", WireProtocol::Json("Logs_20140328"));
pub(super) const IAM: ServiceEndpoint = ServiceEndpoint::new("IAM", "iam", WireProtocol::Query("2010-05-08")).global();
pub(super) const SSM: ServiceEndpoint = ServiceEndpoint::new("SSM", "ssm", WireProtocol::Json("AmazonSSM"));
pub(super) const SECRETS: ServiceEndpoint =
    ServiceEndpoint::new("SECRETS_MANAGER", "secretsmanager", WireProtocol::Json("secretsmanager"));
const ECR: ServiceEndpoint = ServiceEndpoint {
    host: "api.ecr",
    ..ServiceEndpoint::new("ECR", "ecr", WireProtocol::Json("AmazonEC2ContainerRegistry_V20150921"))
};
const TAGS: ServiceEndpoint = ServiceEndpoint::new(
    "RESOURCE_GROUPS_TAGGING_API",
    "tagging",
    WireProtocol::Json("ResourceGroupsTaggingAPI_20170126"),
);

/// The maximum number of names for one GetParameters call.
const MAX_PARAMETERS_PER_CALL: usize = 10;
/// The maximum number of resources in one page of GetResources.
const MAX_TAGGED_PER_PAGE: u32 = 100;
/// Pages of GetResources. The default quota is 5,000 alarms in a Region of an account.
const MAX_PAGES: usize = 50;

/// Whether a resource exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existence {
    Yes,
    No,
    /// It exists, but cannot be used any more.
    ScheduledForDeletion,
}

impl Existence {
    /// An AWS error that says that the resource does not exist is a valid result.
    fn from_reply(result: Result<Value, AwsError>, none: &[&str]) -> Result<Self, AwsError> {
        match result {
            Ok(_) => Ok(Self::Yes),
            Err(fault) if none.iter().any(|word| fault.has_code(word)) => Ok(Self::No),
            Err(fault) => Err(fault),
        }
    }
}

impl Aws {
    /// DescribeLogGroups: whether a log group with this name exists.
    pub async fn log_group(&self, name: &str, region: Option<&str>) -> Result<Existence, AwsError> {
        let input = json!({ "logGroupNamePrefix": name });
        let reply = self.signing_client.json(&LOGS, region, DESCRIBE_LOG_GROUPS, &input).await?;
        // AWS returns names in alphabetical order, so the exact name is the first of those with this prefix.
        let exists = list(&reply, "logGroups", DESCRIBE_LOG_GROUPS)?
            .iter()
            .any(|group| group.get("logGroupName").and_then(Value::as_str) == Some(name));
        Ok(if exists { Existence::Yes } else { Existence::No })
    }

    /// GetRole by ARN.
    pub async fn role(&self, arn: &str) -> Result<Existence, AwsError> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let result = self.signing_client.query(&IAM, GET_ROLE, &[("RoleName", name)]).await;
        Existence::from_reply(result.map(Value::from), &["NoSuchEntity"])
    }

    /// GetParameters without decryption: the names that do not exist.
    pub async fn missing_parameters(&self, names: &[String]) -> Result<Vec<String>, AwsError> {
        let mut missing = Vec::new();
        for (region, names) in by_region(names) {
            for chunk in names.chunks(MAX_PARAMETERS_PER_CALL) {
                let input = json!({ "Names": chunk, "WithDecryption": false });
                let reply = self.signing_client.json(&SSM, region, GET_PARAMETERS, &input).await?;
                let found = list(&reply, "Parameters", GET_PARAMETERS)?.len();
                // If all parameters exist, the reply may lack the list of invalid names.
                let invalid = reply.get("InvalidParameters").and_then(Value::as_array).into_iter().flatten();
                let invalid: Vec<_> = invalid.filter_map(Value::as_str).map(str::to_owned).collect();
                if found + invalid.len() < chunk.len() {
                    return Err(AwsError::missing_field(GET_PARAMETERS, "result for every name"));
                }
                missing.extend(invalid);
            }
        }
        Ok(missing)
    }

    /// DescribeSecret by ARN or name: whether the secret exists and is not scheduled for deletion. The value of the
    /// secret is not read.
    pub async fn secret(&self, arn: &str) -> Result<Existence, AwsError> {
        let input = json!({ "SecretId": arn });
        let result = self.signing_client.json(&SECRETS, region_of(arn), DESCRIBE_SECRET, &input).await;
        if let Ok(secret) = &result {
            if secret.get("ARN").is_none() {
                return Err(AwsError::missing_field(DESCRIBE_SECRET, "ARN"));
            }
            if secret.get("DeletedDate").is_some_and(|date| !date.is_null()) {
                return Ok(Existence::ScheduledForDeletion);
            }
        }
        Existence::from_reply(result, &["ResourceNotFoundException"])
    }

    /// DescribeImages: whether a private registry has the image. `None` if the image is not in a private registry of
    /// Amazon ECR.
    pub async fn image(&self, image: &Image) -> Result<Option<Existence>, AwsError> {
        let Some((account, region, repository)) = image.ecr_location() else { return Ok(None) };
        let id = match (&image.digest, &image.tag) {
            (Some(digest), _) => json!({ "imageDigest": digest }),
            (None, tag) => json!({ "imageTag": tag }),
        };
        let input = json!({ "registryId": account, "repositoryName": repository, "imageIds": [id] });
        let result = self.signing_client.json(&ECR, Some(region), DESCRIBE_IMAGES, &input).await;
        if let Ok(reply) = &result
            && list(reply, "imageDetails", DESCRIBE_IMAGES)?.is_empty()
        {
            return Ok(Some(Existence::No));
        }
        Existence::from_reply(result, &["ImageNotFoundException", "RepositoryNotFoundException"]).map(Some)
    }

    /// GetResources: the names of the alarms that have all of these tags.
    pub async fn alarms_with_tags(&self, tags: &[(String, String)]) -> Result<Vec<String>, AwsError> {
        let filters: Vec<_> = tags.iter().map(|(key, value)| json!({ "Key": key, "Values": [value] })).collect();
        let mut names = Vec::new();
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let mut input = json!({
                "ResourceTypeFilters": ["cloudwatch:alarm"],
                "TagFilters": filters,
                "ResourcesPerPage": MAX_TAGGED_PER_PAGE,
            });
            if !token.is_empty() {
                input["PaginationToken"] = token.clone().into();
            }
            let reply = self.signing_client.json(&TAGS, None, GET_RESOURCES, &input).await?;
            let found = list(&reply, "ResourceTagMappingList", GET_RESOURCES)?;
            let arns = found.iter().filter_map(|one| one.get("ResourceARN").and_then(Value::as_str));
            // `arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`. A name may contain colons.
            names.extend(arns.filter_map(|arn| arn.splitn(7, ':').nth(6)).map(str::to_owned));
            // The last page has an empty token.
            token = reply.get("PaginationToken").and_then(Value::as_str).unwrap_or_default().to_owned();
            if token.is_empty() {
                return Ok(names);
            }
        }
        Err(AwsError::missing_field(GET_RESOURCES, format_args!("end after {MAX_PAGES} pages")))
    }
}

/// A list that a reply must have, even if it is empty.
fn list<'a>(reply: &'a Value, member: &str, operation: &'static str) -> Result<&'a Vec<Value>, AwsError> {
    reply.get(member).and_then(Value::as_array).ok_or_else(|| AwsError::missing_field(operation, member))
}

/// Groups names and ARNs by the Region of their request. A plain name is in the function's own Region.
fn by_region(names: &[String]) -> BTreeMap<Option<&str>, Vec<&str>> {
    let mut regions = BTreeMap::<_, Vec<_>>::new();
    for name in names {
        regions.entry(region_of(name)).or_default().push(name.as_str());
    }
    regions
}

/// The Region of an ARN. `None` for a name.
pub(super) fn region_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_asked_for_where_they_are() {
        let [here, there] = ["eu-west-1", "us-east-1"].map(|region| format!("arn:aws:ssm:{region}:1:parameter/x"));
        let names = ["/shop/x".to_owned(), there.clone(), here.clone(), "/shop/y".to_owned()];
        let regions = BTreeMap::from([
            (None, vec!["/shop/x", "/shop/y"]),
            (Some("eu-west-1"), vec![here.as_str()]),
            (Some("us-east-1"), vec![there.as_str()]),
        ]);
        assert_eq!(by_region(&names), regions);
    }

    #[test]
    fn an_arn_has_its_region_and_a_name_has_none() {
        assert_eq!(region_of("arn:aws:ssm:eu-west-1:111122223333:parameter/x"), Some("eu-west-1"));
        assert_eq!(region_of("arn:aws:iam::111122223333:role/x"), None);
        assert_eq!(region_of("/shop/x"), None);
    }
}
