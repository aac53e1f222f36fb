//! Where a secret is stored: `ssm:/shop/token`, `secretsmanager:shop/webhook#url`. The file never contains the secret
//! itself.

use std::fmt;

use super::{Message, suggest};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    pub store: SecretStore,
    /// Its name or ARN in that service.
    pub name: String,
    /// The key, if the secret is a JSON object.
    pub key: Option<String>,
}

/// An AWS service that stores secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretStore {
    /// A SecureString parameter of Systems Manager.
    Ssm,
    SecretsManager,
}

const STORES: [(&str, SecretStore); 2] = [("ssm", SecretStore::Ssm), ("secretsmanager", SecretStore::SecretsManager)];

impl SecretRef {
    /// Parses `ssm:NAME` or `secretsmanager:NAME[#key]`.
    ///
    /// # Errors
    /// A message for the gate file's author. It does not quote the text, which may be the secret itself.
    pub fn parse(text: &str) -> Result<Self, Message> {
        const EXPECTED: &str = "a reference to a secret is ssm:NAME or secretsmanager:NAME#key";
        let (store, name) = text.trim().split_once(':').ok_or(EXPECTED)?;
        let Some((_, store)) = STORES.iter().find(|(known, _)| *known == store) else {
            return Err(match suggest(store, STORES.map(|(word, _)| word)) {
                Some(near) => Message::did_you_mean(EXPECTED, &format!("{near}:")),
                None => EXPECTED.into(),
            });
        };
        let (name, key) = match (store, name.split_once('#')) {
            (SecretStore::SecretsManager, Some((name, key))) => (name, Some(key)),
            (SecretStore::Ssm, Some(_)) => {
                return Err("a parameter of SSM has no `#key`; name a parameter whose whole value is the secret".into());
            }
            (_, None) => (name, None),
        };
        let blank = |text: &str| text.is_empty() || text.contains(char::is_whitespace);
        if blank(name) || key.is_some_and(blank) {
            return Err(format!("{EXPECTED}, without spaces").into());
        }
        Ok(Self { store: *store, name: name.to_owned(), key: key.map(str::to_owned) })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = STORES.iter().find(|(_, store)| *store == self.store).map_or("", |(word, _)| *word);
        write!(f, "{store}:{}", self.name)?;
        match &self.key {
            Some(key) => write!(f, "#{key}"),
            None => Ok(()),
        }
    }
}
