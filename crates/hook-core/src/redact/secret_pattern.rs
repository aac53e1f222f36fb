//! One thing that must not be shown, and all the texts in which it may come back.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose};

use super::{
    MIN_SECRET_CHARS,
    readings::{case_folded, readings_at, truncation_at},
};

/// A secret, and what is shown in its place.
pub struct SecretPattern {
    /// `[secret token]`.
    pub label: String,
    secret: String,
    trie: SecretTrie,
}

impl SecretPattern {
    /// All that may come back of `secret`: itself, and what is in it.
    pub fn new(label: String, secret: &str) -> Self {
        let mut texts = SecretTrie::default();
        for part in derived_secrets(secret) {
            texts.add(&part);
        }
        for line in secret.lines() {
            texts.add(line);
        }
        Self { label, secret: secret.to_owned(), trie: texts }
    }

    /// Whether it is this secret under this label.
    pub fn is_same(&self, label: &str, secret: &str) -> bool {
        self.label == label && self.secret == secret
    }

    /// Where it ends, if it begins at `at`, where the text can be read as one of `first`.
    pub fn match_end(&self, text: &str, at: usize, first: &[(char, usize)]) -> Option<usize> {
        self.trie.match_end(text, at, first)
    }
}

/// The secret, and what of it may come back alone.
fn derived_secrets(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    // `user:password` in base64, as a header has it.
    let decoded = general_purpose::STANDARD.decode(secret.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(plain) = decoded.filter(|plain| !plain.contains(char::is_control)) {
        parts.extend(plain.split_once(':').map(|(_, password)| password.to_owned()));
        parts.push(plain);
    }
    if let Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) = serde_json::from_str(secret) {
        json_strings(&json, &mut parts);
    }
    // The address of a webhook: a redirect repeats its path alone.
    if let Ok(url) = reqwest::Url::parse(secret.trim())
        && url.has_host()
    {
        parts.push(url.path().to_owned());
        parts.extend(url.query().map(|query| format!("{}?{query}", url.path())));
        parts.extend(url.password().map(str::to_owned));
    }
    parts
}

fn json_strings(json: &serde_json::Value, parts: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => parts.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| json_strings(item, parts)),
        serde_json::Value::Object(members) => members.values().for_each(|member| json_strings(member, parts)),
        _ => {}
    }
}

/// Many texts, looked for at once: a tree of their letters, without case, in which white space is one space.
#[derive(Default)]
struct SecretTrie {
    edges: HashMap<(usize, char), usize>,
    /// For each node whether a text ends there, and whether it was reached by a space. The first node is the beginning.
    nodes: Vec<TrieNode>,
}

#[derive(Clone, Copy, Default)]
struct TrieNode {
    is_end: bool,
    is_after_space: bool,
}

impl SecretTrie {
    fn add(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() < MIN_SECRET_CHARS {
            return;
        }
        if self.nodes.is_empty() {
            self.nodes.push(TrieNode::default());
        }
        let mut at = 0;
        for letter in text.chars().flat_map(case_folded) {
            at = *self.edges.entry((at, letter)).or_insert_with(|| {
                self.nodes.push(TrieNode { is_end: false, is_after_space: letter == ' ' });
                self.nodes.len() - 1
            });
        }
        self.nodes[at].is_end = true;
    }

    /// The node that a letter leads to.
    fn step(&self, node: usize, letter: char) -> Option<usize> {
        if letter.is_whitespace() {
            let stays = self.nodes.get(node).is_some_and(|node| node.is_after_space).then_some(node);
            return self.edges.get(&(node, ' ')).copied().or(stays);
        }
        case_folded(letter).try_fold(node, |node, letter| self.edges.get(&(node, letter)).copied())
    }

    /// The end of the longest of them that begins at `at`. What was cut off in its middle counts as well, if there is enough
    /// of it.
    fn match_end(&self, text: &str, at: usize, first: &[(char, usize)]) -> Option<usize> {
        let step = |node: usize, (letter, next): &(char, usize)| Some((self.step(node, *letter)?, *next));
        let mut paths: Vec<(usize, usize, usize)> =
            first.iter().filter_map(|letter| step(0, letter)).map(|(node, next)| (node, next, 1)).collect();
        // Nearly always that is all there is to do.
        if paths.is_empty() {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let mut end = None;
        // Several ways to read it may go on at once: a `%` is a letter as well.
        while let Some((node, place, read)) = paths.pop() {
            if !seen.insert((node, place)) {
                continue;
            }
            let is_end = self.nodes.get(node).is_some_and(|node| node.is_end);
            end = end.max(is_end.then_some(place));
            if read >= MIN_SECRET_CHARS {
                end = end.max(truncation_at(text, place));
            }
            let on = readings_at(text, place);
            paths.extend(on.iter().filter_map(|letter| step(node, letter)).map(|(node, next)| (node, next, read + 1)));
        }
        end.filter(|end| *end > at)
    }
}
