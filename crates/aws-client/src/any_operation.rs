//! Any read operation, for the command line, which inspects an account from outside. The functions do not use it.

use serde_json::Value;

use super::{
    Aws, AwsError,
    endpoint::CODEDEPLOY,
    existence::IAM,
    signing_client::{ServiceEndpoint, WireProtocol},
};

const CLOUDFORMATION: ServiceEndpoint = ServiceEndpoint {
    id: "CLOUDFORMATION",
    host: "cloudformation",
    signing_name: "cloudformation",
    protocol: WireProtocol::Query("2010-05-15"),
    is_global: false,
};
const EC2: ServiceEndpoint = ServiceEndpoint {
    id: "EC2",
    host: "ec2",
    signing_name: "ec2",
    protocol: WireProtocol::Query("2016-11-15"),
    is_global: false,
};
const ELB: ServiceEndpoint = ServiceEndpoint {
    id: "ELASTIC_LOAD_BALANCING_V2",
    host: "elasticloadbalancing",
    signing_name: "elasticloadbalancing",
    protocol: WireProtocol::Query("2015-12-01"),
    is_global: false,
};
const LAMBDA: ServiceEndpoint = ServiceEndpoint {
    id: "LAMBDA",
    host: "lambda",
    signing_name: "lambda",
    protocol: WireProtocol::RestJson,
    is_global: false,
};

impl Aws {
    /// Calls a CloudFormation operation and returns the XML.
    pub async fn call_cloudformation(
        &self,
        operation: &'static str,
        input: &[(&str, &str)],
    ) -> Result<String, AwsError> {
        self.signing_client.query(&CLOUDFORMATION, operation, input).await
    }

    /// Calls a CodeDeploy operation.
    pub async fn call_codedeploy(&self, operation: &'static str, input: &Value) -> Result<Value, AwsError> {
        self.signing_client.json(&CODEDEPLOY, None, operation, input).await
    }

    /// Calls an EC2 operation and returns the XML.
    pub async fn call_ec2(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, AwsError> {
        self.signing_client.query(&EC2, operation, input).await
    }

    /// Calls an Elastic Load Balancing operation and returns the XML.
    pub async fn call_elb(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, AwsError> {
        self.signing_client.query(&ELB, operation, input).await
    }

    /// Calls an IAM operation and returns the XML.
    pub async fn call_iam(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, AwsError> {
        self.signing_client.query(&IAM, operation, input).await
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
