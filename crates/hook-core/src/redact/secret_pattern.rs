//! One secret, and all the texts in which it can come back.

use base64::{Engine as _, engine::general_purpose};

use super::{
    MIN_SECRET_CHARS,
    readings::{case_folded, readings_at, truncation_at},
};

/// A secret, and the label that replaces it.
pub struct SecretPattern {
    /// `[secret token]`.
    pub label: String,
    secret: String,
    trie: SecretTrie,
}

impl SecretPattern {
    /// Builds the pattern for all that can come back of `secret`: the secret itself and its parts.
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

    /// Whether this is the same secret under the same label.
    pub fn is_same(&self, label: &str, secret: &str) -> bool {
        self.label == label && self.secret == secret
    }

    /// The end of the secret if it begins at `at`. `first` has the possible readings of the first character.
    pub fn match_end(&self, text: &str, at: usize, first: &[(char, usize)]) -> Option<usize> {
        self.trie.match_end(text, at, first)
    }
}

/// The secret, and the parts of it that can come back alone.
fn derived_secrets(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    // `user:password` in base64, as in a header.
    let decoded = general_purpose::STANDARD.decode(secret.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(plain) = decoded.filter(|plain| !plain.contains(char::is_control)) {
        parts.extend(plain.split_once(':').map(|(_, password)| password.to_owned()));
        parts.push(plain);
    }
    if let Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) = serde_json::from_str(secret) {
        json_strings(&json, &mut parts);
    }
    // A webhook's URL: a redirect repeats its path alone.
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

/// A trie that searches for many texts at once. It ignores case, and reads all white space as one space.
///
/// A function builds it for its own credentials at each start, so the nodes are in one list, without hashing: each
/// knows its first child and its next sibling.
#[derive(Default)]
struct SecretTrie {
    /// The first node is the root.
    nodes: Vec<TrieNode>,
}

#[derive(Clone, Copy)]
struct TrieNode {
    /// The letter that leads here.
    letter: char,
    /// Whether a text ends here.
    is_end: bool,
    first_child: Option<usize>,
    next_sibling: Option<usize>,
}

impl TrieNode {
    const fn new(letter: char, next_sibling: Option<usize>) -> Self {
        Self { letter, is_end: false, first_child: None, next_sibling }
    }
}

impl SecretTrie {
    fn add(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() < MIN_SECRET_CHARS {
            return;
        }
        if self.nodes.is_empty() {
            self.nodes.push(TrieNode::new('\0', None));
        }
        let mut at = 0;
        for letter in text.chars().flat_map(case_folded) {
            at = self.child(at, letter).unwrap_or_else(|| {
                let new = self.nodes.len();
                let siblings = self.nodes[at].first_child.replace(new);
                self.nodes.push(TrieNode::new(letter, siblings));
                new
            });
        }
        self.nodes[at].is_end = true;
    }

    /// The child of a node with this letter.
    fn child(&self, node: usize, letter: char) -> Option<usize> {
        let mut next = self.nodes.get(node)?.first_child;
        while let Some(at) = next {
            let child = self.nodes.get(at)?;
            if child.letter == letter {
                return Some(at);
            }
            next = child.next_sibling;
        }
        None
    }

    /// The node that a letter leads to.
    fn step(&self, node: usize, letter: char) -> Option<usize> {
        if letter.is_whitespace() {
            let stays = self.nodes.get(node).is_some_and(|node| node.letter == ' ').then_some(node);
            return self.child(node, ' ').or(stays);
        }
        case_folded(letter).try_fold(node, |node, letter| self.child(node, letter))
    }

    /// The end of the longest text that begins at `at`. A text that is cut off in the middle counts too, if enough of
    /// it is there.
    fn match_end(&self, text: &str, at: usize, first: &[(char, usize)]) -> Option<usize> {
        let step = |node: usize, (letter, next): &(char, usize)| Some((self.step(node, *letter)?, *next));
        let mut paths: Vec<(usize, usize, usize)> =
            first.iter().filter_map(|letter| step(0, letter)).map(|(node, next)| (node, next, 1)).collect();
        // This is nearly always the case.
        if paths.is_empty() {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let mut end = None;
        // Several readings can continue at the same time, because a `%` is also a character of its own.
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
