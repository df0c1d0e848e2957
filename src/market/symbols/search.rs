//! Search as you type: exact tickers first, then beginnings, then whatever has the letters in order.

use std::cmp::Reverse;
use std::fmt::Write as _;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::Entry;
use super::names::{NameIndex, spoken, words};

/// Characters of a query looked at.
const QUERY_LENGTH_MAX: usize = 64;

/// How a listing meets a query. Later is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// The letters are there, in order.
    Letters,
    /// Each word begins a word of the name.
    Words,
    /// The ticker or the name begins so.
    Beginning,
    /// It is the name.
    Name,
    /// It is the ticker.
    Ticker,
}

/// Indexes of the entries that fit, best first: by tier, home listings before foreign ones, well-known before others, closeness.
pub(super) fn search(entries: &[Entry], names: &NameIndex, query: &str, limit: usize) -> Vec<usize> {
    let query: String = query.chars().filter(|c| !c.is_control()).take(QUERY_LENGTH_MAX).collect();
    let query = query.trim();
    // Every character is meant as itself: in nucleo's own syntax "!a" and "^a" would be operators.
    let pattern = Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let said = words(query);
    let named = names.whole(&said);
    let asked = Asked { upper: query.to_uppercase(), words: spoken(&said).to_vec() };
    let (mut text, mut buffer) = (String::new(), Vec::new());
    let mut hits = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        text.clear();
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(text, "{} {}", entry.key, entry.names);
        let Some(score) = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher) else { continue };
        let name = if named.contains(&index) { Tier::Name } else { Tier::Letters };
        let tier = name.max(asked.tier(&entry.key, names.folded(index)));
        // Among scattered letters closeness says most; among good hits what people know does.
        let (known, close) = if tier == Tier::Letters { (0, score) } else { (entry.prominence, score) };
        hits.push((Reverse((tier, entry.home, known, close)), index));
    }
    hits.sort_unstable();
    hits.into_iter().take(limit).map(|(_, index)| index).collect()
}

struct Asked {
    upper: String,
    words: Vec<String>,
}

impl Asked {
    fn tier(&self, key: &str, names: &str) -> Tier {
        let base = key.split(['-', '/']).next().unwrap_or(key);
        if key == self.upper || (base == self.upper && key.ends_with("-USD")) {
            return Tier::Ticker;
        }
        if key.starts_with(&self.upper) {
            return Tier::Beginning;
        }
        let by_name = names.lines().filter_map(|name| {
            let mut rest = name.split(' ');
            let in_order = self.words.iter().all(|asked| rest.any(|word| word.starts_with(asked.as_str())));
            let begins = self.words.first().is_some_and(|first| name.starts_with(first.as_str()));
            in_order.then_some(if begins { Tier::Beginning } else { Tier::Words })
        });
        by_name.max().unwrap_or(Tier::Letters)
    }
}
