//! Any operation that reads, for who surveys an account from outside: the command line. The functions call none
//! of this.

use serde_json::Value;

use super::{
    Aws, Fault,
    account::IAM,
    signed::{Service, Speech},
};

const CLOUDFORMATION: Service = Service {
    id: "CLOUDFORMATION",
    host: "cloudformation",
    signing: "cloudformation",
    speech: Speech::Query("2010-05-15"),
    global: false,
};
const CODEDEPLOY: Service = Service {
    id: "CODEDEPLOY",
    host: "codedeploy",
    signing: "codedeploy",
    speech: Speech::Json("CodeDeploy_20141006"),
    global: false,
};
const EC2: Service =
    Service { id: "EC2", host: "ec2", signing: "ec2", speech: Speech::Query("2016-11-15"), global: false };
const ELB: Service = Service {
    id: "ELASTIC_LOAD_BALANCING_V2",
    host: "elasticloadbalancing",
    signing: "elasticloadbalancing",
    speech: Speech::Query("2015-12-01"),
    global: false,
};
const LAMBDA: Service =
    Service { id: "LAMBDA", host: "lambda", signing: "lambda", speech: Speech::RestJson, global: false };

impl Aws {
    /// An operation of CloudFormation; gives the XML.
    pub async fn of_cloudformation(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.signed.query(&CLOUDFORMATION, operation, input).await
    }

    /// An operation of CodeDeploy.
    pub async fn of_codedeploy(&self, operation: &'static str, input: &Value) -> Result<Value, Fault> {
        self.signed.json(&CODEDEPLOY, None, operation, input).await
    }

    /// An operation of EC2; gives the XML.
    pub async fn of_ec2(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.signed.query(&EC2, operation, input).await
    }

    /// An operation of Elastic Load Balancing; gives the XML.
    pub async fn of_elb(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.signed.query(&ELB, operation, input).await
    }

    /// An operation of IAM; gives the XML.
    pub async fn of_iam(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.signed.query(&IAM, operation, input).await
    }

    /// An operation of Lambda about a function, by its name or ARN: `head/FUNCTION/tail`.
    pub async fn of_lambda(
        &self,
        operation: &'static str,
        (head, function, tail): (&str, &str, &str),
        qualifier: Option<&str>,
    ) -> Result<Value, Fault> {
        let query: Vec<_> = qualifier.map(|qualifier| ("Qualifier", qualifier)).into_iter().collect();
        self.signed.rest(&LAMBDA, operation, &[head, function, tail], &query).await
    }
}
