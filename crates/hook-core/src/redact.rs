//! Secrets taken out of what is told, also where a server sends them back in another writing.
//!
//! A text is searched for each secret letter by letter, and each letter may stand there as itself, in either case, or as a
//! URL, JSON or HTML writes it. What was shortened ends with `…`: before that the beginning of a secret counts as well.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose};

/// The fewest characters that a secret can have. Fewer stand in every other word, and to take them out would tell more
/// than it hides.
pub const LEAST: usize = 4;

/// So many lines of a secret are looked for alone. A bundle of certificates is long, and an answer may not wait for it.
const LINES: usize = 200;

/// What is to be taken out.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Form>);

/// One writing of a secret.
#[derive(Clone, PartialEq, Eq)]
struct Form {
    /// What the gate file calls the secret.
    name: String,
    letters: Vec<char>,
    /// Whether it is the middle of something in base64, all of which goes.
    within: bool,
}

/// Never shows any of them.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|form| &form.name)).finish()
    }
}

impl Redactor {
    /// Takes out this secret from now on.
    pub fn hide(&mut self, name: &str, secret: &str) {
        for text in parts(secret) {
            self.add(name, &text, false);
            for middle in in_base64(text.as_bytes()) {
                self.add(name, &middle, true);
            }
        }
        for line in secret.lines().take(LINES) {
            self.add(name, line, false);
        }
    }

    fn add(&mut self, name: &str, text: &str, within: bool) {
        // A log line has no line ends, and white space in it is one space.
        let letters: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
        let form = Form { name: name.to_owned(), letters, within };
        if form.letters.len() >= LEAST && !self.0.contains(&form) {
            self.0.push(form);
        }
    }

    /// The text with `[secret NAME]` in their places.
    pub fn clean(&self, text: &str) -> String {
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        for form in &self.0 {
            for (at, _) in text.char_indices() {
                if let Some(end) = form.end(text, at) {
                    found.push((if form.within { around(text, at, end) } else { at..end }, &form.name));
                }
            }
        }
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let (mut clean, mut done) = (String::new(), 0);
        for (range, name) in found {
            if range.start >= done {
                clean += &text[done..range.start];
                clean += &format!("[secret {name}]");
            }
            // What overlaps is one piece: the end of a second secret may not be left over.
            done = done.max(range.end);
        }
        clean + &text[done..]
    }
}

/// The secret, and what of it may come back alone.
fn parts(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    // `user:password` in base64, as a header has it.
    let decoded = general_purpose::STANDARD.decode(secret.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(plain) = decoded.filter(|plain| !plain.contains(char::is_control)) {
        parts.extend(plain.split_once(':').map(|(_, password)| password.to_owned()));
        parts.push(plain);
    }
    if let Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) = serde_json::from_str(secret) {
        leaves(&json, &mut parts);
    }
    // The address of a webhook: a redirect repeats its path alone.
    if let Ok(url) = reqwest::Url::parse(secret.trim())
        && url.has_host()
    {
        parts.push(url.path().to_owned());
        parts.extend(url.query().map(|query| format!("{}?{query}", url.path())));
    }
    parts
}

fn leaves(json: &serde_json::Value, parts: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => parts.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, parts)),
        serde_json::Value::Object(members) => members.values().for_each(|member| leaves(member, parts)),
        _ => {}
    }
}

/// What is sure to stand in the base64 of anything that has these bytes in it, at each of the three places where they can
/// begin, in both alphabets.
fn in_base64(bytes: &[u8]) -> Vec<String> {
    let mut middles = Vec::new();
    for before in 0..3 {
        let padded = [&[0; 2][..before], bytes].concat();
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for text in [general_purpose::STANDARD_NO_PAD.encode(&padded), general_purpose::URL_SAFE_NO_PAD.encode(&padded)]
        {
            middles.extend(text.get(from..to).map(str::to_owned));
        }
    }
    middles
}

/// The whole piece of base64 around a part of it.
fn around(text: &str, from: usize, to: usize) -> Range<usize> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '=');
    let before: usize = text[..from].chars().rev().take_while(|c| belongs(*c)).map(char::len_utf8).sum();
    let after: usize = text[to..].chars().take_while(|c| belongs(*c)).map(char::len_utf8).sum();
    from - before..to + after
}

