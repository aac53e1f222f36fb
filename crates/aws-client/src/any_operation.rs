//! Any read operation, for the command line, which inspects an account from outside. The functions do not use it.

use serde_json::Value;

use super::{
    Aws, AwsError,
    endpoint::CODEDEPLOY,
    existence::IAM,
    service_endpoint::{ServiceEndpoint, WireProtocol},
};

const CLOUDFORMATION: ServiceEndpoint =
    ServiceEndpoint::new("CLOUDFORMATION", "cloudformation", WireProtocol::Query("2010-05-15"));
const EC2: ServiceEndpoint = ServiceEndpoint::new("EC2", "ec2", WireProtocol::Query("2016-11-15"));
const ELB: ServiceEndpoint =
    ServiceEndpoint::new("ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing", WireProtocol::Query("2015-12-01"));
const LAMBDA: ServiceEndpoint = ServiceEndpoint::new("LAMBDA", "lambda", WireProtocol::RestJson);

impl Aws {
    /// Calls a CodeDeploy operation.
    pub async fn call_codedeploy(&self, operation: &'static str, input: &Value) -> Result<Value, AwsError> {
        self.signing_client.json(&CODEDEPLOY, None, operation, input).await
    }

    /// Calls an operation of CloudFormation, EC2, Elastic Load Balancing or IAM, such as `ec2:DescribeSubnets`, and
    /// returns the XML.
    pub async fn query(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, AwsError> {
        let service = match operation.split(':').next() {
            Some("cloudformation") => &CLOUDFORMATION,
            Some("ec2") => &EC2,
            Some("elasticloadbalancing") => &ELB,
            _ => &IAM,
        };
        self.signing_client.query(service, operation, input).await
    }

    /// Calls a Lambda operation on a function, by its name or ARN: `head/FUNCTION/tail`.
    pub async fn call_lambda(
        &self,
        operation: &'static str,
        (head, function, tail): (&str, &str, &str),
        qualifier: Option<&str>,
    ) -> Result<Value, AwsError> {
        let query: Vec<_> = qualifier.map(|qualifier| ("Qualifier", qualifier)).into_iter().collect();
        self.signing_client.rest(&LAMBDA, operation, &[head, function, tail], &query).await
    }
}
