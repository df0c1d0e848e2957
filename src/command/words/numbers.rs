//! Numbers in words.

use rust_decimal::Decimal;

/// Does a word count thousands of dollars: "a grand of spy", "a grand's worth".
pub(in crate::command) fn is_grand(word: &str) -> bool {
    matches!(word, "grand" | "grand's")
}

/// What a word makes of the digits before it: `10 thousand`, `2 dozen`.
pub(in crate::command) fn factor(word: &str) -> Option<Decimal> {
    Some(Decimal::from(match word {
        "dozen" => 12,
        "hundred" => 100,
        "thousand" => 1_000,
        word if is_grand(word) => 1_000,
        "million" => 1_000_000,
        _ => return None,
    }))
}

/// A number in words: `ten`, `a hundred`, `two dozen`, `one hundred and twenty five`. Returns the value and how many words it took.
pub(in crate::command) fn number_words(words: &[&str]) -> Option<(i64, usize)> {
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
                        Some(
                            &("hundred" | "thousand" | "dozen" | "million" | "couple" | "grand" | "grand's")
                        )
                    ) =>
            {
                current = 1
            }
            "couple" if any => current *= 2,
            "hundred" => current = current.max(1) * 100,
            "dozen" => current = current.max(1) * 12,
            word if word == "thousand" || is_grand(word) => {
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
