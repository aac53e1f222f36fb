//! A call of an operation, in one of AWS's protocols.

use serde_json::Value;

use crate::fake_aws::protocol::ApiError;

/// The protocol of a request and of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AwsProtocol {
    /// awsJson, with its content type.
    Json(&'static str),
    Query,
    /// EC2's form of awsQuery: flat lists in a request, `item` for list elements in a response, and no result element.
    Ec2,
    /// Lambda's: the path names the operation, and the response is JSON.
    RestJson,
    Cbor,
    /// S3's: the path names the object, and the response body is the object.
    Rest,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub service: String,
    pub operation: String,
    pub input: Value,
    pub protocol: AwsProtocol,
}

impl Call {
    /// The operation as IAM writes it: `codedeploy:GetDeployment`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

impl AwsProtocol {
    /// The error for an operation that is not simulated, with the code that AWS returns for one that does not exist.
    /// `name` is `service:Operation`.
    pub fn unknown_operation(self, name: &str) -> ApiError {
        let message = not_simulated(name);
        match self {
            Self::Query | Self::Ec2 => ApiError::new("InvalidAction", message),
            Self::RestJson => ApiError { status: 404, ..ApiError::new("ResourceNotFoundException", message) },
            Self::Rest => ApiError { status: 405, ..ApiError::new("MethodNotAllowed", message) },
            Self::Json(_) => ApiError::new("UnknownOperationException", message),
            Self::Cbor => ApiError { status: 404, ..ApiError::new("UnknownOperationException", message) },
        }
    }
}

impl AwsProtocol {
    /// The error for a function that Lambda has ended. In AWS it would call nothing any more.
    pub fn ended_function(self) -> ApiError {
        let message =
            "Lambda has ended this function (greenlight rehearse cannot end its process), so its calls do not count";
        ApiError { status: 403, ..ApiError::new("ExpiredTokenException", message) }
    }
}

/// The message of an error for an operation that is not simulated.
pub(crate) fn not_simulated(name: &str) -> String {
    format!("greenlight rehearse does not simulate {name}")
}

/// Services with awsQuery, by the API version in their requests, with the XML namespace of their responses.
pub(crate) const VERSIONS: [(&str, &str, &str); 6] = [
    ("2015-12-01", "elasticloadbalancing", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
    ("2010-08-01", "cloudwatch", "http://monitoring.amazonaws.com/doc/2010-08-01/"),
    ("2016-11-15", EC2, "http://ec2.amazonaws.com/doc/2016-11-15/"),
    ("2010-05-08", "iam", "https://iam.amazonaws.com/doc/2010-05-08/"),
    ("2010-05-15", "cloudformation", "http://cloudformation.amazonaws.com/doc/2010-05-15/"),
    ("2011-06-15", "sts", "https://sts.amazonaws.com/doc/2011-06-15/"),
];

pub(crate) const EC2: &str = "ec2";
