//! The characters that a text can be read as: literally, or as URL, JSON or HTML escapes, also one inside another.

/// How deep escapes can be nested: JSON inside a JSON string, a URL in the query of a URL.
const MAX_NESTING: u8 = 2;

/// The longest part of an escape that a cut can leave, in bytes.
const MAX_PARTIAL_ESCAPE: usize = 12;

/// What the text at `at` can be read as: each character, and where the next one begins. The literal reading comes
/// first.
pub fn readings_at(text: &str, at: usize) -> Vec<(char, usize)> {
    read_nested(text, at, MAX_NESTING)
}

/// The reading that covers most of the text.
pub fn longest_reading(text: &str, at: usize) -> Option<(char, usize)> {
    // Of several with the same length, the first is the literal one.
    readings_at(text, at).into_iter().rev().max_by_key(|(_, next)| *next)
}

/// Where the text was cut off, if it was cut off at `at`: at a length limit, before a URL's query, or within an escape
/// of which only the beginning is left.
pub fn truncation_at(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if rest.starts_with('…') || rest.starts_with("?…") || rest.starts_with("#…") {
        return Some(at);
    }
    let partial = rest.starts_with(['%', '\\', '&']);
    let length = rest.find('…').filter(|length| partial && *length <= MAX_PARTIAL_ESCAPE)?;
    (!rest[..length].contains(char::is_whitespace)).then_some(at + length)
}

/// The character without its case, for comparison. Some fold to two characters (`ß` and `SS`).
pub fn case_folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_uppercase().flat_map(char::to_lowercase)
}

fn read_nested(text: &str, at: usize, depth: u8) -> Vec<(char, usize)> {
    let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) else { return Vec::new() };
    let next = at + first.len_utf8();
    match first {
        // A form encodes a space as `+`.
        '+' => vec![('+', next), (' ', next)],
        '%' | '\\' | '&' if depth > 0 => {
            let mut letters = read_nested(text, at, depth - 1);
            for (letter, next) in letters.clone() {
                let read = match letter {
                    '%' => percent_escape(text, next, depth - 1),
                    '\\' => backslash_escape(text, next, depth - 1),
                    '&' => html_entity(text, next, depth - 1).into_iter().collect(),
                    _ => Vec::new(),
                };
                letters.extend(read);
            }
            letters.dedup();
            letters
        }
        _ => vec![(first, next)],
    }
}

/// The position after `letter`, if it is one of the readings at `at`.
fn end_after(text: &str, at: usize, letter: char, depth: u8) -> Option<usize> {
    read_nested(text, at, depth).into_iter().find(|(own, _)| *own == letter).map(|(_, next)| next)
}

fn hex_digits(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Reads what follows a `%`: the bytes of a UTF-8 character, or one byte of Latin-1.
fn percent_escape(text: &str, at: usize, depth: u8) -> Vec<(char, usize)> {
    let byte = |at: usize| hex_digits(text, at, 2).and_then(|byte| u8::try_from(byte).ok());
    let Some(first) = byte(at) else { return Vec::new() };
    let mut next = at + 2;
    let mut letters = vec![(char::from(first), next)];
    let more = match first {
        0xc0..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf7 => 3,
        _ => 0,
    };
    let mut bytes = vec![first];
    for _ in 0..more {
        let percents = read_nested(text, next, depth).into_iter().filter(|(letter, _)| *letter == '%');
        let mut further = percents.filter_map(|(_, at)| Some((byte(at).filter(|byte| byte & 0xc0 == 0x80)?, at + 2)));
        let Some((byte, end)) = further.next() else { return letters };
        bytes.push(byte);
        next = end;
    }
    if let Some(letter) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()).filter(|_| more > 0) {
        letters.push((letter, next));
    }
    letters
}

/// Reads what follows a `\`.
fn backslash_escape(text: &str, at: usize, depth: u8) -> Vec<(char, usize)> {
    let read = |(letter, next): (char, usize)| match letter {
        'u' => utf16_escape(text, next, depth),
        'x' => Some((char::from_u32(hex_digits(text, next, 2)?)?, next + 2)),
        'n' | 'r' | 't' | 'f' | 'v' | 'b' => Some((' ', next)),
        letter if letter.is_ascii_punctuation() => Some((letter, next)),
        _ => None,
    };
    self::read_nested(text, at, depth).into_iter().filter_map(read).collect()
}

/// Reads what follows a `\u`: one or two UTF-16 units, or a number in braces.
fn utf16_escape(text: &str, at: usize, depth: u8) -> Option<(char, usize)> {
    if let Some(number) = text.get(at..)?.strip_prefix('{') {
        let length = number.find('}').filter(|length| (1..=6).contains(length))?;
        return Some((char::from_u32(hex_digits(text, at + 1, length)?)?, at + length + 2));
    }
    let first = hex_digits(text, at, 4)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((letter, at + 4));
    }
    let mut slashes = read_nested(text, at + 4, depth).into_iter().filter(|(letter, _)| *letter == '\\');
    let second = slashes.find_map(|(_, next)| end_after(text, next, 'u', depth))?;
    let units = [u16::try_from(first).ok()?, u16::try_from(hex_digits(text, second, 4)?).ok()?];
    let letter = char::decode_utf16(units).next()?.ok()?;
    Some((letter, second + 4))
}

