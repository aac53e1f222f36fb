//! Reads one object from Amazon S3.

use gate::permissions::actions::GET_OBJECT;

use super::{
    Aws, AwsError,
    service_endpoint::{ServiceEndpoint, WireProtocol},
};

const S3: ServiceEndpoint = ServiceEndpoint::new("S3", "s3", WireProtocol::S3);

impl Aws {
    /// GetObject from a bucket in the function's Region, with the newest version unless one is named.
    pub async fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<String, AwsError> {
        self.object_with_etag(bucket, key, version, None).await.map(|(text, _)| text)
    }

    /// Like [`Self::object`], with the ETag. S3 denies access if another account than `owner` owns the bucket.
    pub async fn object_with_etag(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        owner: Option<&str>,
    ) -> Result<(String, Option<String>), AwsError> {
        let (bytes, tag) =
            self.signing_client.object(&S3, GET_OBJECT, (bucket, key, version), owner).await.map_err(|fault| {
                let is_other_region =
                    fault.has_code("PermanentRedirect") || fault.has_code("AuthorizationHeaderMalformed");
                let hint = match version {
                    _ if is_other_region => "; the bucket must be in the function's Region",
                    Some(_) if fault.is_access_denied() => "; a version needs the action s3:GetObjectVersion",
                    _ => "",
                };
                AwsError { detail: format!("{}{hint}", fault.detail), ..fault }
            })?;
        let text = String::from_utf8(bytes).map_err(|_| AwsError::missing_field(GET_OBJECT, "text in UTF-8"))?;
        Ok((text, tag))
    }
}
