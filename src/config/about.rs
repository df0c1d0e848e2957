//! What each option is about, in the words of the example file, which is the one place where they are written.

use std::collections::BTreeMap;

const EXAMPLE: &str = include_str!("../../config.example.toml");
/// From here on a comment shows, and does not tell.
const SHOWS: &str = "For example";

/// The words on every option by its path, and on every table by its name; one line each.
pub(super) fn texts() -> BTreeMap<String, String> {
    let (mut texts, mut table, mut said) = (BTreeMap::new(), String::new(), String::new());
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut table);
            texts.insert(table.clone(), told(&said));
            said.clear();
        } else if let Some(comment) = line.strip_prefix("# ") {
            said.push_str(comment.trim());
            said.push(' ');
        } else if let Some((name, _)) = line.strip_prefix('#').and_then(|rest| rest.split_once(" = ")) {
            texts.insert(format!("{table}.{name}"), told(&said));
            said.clear();
        } else if line.is_empty() {
            said.clear();
        }
    }
    texts
}

fn told(said: &str) -> String {
    said.split(SHOWS).next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fields::{FIELDS, MACROS, WATCHLISTS};
    use super::*;

    #[test]
    fn every_option_has_words_of_its_own() {
        let texts = texts();
        for path in FIELDS.iter().map(|field| field.path()) {
            let text = texts.get(&path).map(String::as_str).unwrap_or_default();
            assert!(text.len() >= 6 && !text.contains('\n'), "{path}: {text:?}");
        }
        assert!(texts["paper.seed"].starts_with("Seed of the simulated market"));
        assert!(texts["paper.fees.exercise"].starts_with("Per exercised"));
        for table in [MACROS, WATCHLISTS] {
            assert!(!texts[table].is_empty() && !texts[table].contains(SHOWS), "{table}: {}", texts[table]);
        }
    }
}
