//! Makes text from a file or a server safe for a terminal: it escapes characters that would move the cursor, change
//! colours or change the direction of writing.

use std::borrow::Cow;

/// Whether the character has no effect on a terminal other than being shown.
pub fn is_printable(c: char) -> bool {
    // In addition to control characters: marks that hide text or reverse its direction (Unicode's Trojan Source).
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Escapes every other character as Rust does: `\u{1b}`, `\n`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| match c {
        c if is_printable(c) => c.to_string(),
        '\n' | '\r' | '\t' => c.escape_debug().to_string(),
        c => c.escape_unicode().to_string(),
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_escaped() {
        assert_eq!(printable("shop: é 商店 ✓"), "shop: é 商店 ✓");
        assert_eq!(printable("\u{1b}[2J\u{9b}1m\u{7}\r\n\t\u{202e}x"), "\\u{1b}[2J\\u{9b}1m\\u{7}\\r\\n\\t\\u{202e}x");
    }
}
