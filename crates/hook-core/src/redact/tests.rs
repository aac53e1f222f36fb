//! A secret in every encoding, whatever is around it and wherever it is cut.

use base64::engine::general_purpose;
use proptest::prelude::*;

use super::*;

fn redactor(secret: &str) -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add_secret("t", secret);
    redactor
}

fn redact(secret: &str, text: &str) -> String {
    redactor(secret).redact(text).to_string()
}

#[test]
fn a_secret_is_taken_out_in_every_writing() {
    const SECRET: &str = "open \"sesame\"/1 & ü%";
    for writing in [
        SECRET,
        "OPEN \"Sesame\"/1 & ü%",
        "open \"sesame\"/1 & Ü%",
        "open%20%22sesame%22%2F1%20%26%20%C3%BC%25",
        "open+%22sesame%22%2f1+%26+%c3%bc%25",
        "open+%22sesame%22%2f1+%26+%fc%25",
        "open%2520%2522sesame%2522%252F1%2520%2526%2520%25C3%25BC%2525",
        "open \\\"sesame\\\"\\/1 & \\u00fc%",
        "open \\\\\\\"sesame\\\\\\\"/1 \\\\u0026 \\\\u00fc%",
        "open &quot;sesame&#34;/1 &amp; &#xfc;%",
        "open &quot;sesame&#0000034;&sol;1 &#x000026; &uuml;&#00037;",
        "open &amp;quot;sesame&amp;#34;/1 &amp;amp; &amp;uuml;%",
        "open\n \"sesame\"/1\t&&nbsp;ü%",
    ] {
        assert_eq!(redact(SECRET, &format!("<{writing}>")), "<[secret t]>", "{writing}");
    }
    // White space that the secret does not have makes it a different text.
    assert_eq!(redact(SECRET, "open \"sesame\"\n  /1 & ü%"), "open \"sesame\"\n  /1 & ü%");
    assert_eq!(redact("open\n\tsesame\n", "was 'open sesame'"), "was '[secret t]'");
}

#[test]
fn letters_outside_ascii_have_a_case_too() {
    assert_eq!(redact("Größe-Ωμέγα", "is GRÖSSE-ΩΜΈΓΑ"), "is [secret t]");
    assert_eq!(redact("ÇELİK-1", "is çeli\u{307}k-1"), "is [secret t]");
    assert_eq!(redact("пароль", "is ПАРОЛЬ"), "is [secret t]");
    assert_eq!(redact("пароль", "is %D0%9F%D0%90%D0%A0%D0%9E%D0%9B%D0%AC"), "is [secret t]");
}

#[test]
fn what_somebody_else_cut_off_in_the_middle_of_a_secret_shows_none_of_it() {
    assert_eq!(redact("sesame-sesame", "'token sesame-ses…'"), "'token [secret t]…'");
    assert_eq!(redact("sesame?open", "it redirects to /x/sesame?…"), "it redirects to /x/[secret t]…");
    assert_eq!(redact("sesame#open", "it redirects to /x/sesame?…"), "it redirects to /x/[secret t]?…");
    assert_eq!(redact("sesame", "the letters ses…"), "the letters ses…", "too few to be it");
    // Cut within an escape.
    assert_eq!(redact("sesame/open", "was 'sesame%2…'"), "was '[secret t]…'");
    assert_eq!(redact("sesame/open", "was 'sesame\\u00…'"), "was '[secret t]…'");
    assert_eq!(redact("sesame/open", "was 'sesame&#x…'"), "was '[secret t]…'");
    let coded = general_purpose::STANDARD.encode("me:open-sesame");
    assert_eq!(redact("open-sesame", &format!("Basic {}…", &coded[..12])), "Basic [secret t]…");
}

#[test]
fn a_piece_of_base64_with_the_secret_in_it_goes_as_a_whole() {
    for before in ["", "u", "me", "you", "shop:"] {
        let plain = format!("{before}open-sesame!");
        let header = format!("Basic {}", general_purpose::STANDARD.encode(&plain));
        assert!(redact("open-sesame!", &header).starts_with("Basic [secret t]"), "{plain}");
        let url = format!("/x?token={}", general_purpose::URL_SAFE.encode(&plain));
        assert!(redact("open-sesame!", &url).starts_with("/x?token=[secret t]"), "{plain}");
        let escaped = header.replace('=', "%3D").replace('/', "\\/").replace('+', "%2B");
        assert!(redact("open-sesame!", &escaped).starts_with("Basic [secret t]"), "{plain}");
    }
    // A path consists of base64 characters too.
    let path = format!("/login/{}", general_purpose::URL_SAFE_NO_PAD.encode("open-sesame!"));
    assert_eq!(redact("open-sesame!", &path), "[secret t]");
    assert_eq!(redact("open-sesame!", "/login/of/somebody/else"), "/login/of/somebody/else");
    let basic = general_purpose::STANDARD.encode("me:sesame");
    assert_eq!(redact(&basic, "hello me:sesame, or sesame"), "hello [secret t], or [secret t]");
}

