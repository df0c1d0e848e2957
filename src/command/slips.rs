//! What a word was perhaps meant to be that nobody understands: a slip of the finger, named in the question back. It never makes a command.

use super::lex::{Kind, Token};
use super::{ParseContext, symbols, words};
use crate::domain::text::nearest_words;

/// The words of commands that are mistyped most: verbs first, then what is shown and how orders are said.
const VOCABULARY: [&str; 78] = [
    "buy",
    "sell",
    "short",
    "cover",
    "close",
    "cancel",
    "flatten",
    "replace",
    "move",
    "halt",
    "resume",
    "show",
    "quote",
    "chart",
    "chain",
    "watch",
    "unwatch",
    "alert",
    "start",
    "stop",
    "pause",
    "mode",
    "help",
    "explain",
    "above",
    "below",
    "limit",
    "market",
    "trail",
    "half",
    "third",
    "quarter",
    "call",
    "calls",
    "put",
    "puts",
    "spread",
    "condor",
    "straddle",
    "strangle",
    "butterfly",
    "vertical",
    "debit",
    "credit",
    "strike",
    "expiry",
    "day",
    "extended",
    "position",
    "positions",
    "balance",
    "balances",
    "order",
    "orders",
    "fills",
    "history",
    "buying",
    "power",
    "watchlist",
    "strategy",
    "strategies",
    "agents",
    "bots",
    "wallets",
    "connections",
    "audit",
    "risk",
    "log",
    "paper",
    "live",
    "equities",
    "options",
    "crypto",
    "shares",
    "contracts",
    "everything",
    "price",
    "percent",
];

/// The word of the language that is nearest to one that is none.
pub(super) fn near(word: &str) -> Option<&'static str> {
    let known = VOCABULARY.contains(&word);
    let all = nearest_words(word, VOCABULARY.iter().copied());
    all.into_iter().find(|near| !known && is_slip(word, near))
}

/// Short words are near to many others: a letter that is left out, doubled or turned round with the next is a slip; another letter in a place
/// is one in words of six letters and more, and in those of five where it is a key beside the right one or a vowel for a vowel; and the first
/// letter stays.
fn is_slip(word: &str, near: &str) -> bool {
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let begins_alike = word.chars().next() == near.chars().next();
    let exchanged = match (word.len(), near.len()) {
        (long, other) if long != other => true,
        (0..5, _) => false,
        (5, _) => word.chars().zip(near.chars()).all(|(a, b)| a == b || is_mishit(a, b)),
        _ => true,
    };
    letters(word) == letters(near) || begins_alike && exchanged
}

/// Is one key hit for the other, as they lie on a keyboard, or one vowel taken for another.
fn is_mishit(a: char, b: char) -> bool {
    const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
    const VOWELS: &str = "aeiouy";
    let place = |c| ROWS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(c)?)));
    let beside = match (place(a), place(b)) {
        (Some((row, x)), Some((other, y))) if row == other => x.abs_diff(y) == 1,
        // Each row lies half a key to the right of the one above.
        (Some(one), Some(two)) if one.0.abs_diff(two.0) == 1 => {
            let (upper, lower) = (one.min(two).1, one.max(two).1);
            upper == lower || upper == lower + 1
        }
        _ => false,
    };
    beside || VOWELS.contains(a) && VOWELS.contains(b)
}

/// The first word of a sentence that is neither of the language nor an instrument, where one of the language is near, as a question back.
pub(super) fn question(tokens: &[Token], context: &ParseContext<'_>) -> Option<String> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        let strange = token.kind == Kind::Word
            && !VOCABULARY.contains(&token.text.as_str())
            && !words::is_keyword(&token.text)
            && !words::is_everyday(&token.text)
            && symbols::read(&tokens[at..], context).is_none();
        let near = near(&token.text).filter(|_| strange)?;
        Some(format!("'{}' is not understood here. Did you mean {near}?", token.text))
    })
}

/// What a word that begins with a digit, or looks like an option's code, is to be written as. None where it is neither.
pub(super) fn form(word: &str) -> Option<String> {
    let begins = |is: fn(&char) -> bool| word.chars().next().is_some_and(|c| is(&c));
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    // Letters that are taken for digits, and points and commas where there is no place for them.
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | 'e' | 'o' | 'l');
    let day = word.len() >= 8 && word.split('.').count() == 3;
    if begins(char::is_ascii_digit) && !day && word.to_ascii_lowercase().chars().all(numeric) {
        return Some(format!(
            "'{word}' is no number: up to 28 digits with at most one point, as 231.50 or 1,000."
        ));
    }
    let code = begins(char::is_ascii_alphabetic)
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && (11..=16).contains(&digits)
        && word.len() <= digits + 8;
    code.then(|| {
        format!(
            "'{word}' is no option's code: its root, yymmdd, C or P, and the strike times 1000 in 8 digits, as AAPL270115P00190000."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        for (word, expected) in [
            ("buuy", Some("buy")),
            ("slel", Some("sell")),
            ("flaten", Some("flatten")),
            ("posistions", Some("positions")),
            ("abve", Some("above")),
            ("cancle", Some("cancel")),
            ("byu", Some("buy")),
            ("sel", Some("sell")),
            ("ordet", Some("order")),
            ("lumit", Some("limit")),
            ("optoons", Some("options")),
            // Known, and only out of place; or another word.
            ("positions", None),
            ("dry", None),
            ("love", None),
            ("flog", None),
            ("xyz", None),
            ("nancy", None),
            ("calendar", None),
            ("of", None),
            ("older", None),
            ("prize", None),
            ("check", None),
            ("shore", None),
        ] {
            assert_eq!(near(word), expected, "{word}");
        }
    }

    #[test]
    fn numbers_and_codes_say_their_form() {
        for (word, part) in [
            ("25o", Some("no number")),
            ("1,0", Some("no number")),
            ("10.5.5", Some("no number")),
            ("1e9", Some("no number")),
            ("AAPL270115X00190000", Some("no option's code")),
            ("AAPL270115P0019000", Some("no option's code")),
            ("5m", None),
            ("15.01.2027", None),
            ("robinhood", None),
        ] {
            let said = form(word);
            assert_eq!(said.is_some(), part.is_some(), "{word}: {said:?}");
            assert!(said.is_none_or(|said| said.contains(part.unwrap_or_default())), "{word}");
        }
    }
}