impl Form {
    /// Where it ends, if it begins at `at`.
    fn end(&self, text: &str, at: usize) -> Option<usize> {
        // Nearly always that is all there is to do.
        if lengths(&text[at..], *self.letters.first()?).is_empty() {
            return None;
        }
        // Several ways to read it may go on at once: a `%` is a letter as well.
        let mut places = vec![at];
        let mut cut_off = None;
        for (read, letter) in self.letters.iter().enumerate() {
            if read >= LEAST {
                cut_off = places.iter().copied().find(|place| is_cut(&text[*place..])).or(cut_off);
            }
            let mut next: Vec<usize> = places
                .iter()
                .flat_map(|place| lengths(&text[*place..], *letter).into_iter().map(move |it| place + it))
                .collect();
            next.sort_unstable();
            next.dedup();
            places = next;
            if places.is_empty() {
                return cut_off;
            }
        }
        places.last().copied()
    }
}

/// Whether something was cut off here: at a limit, or before the query of a URL.
fn is_cut(rest: &str) -> bool {
    rest.starts_with('…') || rest.starts_with("?…")
}

/// How much of `rest` is this letter, in each writing that it begins with. White space is all white space that comes.
fn lengths(rest: &str, letter: char) -> Vec<usize> {
    if letter == ' ' { spaces(rest) } else { writings(rest, letter) }
}

fn writings(rest: &str, letter: char) -> Vec<usize> {
    let mut lengths = Vec::new();
    if rest.chars().next().is_some_and(|first| first.eq_ignore_ascii_case(&letter)) {
        lengths.push(letter.len_utf8());
    }
    let begins = |writing: &str| {
        let own = rest.get(..writing.len());
        own.filter(|own| own.eq_ignore_ascii_case(writing)).map(str::len)
    };
    // Nearly all letters are no beginning of another writing.
    match rest.as_bytes().first() {
        Some(b'%') => {
            let mut bytes = [0; 4];
            let bytes = letter.encode_utf8(&mut bytes).bytes();
            lengths.extend(begins(&bytes.map(|byte| format!("%{byte:02x}")).collect::<String>()));
        }
        Some(b'\\') => {
            let mut units = [0; 2];
            let units = letter.encode_utf16(&mut units).iter();
            lengths.extend(begins(&units.map(|unit| format!("\\u{unit:04x}")).collect::<String>()));
            if matches!(letter, '"' | '\'' | '\\' | '/') {
                lengths.extend(begins(&format!("\\{letter}")));
            }
        }
        Some(b'&') => {
            let named = match letter {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&apos;",
                _ => "",
            };
            let number = u32::from(letter);
            for writing in [named, &format!("&#{number};"), &format!("&#x{number:x};")] {
                lengths.extend(begins(writing).filter(|length| *length > 0));
            }
        }
        _ => {}
    }
    lengths
}