#[test]
fn what_is_in_a_secret_may_come_back_alone() {
    let json = r#"{"user":"operator","password":"sesame","port":5432}"#;
    assert_eq!(redact(json, "operator has sesame at 5432"), "[secret t] has [secret t] at 5432");
    let url = "https://hooks.example.com/services/T0/sesame?x=1";
    assert_eq!(redact(url, "it redirects to /services/T0/sesame?…"), "it redirects to [secret t]…");
    assert_eq!(redact("-----BEGIN\nsesame\n-----END", "was 'sesame'"), "was '[secret t]'");
    assert_eq!(redact("postgres://me:sesame@db/shop", "password sesame"), "password [secret t]");
}

#[test]
fn several_that_overlap_leave_nothing_over() {
    let mut redactor = Redactor::default();
    redactor.add_secret("a", "open-sesame");
    redactor.add_secret("b", "sesame-door");
    assert_eq!(&*redactor.redact("(open-sesame-door)"), "([secret a])");
    assert_eq!(&*redactor.redact("a sesame-door"), "a [secret b]");
    assert!(!format!("{redactor:?}").contains("sesame"));
}

#[test]
fn what_is_too_short_is_not_hidden_and_the_same_is_hidden_once() {
    let mut redactor = Redactor::default();
    for _ in 0..3 {
        redactor.add_secret("a", "abc");
        redactor.add_secret("b", "sesame");
    }
    assert_eq!(format!("{redactor:?}"), r#"{"[secret b]"}"#);
}

#[test]
fn a_signature_of_a_request_is_taken_out_whatever_is_hidden() {
    let digits = "0123456789abcdef".repeat(4);
    for (before, after) in [
        ("Signature=", " is wrong"),
        ("X-Amz-Signature%3D", "&x=1"),
        ("\"signature\\\": \\\"", "\\\"}"),
        ("Signature=", "…"),
    ] {
        let shown = Redactor::default().redact(&format!("{before}{digits}{after}"));
        assert_eq!(&*shown, format!("{before}[signature]{after}"));
    }
    let image = format!("image sha256:{digits}");
    assert_eq!(&*Redactor::default().redact(&image), image, "a digest is not a signature");
}

#[test]
fn a_terminal_gets_nothing_to_act_on() {
    assert_eq!(&*Redactor::default().redact("a\u{1b}[31mb\u{9b}c\r\n\td"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}\n\td");
}

#[test]
fn a_user_in_a_url_is_not_shown_however_it_is_written() {
    for (url, shown) in [
        ("https://me:sesame@shop.example.com/a@b?token=sesame", "https://shop.example.com/a@b"),
        ("//me:se@same@shop.example.com#sesame", "//shop.example.com"),
        ("http:/me:sesame@shop.example.com/x", "http:/shop.example.com/x"),
        ("http:\\\\me:sesame@shop.example.com\\x@y", "http:\\\\shop.example.com\\x@y"),
        ("http:me:sesame@shop.example.com", "http:shop.example.com"),
        ("http:////me:sesame@shop.example.com", "http:////shop.example.com"),
        ("/\\me:sesame@shop.example.com", "/\\shop.example.com"),
        ("/login/@me//x", "/login/@me//x"),
        ("/a:b@c", "/a:b@c"),
    ] {
        assert_eq!(&*Redactor::default().redact(url).without_userinfo_and_query(), shown, "{url}");
    }
}

/// A secret of 65 KB in a hundred texts: redaction must not use up the time for the status.
#[test]
fn a_large_secret_is_looked_for_as_quickly_as_a_small_one() {
    let members: Vec<_> = (0..2000).map(|number| format!(r#""key{number}":"value-{number}-of-it""#)).collect();
    let secret = format!("{{{}}}", members.join(","));
    let redactor = redactor(&secret);
    let mut once = redactor.clone();
    for _ in 0..1000 {
        once.add_secret("t", &secret);
        assert_eq!(redactor, once);
    }
    assert_eq!(&*redactor.redact("it was value-1999-of-it"), "it was [secret t]");
    assert_eq!(&*redactor.redact(&secret).shorten(40), "[secret t]…");
}

/// All encodings of a secret that a server can send back.
fn encodings(secret: &str) -> Vec<String> {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().append_pair("t", secret);
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json = serde_json::to_string(secret).unwrap();
    let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let html: String = secret.chars().map(|letter| format!("&#{};", u32::from(letter))).collect();
    let padded: String = secret.chars().map(|letter| format!("&#x{:08X};", u32::from(letter))).collect();
    vec![
        secret.to_owned(),
        secret.to_uppercase(),
        url.query().unwrap()[2..].to_owned(),
        percent,
        json[1..json.len() - 1].to_owned(),
        escaped,
        html,
        padded,
        general_purpose::STANDARD.encode(secret),
        general_purpose::URL_SAFE_NO_PAD.encode(format!("me:{secret}")),
    ]
}

/// Whether eight characters of the secret are in the text, in any encoding.
fn leaks(secret: &str, written: &str, shown: &str) -> bool {
    let piece_of = |whole: &str, length: usize| {
        let whole: Vec<char> = whole.chars().collect();
        whole.windows(length).any(|piece| shown.contains(&piece.iter().collect::<String>()))
    };
    // `me:` is not secret.
    let written = written.strip_prefix("bWU6").unwrap_or(written);
    // Eight characters are eleven in base64, and in the longest escapes twelve for each character.
    // An encoding is only as wide for each character if all of them are ASCII: in `€!ä`, sixteen characters are two.
    let width = if secret.is_ascii() { written.chars().count() / secret.chars().count().max(1) } else { 12 };
    let length = 8 * width.max(1);
    piece_of(secret, 8) || written != secret && piece_of(written, length.max(11))
}

proptest! {
    #[test]
    fn no_secret_is_left_whatever_is_around_it(
        secret in "\\PC{4,20}", before in "\\PC{0,12}", after in "\\PC{0,12}"
    ) {
        prop_assume!(secret.split_whitespace().collect::<Vec<_>>().join(" ").chars().count() >= MIN_SECRET_CHARS);
        prop_assume!(!"[secret t]".to_lowercase().contains(&secret.trim().to_lowercase()));
        for written in encodings(&secret).iter().take(8) {
            let shown = redact(&secret, &format!("{before}{written}{after}"));
            prop_assert!(!shown.contains(secret.trim()), "{written}: {shown}");
            prop_assert!(shown.contains("[secret t]"), "{written}: {shown}");
        }
    }

    #[test]
    fn no_piece_is_left_wherever_the_text_is_shortened(
        secret in "[ -~äöüß€😀]{12,46}", before in 0..70_usize, limit in 10..140_usize
    ) {
        prop_assume!(secret.split_whitespace().collect::<Vec<_>>().join(" ").chars().count() >= MIN_SECRET_CHARS);
        for written in encodings(&secret) {
            let text = format!("{} {written}", ".".repeat(before));
            let shown = redactor(&secret).redact(&text).shorten(limit);
            prop_assert!(shown.chars().count() <= limit);
            prop_assert!(!leaks(&secret, &written, &shown), "{written}: {shown}");
        }
    }

    /// Somebody else has shortened the text before it comes here.
    #[test]
    fn no_piece_is_left_wherever_the_text_was_shortened_before(
        secret in "[!-~äöü€]{12,46}", before in 0..20_usize, length in 1..200_usize
    ) {
        for written in encodings(&secret) {
            let text: String = format!("{} {written}", ".".repeat(before)).chars().take(before + 1 + length).collect();
            let shown = redactor(&secret).redact(&format!("{text}…"));
            prop_assert!(!leaks(&secret, &written, &shown), "{written}: {shown}");
        }
    }

    #[test]
    fn any_text_can_be_shown(secret in "\\PC{4,9}", text in any::<String>(), twice in "[%\\\\&#;xu0-9a-f…]{0,40}") {
        let redactor = redactor(&secret);
        prop_assert!(redactor.redact(&text).len() <= text.len() * 12 + 12);
        prop_assert!(redactor.redact(&twice).shorten(7).chars().count() <= 7);
    }
}
