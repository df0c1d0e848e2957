//! The lexicon: words with a meaning of their own.

use rust_decimal::Decimal;

/// Words that never change what an order means. A closed list: anything else that is not understood is asked about.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.binary_search(&word).is_ok()
}

/// Words that the grammar reads; a name is not made of them alone.
pub(super) fn is_keyword(word: &str) -> bool {
    is_filler(word) || KEYWORDS.binary_search(&word).is_ok()
}

/// Sorted.
const FILLERS: [&str; 118] = [
    "a",
    "account",
    "additional",
    "ahead",
    "an",
    "and",
    "arbion",
    "as",
    "asap",
    "at",
    "be",
    "by",
    "can",
    "cash",
    "coin",
    "coins",
    "contacts",
    "contract",
    "contracts",
    "could",
    "crypto",
    "dated",
    "do",
    "each",
    "enter",
    "etf",
    "exp",
    "expiration",
    "expires",
    "expiring",
    "expiry",
    "extra",
    "for",
    "from",
    "go",
    "going",
    "gonna",
    "have",
    "hey",
    "hi",
    "holding",
    "holdings",
    "i",
    "i'd",
    "i'll",
    "immediately",
    "in",
    "into",
    "is",
    "it",
    "just",
    "kindly",
    "let's",
    "lets",
    "like",
    "listed",
    "lot",
    "mate",
    "me",
    "more",
    "my",
    "need",
    "new",
    "now",
    "of",
    "ok",
    "okay",
    "on",
    "option",
    "options",
    "order",
    "orders",
    "own",
    "per",
    "place",
    "please",
    "pls",
    "plz",
    "position",
    "price",
    "quickly",
    "regular",
    "right",
    "send",
    "set",
    "sh",
    "share",
    "shares",
    "shs",
    "sir",
    "some",
    "stock",
    "stocks",
    "strike",
    "submit",
    "thank",
    "thanks",
    "that",
    "the",
    "then",
    "there",
    "this",
    "to",
    "today",
    "token",
    "tokens",
    "unit",
    "units",
    "up",
    "us",
    "usual",
    "wanna",
    "want",
    "we",
    "with",
    "worth",
    "would",
    "you",
];

/// Sorted.
const KEYWORDS: [&str; 148] = [
    "above",
    "after",
    "all",
    "amount",
    "ask",
    "bear",
    "below",
    "better",
    "bid",
    "bucks",
    "bull",
    "butterfly",
    "buy",
    "buying",
    "c",
    "calendar",
    "call",
    "calls",
    "cancel",
    "chart",
    "close",
    "cls",
    "collar",
    "condor",
    "cost",
    "cover",
    "covered",
    "cr",
    "credit",
    "day",
    "db",
    "debit",
    "diagonal",
    "dollar",
    "dollars",
    "don't",
    "dont",
    "dozen",
    "dte",
    "eight",
    "entire",
    "even",
    "everything",
    "exit",
    "ext",
    "extended",
    "fill",
    "five",
    "fly",
    "fok",
    "four",
    "friday",
    "good",
    "gtc",
    "gtd",
    "half",
    "hours",
    "hundred",
    "if",
    "immediate",
    "ioc",
    "iron",
    "k",
    "kill",
    "last",
    "least",
    "less",
    "limit",
    "lmt",
    "loc",
    "long",
    "loo",
    "loss",
    "maker",
    "market",
    "max",
    "mid",
    "million",
    "min",
    "mkt",
    "moc",
    "monthly",
    "moo",
    "most",
    "nat",
    "natural",
    "never",
    "next",
    "nine",
    "no",
    "not",
    "one",
    "only",
    "open",
    "opg",
    "or",
    "over",
    "p",
    "pct",
    "percent",
    "perp",
    "post",
    "postmarket",
    "power",
    "pre",
    "premarket",
    "profit",
    "put",
    "puts",
    "quarter",
    "quote",
    "reduce",
    "remaining",
    "rest",
    "sell",
    "seven",
    "short",
    "show",
    "six",
    "sl",
    "spread",
    "stop",
    "stp",
    "straddle",
    "strangle",
    "take",
    "target",
    "ten",
    "than",
    "third",
    "thousand",
    "three",
    "through",
    "til",
    "till",
    "tp",
    "trail",
    "trailing",
    "two",
    "under",
    "until",
    "usd",
    "using",
    "vertical",
    "via",
    "weekly",
    "when",
    "whole",
];

