//! Quotes values in commands that a person may paste, so that a value cannot change what the command does.

use std::borrow::Cow;

/// `value` as one word of a POSIX shell. A control character becomes a `?`, because a terminal would act on it when it
/// is printed. No AWS name or id contains one.
pub fn quote(value: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@%+".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let printable = value.replace(char::is_control, "?");
    Cow::Owned(format!("'{}'", printable.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_as_they_are_and_others_are_quoted() {
        for plain in
            ["d-A1B2C3D4E", "eu-west-1", "arn:aws:sns:eu-west-1:111122223333:alarms", "/g/shop.yaml", "a@b+c%d,e"]
        {
            assert_eq!(quote(plain), plain);
        }
        assert_eq!(quote(""), "''");
        assert_eq!(quote("d-1;touch${IFS}x"), "'d-1;touch${IFS}x'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("a\u{1b}[31m\nb"), "'a?[31m?b'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Checks the quoting with a real shell.
        #[test]
        fn a_shell_reads_one_word_and_does_nothing_else(value in "[ -~äß…]{0,24}") {
            let command = format!("printf %s {}", quote(&value));
            let output = std::process::Command::new("sh").arg("-c").arg(command).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
            prop_assert!(output.stderr.is_empty());
        }
    }
}
