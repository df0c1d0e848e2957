//! The filter typed over a list: rows leave as one types.

use crossterm::event::{KeyCode, KeyEvent};
use rust_decimal::Decimal;

use super::text_input::TextInput;

/// The filter typed over a list: absent, being typed, or in force.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    input: TextInput,
    typing: bool,
}

impl ListFilter {
    /// Starts typing.
    pub fn open(&mut self) {
        self.typing = true;
    }

    /// Takes a key while typing: Enter keeps the filter, Esc drops it.
    pub fn key(&mut self, event: KeyEvent) -> bool {
        if !self.typing {
            if event.code == KeyCode::Esc && !self.input.text().is_empty() {
                self.input.set("");
                return true;
            }
            return false;
        }
        match event.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.input.set("");
                self.typing = false;
            }
            _ => return self.input.key(event, |c| !c.is_control()),
        }
        true
    }

    /// Takes pasted text while typing.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.typing {
            self.input.insert(text);
        }
        self.typing
    }

    /// Does everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.text().is_empty()
    }

    /// The keys that hold while it is typed; none while it is not.
    #[must_use]
    pub fn hints(&self) -> Option<&'static [(&'static str, &'static str)]> {
        const KEYS: &[(&str, &str)] = &[("Enter", "keep the filter"), ("Esc", "all rows")];
        self.typing.then_some(KEYS)
    }

    /// Is it being typed: every letter is its own.
    #[must_use]
    pub const fn is_typing(&self) -> bool {
        self.typing
    }

    /// Its words, in small letters. What passes has all of them.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.input.text().split_whitespace().map(str::to_lowercase)
    }

    /// Does a text pass: has it every word, in any order and case.
    #[must_use]
    pub fn passes(&self, text: &str) -> bool {
        if self.is_empty() {
            return true;
        }
        let text = text.to_lowercase();
        self.words().all(|word| text.contains(&word))
    }

    /// What the title shows of it; empty when there is none.
    #[must_use]
    pub fn label(&self, caret: &str) -> String {
        match (self.typing, self.input.text()) {
            (true, text) => format!(" /{text}{caret}"),
            (false, "") => String::new(),
            (false, text) => format!(" /{text}"),
        }
    }
}

/// A word of a filter that is about a number: `>230`, `<230`, `220-240`. None where it is no such word.
#[must_use]
pub fn number_range(word: &str) -> Option<(Option<Decimal>, Option<Decimal>)> {
    let number = |text: &str| text.replace(',', "").parse::<Decimal>().ok();
    if let Some(least) = word.strip_prefix('>') {
        return Some((Some(number(least.trim_start_matches('='))?), None));
    }
    if let Some(most) = word.strip_prefix('<') {
        return Some((None, Some(number(most.trim_start_matches('='))?)));
    }
    let (least, most) = word.split_once('-')?;
    Some((Some(number(least)?), Some(number(most)?)))
}

/// Is a number in such a range, its ends included.
#[must_use]
pub fn in_range(number: Decimal, (least, most): (Option<Decimal>, Option<Decimal>)) -> bool {
    least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn typed(text: &str) -> ListFilter {
        let mut filter = ListFilter::default();
        filter.open();
        for c in text.chars() {
            filter.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
        filter
    }

    #[test]
    fn every_word_is_there_in_any_order() {
        for (wanted, passes) in
            [("", true), ("tc", true), ("sell btc", true), ("btc buy", false), ("  ", true)]
        {
            assert_eq!(typed(wanted).passes("BTC-USD Sell"), passes, "{wanted:?}");
        }
    }

    #[test]
    fn some_words_are_ranges() {
        for (word, inside, outside) in
            [(">230", "230", "229.99"), ("<=230", "230", "230.01"), ("220-240", "231.5", "219")]
        {
            let range = number_range(word).unwrap();
            assert!(in_range(inside.parse().unwrap(), range) && !in_range(outside.parse().unwrap(), range));
        }
        assert!(["230", "btc-usd", ">", "-", ">x"].iter().all(|word| number_range(word).is_none()));
    }
}
