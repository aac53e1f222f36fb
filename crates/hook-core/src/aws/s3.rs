//! Amazon S3, read: one object.

use super::{
    Aws, Fault,
    signed::{Service, Speech},
};

pub(super) const GET_OBJECT: &str = "s3:GetObject";

const S3: Service = Service { id: "S3", host: "s3", signing: "s3", speech: Speech::S3, global: false };

impl Aws {
    /// GetObject, of a bucket in the function's region; the newest version, unless one is named.
    pub async fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<String, Fault> {
        self.tagged_object(bucket, key, version).await.map(|(text, _)| text)
    }

    /// The same, with its ETag.
    pub async fn tagged_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<(String, Option<String>), Fault> {
        let (bytes, tag) = self.signed.object(&S3, GET_OBJECT, bucket, key, version).await.map_err(|fault| {
            let elsewhere = fault.is("PermanentRedirect") || fault.is("AuthorizationHeaderMalformed");
            let hint = match version {
                _ if elsewhere => "; the bucket has to be in the function's region",
                Some(_) if fault.is_refusal() => "; a version needs the action s3:GetObjectVersion",
                _ => "",
            };
            Fault { detail: format!("{}{hint}", fault.detail), ..fault }
        })?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::lacks(GET_OBJECT, "text: it is no UTF-8"))?;
        Ok((text, tag))
    }
}
