//! Words that must not come back, as docs/TERMS.md has a plain word for each. `words/left.txt` counts the remaining
//! ones for each file and word, and the counts can only become smaller.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;

/// Each word as a pattern, and what to write instead.
const WORDS: [(&str, &str); 9] = [
    ("told", "reported, or a name that says what it holds"),
    ("teller?", "print, log or report"),
    ("whoever", "the one that"),
    ("mend(s|ed|ing)?", "fix"),
    ("roll-back", "rollback"),
    ("time-out", "timeout"),
    ("may not", "cannot, or is not allowed to"),
    ("asked", "requested or read"),
    ("beside", "next to, or also"),
];

/// Folders with files that are generated or not written by this project.
const NOT_OURS: [&str; 6] = ["target", ".git", ".tools", "node_modules", "snapshots", "corpus"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                texts(&path, found);
            }
        } else if matches!(
            path.extension().and_then(|it| it.to_str()),
            Some("rs" | "md" | "yaml" | "yml" | "sh" | "toml")
        ) {
            found.push(path);
        }
    }
}

/// The number of occurrences for each file and word.
fn counts(root: &Path) -> BTreeMap<(String, String), usize> {
    let mut files = Vec::new();
    texts(root, &mut files);
    let words: Vec<_> =
        WORDS.iter().map(|(word, _)| (*word, Regex::new(&format!(r"(?i)\b{word}\b")).unwrap())).collect();
    let is_no = Regex::new(r"\b(?:([Tt]here|that|which) )?is no (?:longer|one|more)?").unwrap();
    let mut counts = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        if name == "docs/TERMS.md" || name == "tests/tests/words.rs" || name == "CHANGELOG.md" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (word, pattern) in &words {
            let count = pattern.find_iter(&text).count();
            if count > 0 {
                counts.insert((name.clone(), (*word).to_owned()), count);
            }
        }
        let no = is_no.captures_iter(&text).filter(|it| it.get(1).is_none() && it[0].ends_with("no ")).count();
        if no > 0 {
            counts.insert((name, "is no".to_owned()), no);
        }
    }
    counts
}

#[test]
fn replaced_words_do_not_come_back() {
    let list = root().join("tests/words/left.txt");
    let now = counts(&root());
    let written: String = now.iter().map(|((file, word), count)| format!("{count} {word} {file}\n")).collect();
    #[expect(clippy::disallowed_methods, reason = "a switch of this test only")]
    let records = std::env::var_os("GREENLIGHT_WORDS").is_some();
    if records {
        fs::write(&list, written).unwrap();
        return;
    }
    let left: BTreeMap<(String, String), usize> = fs::read_to_string(&list)
        .unwrap()
        .lines()
        .map(|line| {
            let (count, rest) = line.split_once(' ').unwrap();
            let (word, file) = rest.rsplit_once(' ').unwrap();
            ((file.to_owned(), word.to_owned()), count.parse().unwrap())
        })
        .collect();
    let instead = |word: &str| WORDS.iter().find(|(it, _)| *it == word).map_or("is not a …", |(_, instead)| instead);
    for ((file, word), count) in &now {
        let allowed = left.get(&(file.clone(), word.clone())).copied().unwrap_or(0);
        assert!(*count <= allowed, "{file}: {count} times `{word}`, {allowed} allowed; write {}", instead(word));
    }
    assert_eq!(
        now, left,
        "tests/words/left.txt has counts that are too high; run this test with GREENLIGHT_WORDS=1 to update it"
    );
}

#[test]
fn whole_words_are_found_and_parts_of_words_are_not() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.md"), "It was told. Untold, recommend; this is no number, there is no file.")
        .unwrap();
    let found: Vec<_> = counts(folder.path()).into_iter().map(|((_, word), count)| (word, count)).collect();
    assert_eq!(found, [("is no".to_owned(), 1), ("told".to_owned(), 1)]);
}
