//! The rest of the account: the resources that a task definition names, and those that functions read settings from.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use crate::world::{
    AllowStatement, Function, InitialState, Network, role_arn,
    state::{functions, ids::arn},
};

/// Resources of other AWS services, as far as the functions read them.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Names of CloudWatch log groups.
    pub log_groups: BTreeSet<String>,
    /// Names of IAM roles.
    pub roles: BTreeSet<String>,
    /// Parameters of Systems Manager, by name.
    pub parameters: BTreeMap<String, String>,
    /// Secrets of Secrets Manager, by ARN.
    pub secrets: BTreeMap<String, Secret>,
    /// Images in the private registry, `repository:tag`, with their digests.
    pub images: BTreeMap<String, String>,
    /// Objects in S3, by `bucket/key`. A version that is not the newest has the key `bucket/key?versionId=ID`.
    pub objects: BTreeMap<String, String>,
    /// Lambda functions, by name.
    pub functions: BTreeMap<String, Function>,
    /// What roles allow, by role name. A role that is not here has permissions that no request asks for.
    pub permissions: BTreeMap<String, Vec<AllowStatement>>,
    /// Actions that IAM refuses to simulate together with others: they "require different authorization information".
    pub simulated_separately: BTreeSet<String>,
    /// Outputs of CloudFormation stacks, by stack name.
    pub stacks: BTreeMap<String, BTreeMap<String, String>>,
    /// The network of the load balancer and of functions in a VPC.
    pub network: Network,
}

/// A secret in Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    pub value: String,
    /// When it was marked for deletion.
    pub deleted: Option<SystemTime>,
}

/// The role with which ECS itself starts tasks.
const EXECUTION_ROLE: &str = "ecsTaskExecutionRole";

impl Account {
    /// The resources that a service of that name needs.
    pub(crate) fn for_service(service: &str, ports: [u16; 2]) -> Self {
        Self {
            log_groups: BTreeSet::from([log_group(service)]),
            roles: BTreeSet::from([EXECUTION_ROLE.to_owned(), task_role(service)]),
            parameters: BTreeMap::from([(parameter(service), "sesame".to_owned())]),
            secrets: BTreeMap::from([(secret(service), Secret { value: "sesame".to_owned(), deleted: None })]),
            images: BTreeMap::new(),
            objects: BTreeMap::new(),
            functions: functions::functions(),
            permissions: functions::permissions(),
            simulated_separately: BTreeSet::new(),
            stacks: functions::stacks(),
            network: Network::default_vpc(ports),
        }
    }

    /// Adds the parameters, objects and secrets of a scenario.
    pub(crate) fn with_initial(mut self, given: &InitialState) -> Self {
        self.parameters.extend(given.parameters.clone());
        self.objects.extend(given.objects.clone());
        for (name, value) in &given.secrets {
            self.put_secret(name, value);
        }
        self
    }

    /// Creates a secret in Secrets Manager, or replaces the value of an existing one.
    pub fn put_secret(&mut self, name: &str, value: &str) {
        self.secrets.insert(secret_arn(name), Secret { value: value.to_owned(), deleted: None });
    }

    /// Creates the secret or the parameter that a task definition names, unless it exists.
    pub(crate) fn add_referenced(&mut self, from: &str) {
        let value = || "sesame".to_owned();
        match from.split_once(":secret:") {
            // One key of a secret, a version stage and a version id can follow its name.
            Some((account, name)) => {
                let name = name.split(':').next().unwrap_or_default();
                let secret = || Secret { value: value(), deleted: None };
                self.secrets.entry(format!("{account}:secret:{name}")).or_insert_with(secret);
            }
            None => {
                let name = from.split_once(":parameter").map_or(from, |(_, name)| name);
                self.parameters.entry(name.to_owned()).or_insert_with(value);
            }
        }
    }

    pub(crate) fn owns(&self, word: &str) -> bool {
        let own = |name: &str| name == word && name != EXECUTION_ROLE;
        self.log_groups.iter().any(|name| own(name))
            || self.roles.iter().any(|name| own(name))
            || self.parameters.keys().any(|name| own(name))
            || self.secrets.keys().any(|name| own(name))
            || self.images.keys().any(|name| repository_of(name) == word)
    }
}

/// The log group of a service's containers.
pub(crate) fn log_group(service: &str) -> String {
    format!("/ecs/{service}")
}

/// The ARNs of the roles of a service's tasks.
pub(crate) fn roles(service: &str) -> Vec<String> {
    [task_role(service), EXECUTION_ROLE.to_owned()].map(|name| role_arn(&name)).to_vec()
}

fn task_role(service: &str) -> String {
    format!("shop-{service}-task")
}

/// What a service's containers read from other AWS services: the variable, and where its value comes from.
pub(crate) fn secrets(service: &str) -> Vec<(String, String)> {
    vec![
        ("DB_PASSWORD".to_owned(), parameter(service)),
        // One key of a secret that is a JSON object.
        ("API_KEY".to_owned(), format!("{}:key::", secret(service))),
    ]
}

fn parameter(service: &str) -> String {
    format!("/shop/{service}/db-password")
}

fn secret(service: &str) -> String {
    secret_arn(&format!("shop/{service}/api-key"))
}

/// The ARN of a secret: AWS appends a hyphen and six characters to its name.
fn secret_arn(name: &str) -> String {
    arn("secretsmanager", &format!("secret:{name}-AbCdEf"))
}

/// The name of an image without its tag and digest.
pub(crate) fn repository_of(image: &str) -> &str {
    image.split_once([':', '@']).map_or(image, |(repository, _)| repository)
}

/// The digest of an image: the one that its name pins, or else a made-up one that is always the same for the same name.
pub(crate) fn digest_of(image: &str) -> String {
    if let Some((_, digest)) = image.split_once('@') {
        return digest.to_owned();
    }
    // FNV-1a four times, each time with another start value.
    let hash = |seed: u64| {
        image.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    format!("sha256:{:016x}{:016x}{:016x}{:016x}", hash(0), hash(1), hash(2), hash(3))
}
