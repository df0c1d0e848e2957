//! From names as people say them to listings: "apple", "berkshire b", "s&p 500 etf".

use std::collections::BTreeMap;

use super::Entry;

/// Characters of a name looked at.
const NAME_LENGTH_MAX: usize = 200;

/// Words of company names that nobody says.
const SILENT: &[&str] = &[
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "companies",
    "plc",
    "ltd",
    "limited",
    "group",
    "holdings",
    "holding",
    "the",
    "sa",
    "ag",
    "nv",
    "se",
    "com",
    "lp",
    "llc",
    "spa",
    "oyj",
    "ab",
    "kk",
    "etf",
    "fund",
    "trust",
];

/// Words that say that a fund is meant, not a company or an index.
const FUND_WORDS: [&str; 3] = ["etf", "etfs", "fund"];

/// Share classes that the ticker does not tell by a suffix such as `.B`.
const CLASSES: &[(&str, &str)] = &[
    ("GOOGL", "a"),
    ("GOOG", "c"),
    ("FOXA", "a"),
    ("FOX", "b"),
    ("NWSA", "a"),
    ("NWS", "b"),
    ("UAA", "a"),
    ("UA", "c"),
];

/// Shortest text that may stand for the beginning of a longer name: "gap" must be a whole name.
const PREFIX_LENGTH_MIN: usize = 4;

/// The names of all entries, made comparable.
#[derive(Debug)]
pub(super) struct NameIndex {
    /// Entries by plain name.
    by_name: BTreeMap<String, Vec<usize>>,
    /// By entry: its names as `words` writes them, without a leading "the", one a line.
    folded: Vec<String>,
}

impl NameIndex {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut folded = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let names: Vec<Vec<String>> = entry.names.split(';').map(words).collect();
            folded.push(names.iter().map(|name| spoken(name).join(" ")).collect::<Vec<_>>().join("\n"));
            for name in names {
                by_name.entry(plain(&name)).or_default().push(index);
            }
        }
        Self { by_name, folded }
    }

    /// The names of an entry, folded, one a line.
    pub(super) fn folded(&self, index: usize) -> &str {
        &self.folded[index]
    }

    /// Entries whose whole name this is. May be empty.
    pub(super) fn whole(&self, said: &[String]) -> &[usize] {
        self.by_name.get(&plain(said)).map_or(&[], Vec::as_slice)
    }

    /// Listings a name may mean, best reading only: the whole name, its first words, a class of its shares, a kind of fund. May be empty.
    /// Takes the name as `words` writes it.
    pub(super) fn find(&self, mut words: Vec<String>, entries: &[Entry]) -> Vec<usize> {
        let said = plain(&words);
        if said.is_empty() {
            return Vec::new();
        }
        let fund = words.iter().any(|word| FUND_WORDS.contains(&word.as_str()));
        let kept = |found: Vec<usize>| -> Vec<usize> {
            found.into_iter().filter(|index| !fund || entries[*index].fund).collect()
        };
        let found = kept(self.whole_or_first_words(&said));
        if !found.is_empty() {
            return found;
        }
        if fund {
            let mut found = kept(self.last_words(&said));
            // Who says "s&p 500 etf" means one that goes up with it.
            found.retain(|index| !entries[*index].geared);
            return found;
        }
        let Some(class) = words.pop_if(|word| matches!(word.as_str(), "a" | "b" | "c")) else {
            return Vec::new();
        };
        words.pop_if(|word| word == "class");
        // A class that is not listed here must not become another class of the same company.
        let mut found = self.whole_or_first_words(&plain(&words));
        found.retain(|index| class_of(&entries[*index].key) == Some(class.as_str()));
        found
    }

    fn whole_or_first_words(&self, said: &str) -> Vec<usize> {
        if let Some(exact) = self.by_name.get(said) {
            return exact.clone();
        }
        if said.len() < PREFIX_LENGTH_MIN {
            return Vec::new();
        }
        // "berkshire" for "berkshire hathaway": whole words from the front.
        let prefix = format!("{said} ");
        self.by_name
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .flat_map(|(_, indexes)| indexes.iter().copied())
            .collect()
    }

    /// Entries whose name begins with words that are a letter or two off, with how many. What is shorter may be anything.
    pub(super) fn nearest(&self, said: &str) -> Vec<(usize, usize)> {
        let Some(first) = said.chars().next() else { return Vec::new() };
        let count = said.split(' ').count();
        self.by_name
            .range(first.to_string()..)
            .take_while(|(name, _)| name.starts_with(first))
            .filter_map(|(name, indexes)| {
                let front =
                    name.match_indices(' ').nth(count - 1).map_or(name.as_str(), |(at, _)| &name[..at]);
                Some((edits(front, said)?, indexes))
            })
            .flat_map(|(edits, indexes)| indexes.iter().map(move |index| (edits, *index)))
            .collect()
    }

    /// "s&p 500" for "vanguard s&p 500": what a fund holds stands behind its issuer's name.
    fn last_words(&self, said: &str) -> Vec<usize> {
        let suffix = format!(" {said}");
        self.by_name
            .iter()
            .filter(|(name, _)| name.ends_with(&suffix))
            .flat_map(|(_, indexes)| indexes.iter().copied())
            .collect()
    }
}

