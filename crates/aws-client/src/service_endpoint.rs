//! The AWS services to which signed requests go without a client of the SDK.

/// A service, with the names that its requests use.
#[derive(Debug)]
pub(super) struct ServiceEndpoint {
    /// The suffix of its `AWS_ENDPOINT_URL_…`.
    pub id: &'static str,
    /// The prefix of its host name.
    pub host: &'static str,
    /// Its name in signatures.
    pub signing_name: &'static str,
    pub protocol: WireProtocol,
    /// Whether it has one endpoint for all Regions of a partition.
    pub is_global: bool,
}

impl ServiceEndpoint {
    /// A service with the same name in hosts and signatures, and an endpoint in each Region.
    pub const fn new(id: &'static str, name: &'static str, protocol: WireProtocol) -> Self {
        Self { id, host: name, signing_name: name, protocol, is_global: false }
    }

    /// The service with one endpoint for all Regions of a partition.
    pub const fn global(self) -> Self {
        Self { is_global: true, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireProtocol {
    /// awsJson 1.1, with the prefix of `X-Amz-Target`.
    Json(&'static str),
    /// awsQuery, with its version.
    Query(&'static str),
    /// restJson: the path names the operation.
    RestJson,
    S3,
}
