//! Golden text: one small file for each case, `tests/tests/snapshots/PROGRAM/GROUP/TITLE.snap`.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The folder with the golden text of all test programs that run case by case.
fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

/// The folder with the golden text of one group of cases.
pub struct GoldenFolder(PathBuf);

impl GoldenFolder {
    /// The folder of a group in a test program.
    #[must_use]
    pub fn new(program: &str, group: &str) -> Self {
        Self(snapshots().join(program).join(group))
    }

    fn file(&self, title: &str) -> PathBuf {
        self.0.join(format!("{}.snap", slug(title)))
    }

    /// Compares a text with the golden text that has this title.
    ///
    /// # Panics
    /// If they differ. insta prints the difference.
    pub fn compare(&self, title: &str, text: &str) {
        // The difference has several lines, and other tests print theirs at the same time.
        static PRINTING: Mutex<()> = Mutex::new(());
        let _printing = PRINTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&self.0);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(slug(title), text));
    }
}

/// The golden files that the cases of a test program have.
#[derive(Default)]
pub(crate) struct GoldenFiles {
    files: BTreeSet<PathBuf>,
    titles: BTreeSet<(&'static str, String)>,
}

impl GoldenFiles {
    /// Adds a case.
    ///
    /// # Panics
    /// If two titles in a group would have the same file name.
    pub(crate) fn add(&mut self, group: &'static str, title: &str, folder: Option<&GoldenFolder>) {
        let is_new = self.titles.insert((group, slug(title)));
        assert!(is_new, "the group {group} has two cases with the same file name: {title}");
        self.files.extend(folder.map(|folder| folder.file(title)));
    }

    /// Whether a test program has golden text, or had it once.
    pub(crate) fn has_folder(&self, program: &str) -> bool {
        !self.files.is_empty() || snapshots().join(program).exists()
    }

    /// The golden files of a program that belong to no case.
    pub(crate) fn without_case(&self, program: &str) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let folder = snapshots().join(program);
        // It is missing until the golden text is recorded for the first time.
        if !folder.exists() {
            return Ok(found);
        }
        for group in std::fs::read_dir(folder)? {
            for file in std::fs::read_dir(group?.path())? {
                found.push(file?.path());
            }
        }
        found.retain(|path| path.extension().is_some_and(|end| end == "snap") && !self.files.contains(path));
        found.sort();
        Ok(found)
    }
}

/// A title as a file name: lower-case words with hyphens between them.
fn slug(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_file_name() {
        assert_eq!(slug("`within` is 2s, and HTTP 503: the hook's end"), "within-is-2s-and-http-503-the-hook-s-end");
    }

    #[test]
    #[should_panic(expected = "two cases with the same file name: By tag!")]
    fn two_titles_with_the_same_file_name_are_refused() {
        let mut files = GoldenFiles::default();
        files.add("alarms", "by tag", None);
        files.add("tasks", "by tag", None);
        files.add("alarms", "By tag!", None);
    }

    /// A program checks the folder of its own name only.
    #[test]
    fn every_folder_with_golden_text_belongs_to_a_test_program() {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let is_program = |name: &Path| {
            programs.join(name).with_extension("rs").exists() || programs.join(name).join("main.rs").exists()
        };
        for entry in std::fs::read_dir(snapshots()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            assert!(path.is_file() || is_program(Path::new(name)), "no test program is called {}", name.display());
        }
    }
}
