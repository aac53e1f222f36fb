//! The endpoints of services that have no SDK crate here, in every partition, with FIPS and dual stack.

use gate::permissions::partition_of;

use super::service_endpoint::{ServiceEndpoint, WireProtocol};
use crate::settings::AwsSettings;

/// A partition: the Regions that share a domain.
#[derive(Clone, Copy)]
pub(super) struct Partition {
    /// The name in ARNs.
    pub name: &'static str,
    domain: &'static str,
    dual_stack: &'static str,
    /// The Region in signatures for global services.
    pub global_region: &'static str,
}

impl Partition {
    /// Finds the partition of the Region.
    pub fn for_region(region: &str) -> Self {
        let name = partition_of(region);
        PARTITIONS.into_iter().find(|partition| partition.name == name).unwrap_or(AWS)
    }

    /// The host of a service by the endpoint rules of its SDK: one pattern with exceptions.
    pub fn service_host(self, service: &ServiceEndpoint, region: &str, fips: bool, dual: bool) -> String {
        let Partition { name, domain, dual_stack, global_region: global } = self;
        let variant = if fips { "-fips" } else { "" };
        match (service.signing_name, name, dual) {
            ("iam", "aws", false) => format!("iam{variant}.{domain}"),
            ("iam", "aws", true) => format!("iam{variant}.global.{dual_stack}"),
            // These partitions have one endpoint, with or without FIPS.
            ("iam", "aws-us-gov", false) => format!("iam.us-gov.{domain}"),
            ("iam", "aws-us-gov", true) => format!("iam.us-gov.{dual_stack}"),
            ("iam", "aws-cn", true) => format!("iam.global.{dual_stack}"),
            ("iam", "aws-cn", false) => format!("iam.{global}.{domain}"),
            ("iam", ..) => format!("iam{variant}.{global}.{domain}"),
            // The domain without dual stack, with an additional label.
            ("s3", _, true) => format!("s3{variant}.dualstack.{region}.{domain}"),
            ("ecr", "aws" | "aws-us-gov" | "aws-cn", true) => format!("ecr{variant}.{region}.{dual_stack}"),
            ("ecr", "aws" | "aws-us-gov", false) if fips => format!("ecr-fips.{region}.{domain}"),
            // In this partition every endpoint of these services supports FIPS.
            ("ssm" | "logs", "aws-us-gov", false) => format!("{}.{region}.{domain}", service.host),
            (_, _, true) => format!("{}{variant}.{region}.{dual_stack}", service.host),
            (_, _, false) => format!("{}{variant}.{region}.{domain}", service.host),
        }
    }
}

pub(super) const CODEDEPLOY: ServiceEndpoint =
    ServiceEndpoint::new("CODEDEPLOY", "codedeploy", WireProtocol::Json("CodeDeploy_20141006"));

/// The URL of CodeDeploy, to which the SDK's client connects with these settings.
pub(super) fn codedeploy_endpoint(settings: &AwsSettings) -> String {
    let own = settings.service_endpoints.get(CODEDEPLOY.id).or(settings.endpoint.as_ref());
    own.cloned().unwrap_or_else(|| {
        let region = settings.region.as_deref().unwrap_or_default();
        let host = Partition::for_region(region).service_host(&CODEDEPLOY, region, settings.fips, settings.dual_stack);
        format!("https://{host}")
    })
}

const fn partition(
    name: &'static str,
    domain: &'static str,
    dual_stack: &'static str,
    global: &'static str,
) -> Partition {
    Partition { name, domain, dual_stack, global_region: global }
}

const AWS: Partition = partition("aws", "amazonaws.com", "api.aws", "us-east-1");

/// The other partitions.
const PARTITIONS: [Partition; 7] = [
    partition("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1"),
    partition("aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1"),
    partition("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1"),
    partition("aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1"),
    partition("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1"),
    partition("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1"),
    partition("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1"),
];

#[cfg(test)]
mod tests {
    use aws_sdk_codedeploy::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};

    use super::*;

    #[tokio::test]
    async fn codedeploy_is_where_its_sdk_looks_for_it() {
        for region in ["eu-west-1", "us-gov-east-1", "cn-northwest-1", "us-isob-east-1", "eusc-de-east-1"] {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let params =
                    Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack).build().unwrap();
                let expected = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
                let region = Some(region.to_owned());
                let settings = AwsSettings { region, fips, dual_stack, ..AwsSettings::default() };
                assert_eq!(codedeploy_endpoint(&settings), expected.url());
            }
        }
    }

    #[test]
    fn services_that_depart_from_the_pattern_have_their_own_endpoints() {
        let services = [("iam", "iam"), ("s3", "s3"), ("api.ecr", "ecr"), ("ssm", "ssm"), ("logs", "logs")].map(
            |(host, signing)| ServiceEndpoint {
                id: "",
                host,
                signing_name: signing,
                protocol: WireProtocol::S3,
                is_global: signing == "iam",
            },
        );
        let mut endpoints = String::new();
        for region in ["eu-west-1", "us-gov-east-1", "cn-northwest-1", "eusc-de-east-1", "us-isob-east-1"] {
            for (fips, dual) in [(false, false), (true, false), (false, true), (true, true)] {
                let hosts = services
                    .each_ref()
                    .map(|service| Partition::for_region(region).service_host(service, region, fips, dual));
                endpoints += &format!("== {region} fips {fips} dual stack {dual}\n{}\n", hosts.join("\n"));
            }
        }
        insta::assert_snapshot!(endpoints);
    }
}