/// Letters of the shorter and of the longer of a name and what was typed, where one slip is forgiven, and where two.
const ONE_SLIP: (usize, usize) = (5, 6);
const TWO_SLIPS: (usize, usize) = (9, 9);

/// How many slips lie between a name and what was typed; `None` where they are too many to be one.
pub(super) fn edits(name: &str, said: &str) -> Option<usize> {
    let (shorter, longer) = (name.len().min(said.len()), name.len().max(said.len()));
    let reaches = |(least, most): (usize, usize)| shorter >= least && longer >= most;
    let most = match () {
        () if reaches(TWO_SLIPS) => 2,
        () if reaches(ONE_SLIP) => 1,
        () => return None,
    };
    (longer - shorter <= most).then(|| strsim::osa_distance(name, said)).filter(|edits| *edits <= most)
}

/// Words in lower case without punctuation and accents; "&" is "and"; letters in a row are one word (S.A. is "sa", J.P. is "jp").
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut letters = false;
    let mut finish = |word: &mut String| {
        if word.is_empty() {
            return;
        }
        let letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
        match words.last_mut() {
            Some(last) if letter && letters => last.push_str(word),
            _ => words.push(std::mem::take(word)),
        }
        letters = letter;
        word.clear();
    };
    for c in name.chars().take(NAME_LENGTH_MAX) {
        match c {
            '\'' | '’' | 'ʼ' | '‘' => {}
            '&' => {
                finish(&mut word);
                word.push_str("and");
                finish(&mut word);
            }
            c if c.is_alphanumeric() => {
                word.extend(nucleo_matcher::chars::normalize(c).to_lowercase());
            }
            _ => finish(&mut word),
        }
    }
    finish(&mut word);
    words
}

/// The words without a leading article.
pub(super) fn spoken(words: &[String]) -> &[String] {
    match words {
        [first, rest @ ..] if first == "the" && !rest.is_empty() => rest,
        all => all,
    }
}

/// The words without those nobody says; a name made of nothing else keeps them.
fn plain(words: &[String]) -> String {
    let mut spoken: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !SILENT.contains(word)).collect();
    // "Merck & Co." is Merck: without its last word the "and" joins nothing.
    spoken.pop_if(|word| *word == "and" && words.len() > 1);
    if spoken.is_empty() { words.join(" ") } else { spoken.join(" ") }
}

fn class_of(symbol: &str) -> Option<&'static str> {
    let listed = CLASSES.iter().find(|(ticker, _)| *ticker == symbol).map(|(_, class)| *class);
    listed
        .or_else(|| [(".A", "a"), (".B", "b")].iter().find(|(end, _)| symbol.ends_with(end)).map(|(_, c)| *c))
}
