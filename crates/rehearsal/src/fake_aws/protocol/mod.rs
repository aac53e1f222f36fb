//! AWS's protocols: awsJson 1.0 and 1.1, awsQuery with XML, EC2's form of it, rpc-v2-cbor, Lambda's restJson, and S3's
//! REST; what AWS refuses whatever the operation; and the record of the calls.

mod api_error;
mod call;
pub(crate) mod call_log;
pub(crate) mod inject;
mod json;
pub(crate) mod limits;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod response;

pub(crate) use self::{
    api_error::{ApiError, OperationResult},
    call::{AwsProtocol, Call, not_simulated},
    json::{epoch, long_ago, number, page, page_start, text, texts, without_nulls},
};