/// White space, all of it and each beginning of it.
fn spaces(rest: &str) -> Vec<usize> {
    /// All that Unicode knows.
    const WHITE: &str = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    let (mut lengths, mut at) = (Vec::new(), 0);
    loop {
        let here = &rest[at..];
        // A form's plus, and the letters of JSON.
        let short = ["+", "\\n", "\\r", "\\t", "\\f", "\\b"].iter().find(|short| here.starts_with(**short));
        let length = match (here.chars().next(), short) {
            (Some(space), _) if space.is_whitespace() => Some(space.len_utf8()),
            (_, Some(short)) => Some(short.len()),
            (Some('%' | '\\' | '&'), _) => WHITE.chars().flat_map(|space| writings(here, space)).max(),
            _ => None,
        };
        let Some(length) = length else { return lengths };
        at += length;
        lengths.push(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(secret: &str, text: &str) -> String {
        let mut redactor = Redactor::default();
        redactor.hide("t", secret);
        redactor.clean(text)
    }

    #[test]
    fn a_secret_is_taken_out_in_every_writing() {
        const SECRET: &str = "open \"sesame\"/1 & ü%";
        let writings = [
            SECRET,
            "OPEN \"Sesame\"/1 & ü%",
            "open%20%22sesame%22%2F1%20%26%20%C3%BC%25",
            "open+%22sesame%22%2f1+%26+%c3%bc%25",
            "open \\\"sesame\\\"\\/1 & \\u00fc%",
            "open &quot;sesame&#34;/1 &amp; &#xfc;%",
            "open \"sesame\"\n  /1 & ü%",
        ];
        for writing in &writings[..6] {
            assert_eq!(clean(SECRET, &format!("<{writing}>")), "<[secret t]>", "{writing}");
        }
        // White space where the secret has none makes it another text.
        assert_eq!(clean(SECRET, writings[6]), writings[6]);
        assert_eq!(clean("open\n\tsesame\n", "was 'open sesame'"), "was '[secret t]'");
    }

    #[test]
    fn what_was_cut_off_in_the_middle_of_a_secret_shows_none_of_it() {
        let long = "sesame-".repeat(12);
        let shown = crate::gate::Value::Text(format!("token {long}")).to_string();
        assert!(shown.contains("sesame") && shown.ends_with("…'"));
        assert_eq!(clean(&long, &shown), "'token [secret t]…'");
        assert_eq!(clean("sesame?open", "it redirects to /x/sesame?…"), "it redirects to /x/[secret t]…");
        assert_eq!(clean("sesame#open", "it redirects to /x/sesame?…"), "it redirects to /x/[secret t]?…");
        assert_eq!(clean("sesame", "the letters ses…"), "the letters ses…", "too few to be it");
    }

    #[test]
    fn a_piece_of_base64_with_the_secret_in_it_goes_as_a_whole() {
        for before in ["", "u", "me", "you", "shop:"] {
            let plain = format!("{before}open-sesame!");
            let header = format!("Basic {}", general_purpose::STANDARD.encode(&plain));
            assert_eq!(clean("open-sesame!", &header), "Basic [secret t]", "{plain}");
            let url = format!("/x?token={}", general_purpose::URL_SAFE.encode(&plain));
            assert!(
                !clean("open-sesame!", &url).contains(&general_purpose::URL_SAFE.encode("sesame")[1..7]),
                "{plain}"
            );
        }
        let basic = general_purpose::STANDARD.encode("me:sesame");
        assert_eq!(clean(&basic, "hello me:sesame, or sesame"), "hello [secret t], or [secret t]");
    }

    #[test]
    fn what_is_in_a_secret_may_come_back_alone() {
        let json = r#"{"user":"operator","password":"sesame","port":5432}"#;
        assert_eq!(clean(json, "operator has sesame at 5432"), "[secret t] has [secret t] at 5432");
        let url = "https://hooks.example.com/services/T0/sesame?x=1";
        assert_eq!(clean(url, "it redirects to /services/T0/sesame?…"), "it redirects to [secret t]…");
        assert_eq!(clean("-----BEGIN\nsesame\n-----END", "was 'sesame'"), "was '[secret t]'");
    }

    #[test]
    fn several_that_overlap_leave_nothing_over() {
        let mut redactor = Redactor::default();
        redactor.hide("a", "open-sesame");
        redactor.hide("b", "sesame-door");
        assert_eq!(redactor.clean("(open-sesame-door)"), "([secret a])");
        assert_eq!(redactor.clean("a sesame-door"), "a [secret b]");
        assert!(!format!("{redactor:?}").contains("sesame"));
    }

    proptest! {
        #[test]
        fn no_secret_is_left_whatever_is_around_it(secret in "\\PC{4,20}", before in "\\PC{0,12}", after in "\\PC{0,12}") {
            prop_assume!(secret.split_whitespace().collect::<Vec<_>>().join(" ").chars().count() >= LEAST);
            prop_assume!(!"[secret t]".to_lowercase().contains(&secret.trim().to_lowercase()));
            let url: String = url_encoded(&secret);
            let json = serde_json::to_string(&secret).unwrap();
            for written in [&secret[..], &url, &json[1..json.len() - 1]] {
                let told = clean(&secret, &format!("{before}{written}{after}"));
                prop_assert!(!told.contains(secret.trim()), "{told}");
                prop_assert!(told.contains("[secret t]"), "{told}");
            }
        }
    }

    fn url_encoded(text: &str) -> String {
        let mut url = reqwest::Url::parse("http://x/").unwrap();
        url.query_pairs_mut().append_pair("t", text);
        url.query().unwrap()[2..].to_owned()
    }
}
