//! The AWS partitions.

/// The partition of the Regions without one of these prefixes.
const DEFAULT: &str = "aws";

/// The other partitions, by the prefix of their Regions.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
];

/// The AWS partition of a Region: `aws`, `aws-cn`.
pub fn partition_of(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or(DEFAULT, |(_, name)| name)
}