/// Everyday words that are tickers or begin the name of a company too. An order is never for one of them unless it is typed in
/// capitals or behind a dollar sign.
pub(super) fn is_everyday(word: &str) -> bool {
    EVERYDAY.binary_search(&word).is_ok()
}

/// Sorted.
const EVERYDAY: [&str; 153] = [
    "a", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "best", "big", "but", "by", "can",
    "cash", "core", "could", "day", "did", "do", "does", "down", "eight", "energy", "ever", "few", "first",
    "five", "for", "four", "from", "general", "get", "go", "good", "got", "had", "has", "have", "he",
    "health", "her", "here", "him", "his", "home", "how", "i", "if", "in", "is", "it", "its", "just", "keep",
    "last", "let", "live", "look", "lot", "made", "make", "many", "me", "more", "most", "much", "must", "my",
    "near", "new", "next", "nine", "no", "not", "now", "of", "off", "ok", "old", "on", "one", "only", "or",
    "other", "our", "out", "own", "per", "real", "right", "same", "say", "see", "set", "seven", "she", "six",
    "so", "some", "soon", "still", "such", "take", "tech", "tell", "ten", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "three", "time", "to", "today", "too", "top",
    "trade", "two", "under", "union", "until", "up", "us", "very", "want", "was", "way", "we", "well",
    "were", "what", "when", "where", "who", "why", "will", "with", "world", "would", "yes", "yet", "you",
    "your",
];

/// What a word makes of the digits before it: `10 thousand`, `2 dozen`.
pub(super) fn factor(word: &str) -> Option<Decimal> {
    Some(Decimal::from(match word {
        "dozen" => 12,
        "hundred" => 100,
        "thousand" | "grand" => 1_000,
        "million" => 1_000_000,
        _ => return None,
    }))
}

/// A number in words: `ten`, `a hundred`, `two dozen`, `one hundred and twenty five`. Returns the value and how many words it took.
pub(super) fn number_words(words: &[&str]) -> Option<(i64, usize)> {
    let (mut total, mut current, mut used, mut any) = (0_i64, 0_i64, 0, false);
    while let Some(word) = words.get(used) {
        let mut matched = true;
        match *word {
            "and"
                if any && words.get(used + 1).is_some_and(|next| small(next).is_some()) && current >= 100 => {
            }
            "a" | "an"
                if !any
                    && matches!(
                        words.get(used + 1),
                        Some(&("hundred" | "thousand" | "dozen" | "million" | "couple"))
                    ) =>
            {
                current = 1
            }
            "couple" if any => current *= 2,
            "hundred" => current = current.max(1) * 100,
            "dozen" => current = current.max(1) * 12,
            "thousand" | "grand" => {
                total += current.max(1) * 1_000;
                current = 0;
            }
            "million" => {
                total += current.max(1) * 1_000_000;
                current = 0;
            }
            other => match other.split('-').map(small).collect::<Option<Vec<i64>>>() {
                // "twelve fifty" and "one eighty" are no numbers: units follow tens, tens follow hundreds.
                Some(parts) => match parts.into_iter().try_fold(current, joined) {
                    Some(value) => current = value,
                    None => matched = false,
                },
                None => matched = false,
            },
        }
        if !matched {
            break;
        }
        any = true;
        used += 1;
    }
    let value = total + current;
    (any && value > 0).then_some((value, used))
}

/// A small number behind what was said before it, if the two make one: "forty" and "two", "a hundred" and "five".
fn joined(before: i64, part: i64) -> Option<i64> {
    let fits = match before % 100 {
        0 => true,
        tens => tens >= 20 && tens % 10 == 0 && part < 10,
    };
    fits.then_some(before + part)
}

fn small(word: &str) -> Option<i64> {
    Some(match word {
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    })
}

/// Brokers by the names people use.
pub(super) fn broker(word: &str) -> Option<&'static str> {
    Some(match word {
        "alpaca" => "alpaca",
        "schwab" => "schwab",
        "tradier" => "tradier",
        "etrade" | "e*trade" | "e-trade" => "etrade",
        "tastytrade" | "tasty" | "tastyworks" => "tastytrade",
        "ibkr" | "ib" | "interactive" => "ibkr",
        "coinbase" => "coinbase",
        "hyperliquid" | "hl" => "hyperliquid",
        "paper" => "paper",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searched_lists_are_sorted() {
        assert!(FILLERS.is_sorted() && KEYWORDS.is_sorted() && EVERYDAY.is_sorted());
    }
}
