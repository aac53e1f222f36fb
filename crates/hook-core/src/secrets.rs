//! The secrets of one event: fetched once, all at once, and known to the board before anybody can use them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use tokio::{sync::OnceCell, task::JoinSet};

use crate::{
    aws::{Aws, Fault},
    board::Board,
    code::Code,
    gate::{Fact, SecretRef, Store, Unknown, suggest},
    redact::{self, Redactor},
};

/// A thing that a store keeps: the store and its name there. Several secrets may be keys of one.
type Kept = (Store, String);

/// The secrets of a gate file, each of which is fetched when it is first asked for.
pub struct Secrets {
    refs: BTreeMap<String, SecretRef>,
    kept: BTreeMap<Kept, OnceCell<Result<String, Fault>>>,
    /// By name. Kept, since to make a large one known to the board takes time.
    values: BTreeMap<String, OnceCell<Result<String, Unknown>>>,
    aws: Aws,
    board: Board,
}

/// Names and nothing else.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.refs.keys()).finish()
    }
}

impl Secrets {
    /// None of them is fetched yet.
    pub fn new(refs: BTreeMap<String, SecretRef>, aws: Aws, board: Board) -> Self {
        let kept = refs.values().map(|place| ((place.store, place.name.clone()), OnceCell::new())).collect();
        let values = refs.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        Self { refs, kept, values, aws, board }
    }

    /// Fetches those that `facts` name, all at once. What cannot be fetched shows where it is used.
    pub async fn fetch(self: Arc<Self>, facts: BTreeSet<Fact>) {
        let mut fetching = JoinSet::new();
        for fact in facts.into_iter().filter(Fact::is_secret) {
            let secrets = self.clone();
            fetching.spawn(async move { secrets.value(&fact).await.is_ok() });
        }
        while fetching.join_next().await.is_some() {}
    }

    /// The value of a secret. From here on the board takes it out of everything that is told.
    ///
    /// # Errors
    /// It cannot be fetched, or is none that could be kept out of a log.
    pub async fn value(&self, fact: &Fact) -> Result<String, Unknown> {
        let Fact::Secret(name) = fact else { return Err(Unknown::of(fact, "it is no secret")) };
        match self.values.get(name) {
            Some(value) => value.get_or_init(|| self.read(fact, name)).await.clone(),
            None => self.read(fact, name).await,
        }
    }

    async fn read(&self, fact: &Fact, name: &str) -> Result<String, Unknown> {
        let unreadable = |why: String| Unknown { code: Code::SecretUnreadable, ..Unknown::of(fact, why) };
        let place =
            self.refs.get(name).ok_or_else(|| unreadable("the gate file does not say where it is".to_owned()))?;
        let cell = self.kept.get(&(place.store, place.name.clone()));
        let cell = cell.ok_or_else(|| unreadable("it was not fetched".to_owned()))?;
        let kept = cell.get_or_init(|| self.fetched(place)).await.as_ref();
        let kept = kept.map_err(|fault| unreadable(format!("{place}: {}", fault.with_needs())))?;
        let value = match &place.key {
            Some(key) => of_json(kept, key).map_err(|why| unreadable(format!("{place}: {why}")))?,
            None => kept.clone(),
        };
        // A line end that an editor or `echo` left there is no part of it; in a header it could not even be sent.
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        let letters = value.split_whitespace().collect::<Vec<_>>().join(" ").chars().count();
        if letters < redact::LEAST {
            let least = redact::LEAST;
            let why = format!("{place}: it is shorter than {least} characters, and could not be kept out of the log");
            return Err(unreadable(why));
        }
        self.board.hide(name, &value);
        Ok(value)
    }

    /// What a reply to a request may not show by now.
    pub fn redactor(&self) -> Redactor {
        self.board.redactor()
    }

    async fn fetched(&self, place: &SecretRef) -> Result<String, Fault> {
        match place.store {
            Store::Ssm => self.aws.parameter(&place.name).await,
            Store::SecretsManager => self.aws.secret_value(&place.name).await,
        }
    }
}

/// One key of a secret that is a JSON object. No word of it is told but the names of keys.
fn of_json(secret: &str, key: &str) -> Result<String, String> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(secret) else {
        return Err(format!("it is no JSON object, and so has no key {key:?}"));
    };
    match object.get(key) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => Ok(value.to_string()),
        Some(_) => Err(format!("its key {key:?} is no text")),
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
        assert_eq!(of_json(secret, "url").unwrap(), "https://sesame");
        assert_eq!(of_json(secret, "port").unwrap(), "5432");
        let faults = [of_json(secret, "all"), of_json(secret, "urls"), of_json(secret, "x"), of_json("sesame", "x")];
        insta::assert_snapshot!(faults.map(Result::unwrap_err).join("\n"));
    }
}