/// Reads what follows an `&`: a number with any count of leading zeros, or a name.
fn html_entity(text: &str, at: usize, depth: u8) -> Option<(char, usize)> {
    let rest = text.get(at..)?;
    let (letter, next) = if let Some(number) = rest.strip_prefix('#') {
        let (digits, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |digits| (digits, 16));
        let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
        let value = u32::from_str_radix(&digits[..length], radix).ok()?;
        (char::from_u32(value)?, at + (rest.len() - digits.len()) + length)
    } else {
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let letter = named_entity(&rest[..length])?;
        (letter, at + length)
    };
    // The semicolon can be missing, or escaped itself.
    Some((letter, end_after(text, next, ';', depth).unwrap_or(next)))
}

/// HTML's names for ASCII characters that are not letters or digits, and for Latin-1.
fn named_entity(name: &str) -> Option<char> {
    const ASCII: [(&str, char); 37] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("Tab", '\t'),
        ("NewLine", '\n'),
        ("excl", '!'),
        ("num", '#'),
        ("dollar", '$'),
        ("percnt", '%'),
        ("lpar", '('),
        ("rpar", ')'),
        ("ast", '*'),
        ("midast", '*'),
        ("plus", '+'),
        ("comma", ','),
        ("period", '.'),
        ("sol", '/'),
        ("colon", ':'),
        ("semi", ';'),
        ("equals", '='),
        ("quest", '?'),
        ("commat", '@'),
        ("lsqb", '['),
        ("lbrack", '['),
        ("bsol", '\\'),
        ("rsqb", ']'),
        ("rbrack", ']'),
        ("Hat", '^'),
        ("lowbar", '_'),
        ("grave", '`'),
        ("lcub", '{'),
        ("lbrace", '{'),
        ("verbar", '|'),
        ("rcub", '}'),
        ("rbrace", '}'),
    ];
    /// In the order of the code points from U+00A0.
    const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 \
        sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
        AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times \
        Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute \
        ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc \
        uuml yacute thorn yuml";
    let ascii = ASCII.iter().find(|(own, _)| *own == name).map(|(_, letter)| *letter);
    ascii.or_else(|| {
        let at = LATIN.split_whitespace().position(|own| own == name)?;
        char::from_u32(0xa0 + u32::try_from(at).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest_text(text: &str) -> String {
        let (mut read, mut at) = (String::new(), 0);
        while let Some((letter, next)) = longest_reading(text, at) {
            read.push(letter);
            at = next;
        }
        read
    }

    #[test]
    fn every_writing_is_read() {
        for (written, plain) in [
            ("a%2Fb%c3%BC%F0%9F%98%80%25%fcx", "a/bü😀%üx"),
            (r#"a\/b\u00fc\ud83d\ude00\"\\ \x41\u{1F600}\n."#, "a/bü😀\"\\ A😀 ."),
            ("&lt;&#60;&#0000060;&#x3c;&#x00003C;&#60 &uuml;&szlig;&yuml;&nbsp;&amp;", "<<<<<< üßÿ\u{a0}&"),
            // One encoding inside another.
            (r"\\ \u00fc\\u00fc%252F%26quot%3B&amp;#34;\u0025\u0032F", "\\ üü/\"\"%2F"),
            ("100% of it & all \\ that % & &nosuch; %zz \\q", "100% of it & all \\ that % & &nosuch; %zz \\q"),
        ] {
            assert_eq!(longest_text(written), plain, "{written}");
        }
    }

    #[test]
    fn the_tables_of_names_are_whole() {
        assert_eq!(
            (named_entity("nbsp"), named_entity("yuml"), named_entity("amp"), named_entity("rbrace")),
            (Some('\u{a0}'), Some('ÿ'), Some('&'), Some('}'))
        );
        assert_eq!(
            (named_entity("times"), named_entity("divide"), named_entity(""), named_entity("x")),
            (Some('×'), Some('÷'), None, None)
        );
    }

    #[test]
    fn a_cut_is_seen_also_within_an_escape() {
        assert_eq!(truncation_at("ab…", 2), Some(2));
        assert_eq!(truncation_at("ab?…", 2), Some(2));
        assert_eq!(truncation_at("ab%2…", 2), Some(4));
        assert_eq!(truncation_at("ab\\u00…", 2), Some(6));
        assert_eq!(truncation_at("ab&#00…", 2), Some(6));
        assert_eq!(truncation_at("ab% of it…", 2), None);
        assert_eq!(truncation_at("abc…", 2), None);
    }

    #[test]
    fn no_case_is_told_apart() {
        let fold = |text: &str| text.chars().flat_map(case_folded).collect::<String>();
        for (one, other) in [("Straße", "STRASSE"), ("ÄÖÜ", "äöü"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("İ", "i\u{307}")]
        {
            assert_eq!(fold(one), fold(other));
        }
    }
}
