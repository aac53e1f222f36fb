//! The secrets of one event. Each is fetched once, and the finding log knows it before any check can use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use aws_client::{Aws, AwsError};
use gate::{Fact, ReasonCode, SecretRef, SecretStore, UnresolvedFact, suggest};
use tokio::{sync::OnceCell, task::JoinSet};

use crate::{
    finding_log::FindingLog,
    redact::{self, Redactor},
};

/// Where a secret is stored: the store and the name in it. Several secrets can be keys of the same stored value.
type SecretLocation = (SecretStore, String);

/// The secrets of a gate file. Each is fetched on first use.
pub struct Secrets {
    refs: BTreeMap<String, SecretRef>,
    stored: BTreeMap<SecretLocation, OnceCell<Result<String, AwsError>>>,
    /// By name. Cached, because adding a large secret to the finding log takes time.
    values: BTreeMap<String, OnceCell<Result<String, UnresolvedFact>>>,
    aws: Aws,
    finding_log: FindingLog,
}

/// Shows only names.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.refs.keys()).finish()
    }
}

impl Secrets {
    /// Does not fetch anything yet.
    pub fn new(refs: BTreeMap<String, SecretRef>, aws: Aws, finding_log: FindingLog) -> Self {
        let stored = refs.values().map(|place| ((place.store, place.name.clone()), OnceCell::new())).collect();
        let values = refs.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        Self { refs, stored, values, aws, finding_log }
    }

    /// Fetches the secrets in `facts` at the same time. An error shows up where the secret is used.
    pub async fn fetch(self: Arc<Self>, facts: BTreeSet<Fact>) {
        let mut fetching = JoinSet::new();
        for fact in facts.into_iter().filter(Fact::is_secret) {
            let secrets = self.clone();
            fetching.spawn(async move { secrets.value(&fact).await.is_ok() });
        }
        while fetching.join_next().await.is_some() {}
    }

    /// The value of a secret. From now on the finding log redacts it in everything that it reports.
    ///
    /// # Errors
    /// The secret cannot be fetched, or is too short to be redacted.
    pub async fn value(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
        let Fact::Secret(name) = fact else { return Err(UnresolvedFact::new(fact, "it is not a secret")) };
        match self.values.get(name) {
            Some(value) => value.get_or_init(|| self.load(fact, name)).await.clone(),
            None => self.load(fact, name).await,
        }
    }

    async fn load(&self, fact: &Fact, name: &str) -> Result<String, UnresolvedFact> {
        let unreadable =
            |why: String| UnresolvedFact { code: ReasonCode::SecretUnreadable, ..UnresolvedFact::new(fact, why) };
        let secret_ref =
            self.refs.get(name).ok_or_else(|| unreadable("the gate file does not say where it is".to_owned()))?;
        let cell = self.stored.get(&(secret_ref.store, secret_ref.name.clone()));
        let cell = cell.ok_or_else(|| unreadable("it was not fetched".to_owned()))?;
        let stored = cell.get_or_init(|| self.fetch_stored(secret_ref)).await.as_ref();
        let kept = stored.map_err(|fault| unreadable(format!("{secret_ref}: {}", fault.with_permission_hint())))?;
        let value = match &secret_ref.key {
            Some(key) => json_value(kept, key).map_err(|why| unreadable(format!("{secret_ref}: {why}")))?,
            None => kept.clone(),
        };
        // A trailing line break from an editor or `echo` is not part of the secret, and a header could not even contain
        // it.
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        let letters = value.split_whitespace().collect::<Vec<_>>().join(" ").chars().count();
        if letters < redact::MIN_SECRET_CHARS {
            let min_chars = redact::MIN_SECRET_CHARS;
            let why = format!(
                "{secret_ref}: it is shorter than {min_chars} characters, so it could not be kept out of the log"
            );
            return Err(unreadable(why));
        }
        self.finding_log.add_secret(name, &value);
        Ok(value)
    }

    /// The redactor for the response to a request.
    pub fn redactor(&self) -> Redactor {
        self.finding_log.redactor()
    }

    async fn fetch_stored(&self, secret_ref: &SecretRef) -> Result<String, AwsError> {
        match secret_ref.store {
            SecretStore::Ssm => self.aws.parameter(&secret_ref.name).await,
            SecretStore::SecretsManager => self.aws.secret_value(&secret_ref.name).await,
        }
    }
}

/// One key of a secret that is a JSON object. Errors contain only names of keys, nothing else of the secret.
fn json_value(secret: &str, key: &str) -> Result<String, String> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(secret) else {
        return Err(format!("it is not a JSON object, so it has no key {key:?}"));
    };
    match object.get(key) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => Ok(value.to_string()),
        Some(_) => Err(format!("its key {key:?} is not a string")),
        None => Err(match suggest(key, object.keys().map(String::as_str)) {
            Some(near) => format!("it has no key {key:?}; did you mean {near:?}?"),
            None => format!("it has no key {key:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_secret_is_read_and_the_rest_is_not_told() {
        let secret = r#"{"url":"https://sesame","port":5432,"all":{"token":"sesame"}}"#;
        assert_eq!(json_value(secret, "url").unwrap(), "https://sesame");
        assert_eq!(json_value(secret, "port").unwrap(), "5432");
        let faults =
            [json_value(secret, "all"), json_value(secret, "urls"), json_value(secret, "x"), json_value("sesame", "x")];
        insta::assert_snapshot!(faults.map(Result::unwrap_err).join("\n"));
    }
}
