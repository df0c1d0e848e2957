//! Text to tokens. Numbers, money, per cents, option strikes and dates in one piece; everything else is a lower-case word.

use rust_decimal::Decimal;
use smol_str::{SmolStr, StrExt};

use crate::domain::money::parse_decimal;
use crate::domain::option::{OptionContract, Right};

/// Longest text looked at.
pub const TEXT_MAX: usize = 500;
/// Characters of an OCC symbol's root at most, and behind it: day, right, strike.
const OCC_ROOT_MAX: usize = 6;
const OCC_TAIL_LENGTH: usize = 15;
/// Day and right of an OCC symbol, before its strike.
const SHORT_TAIL_MIN: usize = 7;

/// Letters of a ticker that is read behind a number without a space. Shorter ones are strikes, thousands and ordinals.
const GLUED_TICKER_MIN: usize = 3;
const GLUED_TICKER_MAX: usize = 5;

/// Letters of a month's name at least.
const MONTH_MIN: usize = 3;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A word, in lower case.
    Word,
    /// A plain number; `+` or `-` before it is kept.
    Number(Decimal),
    /// `$250`, `250usd`.
    Money(Decimal),
    /// `5%`.
    Percent(Decimal),
    /// `190p`, `p190`.
    Strike(Decimal, Right),
    /// `500/510`, `200p/300c`, `425/430/460/465`.
    Strikes(Vec<(Decimal, Option<Right>)>),
    /// `x2`.
    Times(Decimal),
    /// An OCC symbol or one of its relatives.
    Occ(OptionContract),
    /// `1/15`, `1/15/27`, `2027-01-15`, `15jan27`: parts to be read as a date.
    Date,
    /// `45dte`.
    Dte(u16),
    /// `@`.
    At,
    /// `,` `;` `:` and their like.
    Mark(char),
}

/// A token with its text and place.
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text in lower case. Nearly always short enough to need no allocation.
    pub text: SmolStr,
    /// Its text as typed.
    pub raw: &'a str,
    /// First byte in the text.
    pub start: usize,
}

impl Token<'_> {
    /// Is it typed in capitals throughout: a ticker, whatever else the word means.
    pub fn is_shouted(&self) -> bool {
        self.raw.len() > 1 && self.raw.bytes().all(|b| b.is_ascii_uppercase())
    }
}

/// Why a text is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Longer than `TEXT_MAX`.
    TooLong,
    /// Control, invisible or direction characters, or letters that look like others.
    Unsafe,
    /// Nothing in it.
    Empty,
}

/// Letters beyond ASCII that names have, and nothing that looks like an ASCII letter from another script.
fn is_safe(c: char) -> bool {
    match c {
        ' ' | '\t' => true,
        c if c.is_ascii() => !c.is_ascii_control(),
        // Latin letters with accents, dashes, typographic quotes, the euro and pound signs.
        'À'..='ɏ'
        | '–'
        | '—'
        | '−'
        | '‘'
        | '’'
        | '“'
        | '”'
        | '„'
        | '«'
        | '»'
        | '€'
        | '£'
        | '…'
        | '½'
        | '¼'
        | '¾'
        | '\u{a0}' => true,
        _ => false,
    }
}

/// Splits a text.
///
/// # Errors
/// When it is empty, too long or has unsafe characters.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, Refused> {
    // Bytes first: to count characters is only needed beyond ASCII.
    if text.len() > TEXT_MAX && text.chars().count() > TEXT_MAX {
        return Err(Refused::TooLong);
    }
    if !text.chars().all(is_safe) {
        return Err(Refused::Unsafe);
    }
    let mut list = Vec::with_capacity(16);
    let mut start = 0;
    const BLANKS: [char; 3] = [' ', '\t', '\u{a0}'];
    for piece in text.split_inclusive(BLANKS) {
        split_piece(piece.trim_end_matches(BLANKS), start, &mut list);
        start += piece.len();
    }
    join_occ(text, &mut list);
    join_short_occ(text, &mut list);
    join_dollars(text, &mut list);
    if list.is_empty() { Err(Refused::Empty) } else { Ok(list) }
}

fn push<'a>(list: &mut Vec<Token<'a>>, kind: Kind, raw: &'a str, start: usize) {
    let text = if raw.is_ascii() {
        raw.to_ascii_lowercase_smolstr()
    } else {
        raw.to_lowercase_smolstr().replace_smolstr("’", "'")
    };
    list.push(Token { kind, text, raw, start });
}

/// Takes punctuation off a piece's ends and `@` off its front, then reads the rest.
fn split_piece<'a>(piece: &'a str, start: usize, list: &mut Vec<Token<'a>>) {
    if piece.is_empty() {
        return;
    }
    if let Some(rest) = piece.strip_prefix('@') {
        push(list, Kind::At, &piece[..1], start);
        return split_piece(rest, start + 1, list);
    }
    let first = piece.chars().next().unwrap_or(' ');
    let marks =
        [',', ';', ':', '!', '?', '(', ')', '"', '“', '”', '„', '«', '»', '&', '|', '…', '[', ']', '{', '}'];
    // '27 is a year, not a quotation.
    let year = piece
        .strip_prefix(['\'', '’'])
        .filter(|rest| rest.len() == 2 && rest.bytes().all(|b| b.is_ascii_digit()));
    if let Some(year) = year.and_then(number) {
        return push(list, Kind::Number(year), piece, start);
    }
    if marks.contains(&first) || (first == '\'' && piece.len() > 1) || first == '‘' {
        push(list, Kind::Mark(first), &piece[..first.len_utf8()], start);
        return split_piece(&piece[first.len_utf8()..], start + first.len_utf8(), list);
    }
    let last = piece.chars().next_back().unwrap_or(' ');
    let ends = marks.contains(&last)
        || last == '\''
        || last == '’'
        || (last == '.' && piece.len() > 1 && !piece.starts_with('.'));
    if ends && piece.chars().count() > 1 {
        let cut = piece.len() - last.len_utf8();
        split_piece(&piece[..cut], start, list);
        return push(list, Kind::Mark(last), &piece[cut..], start + cut);
    }
    if let Some(cut) = inner_mark(piece) {
        split_piece(&piece[..cut], start, list);
        return split_piece(&piece[cut..], start + cut, list);
    }
    if let Some(cut) = between_months(piece) {
        split_piece(&piece[..cut], start, list);
        return split_piece(&piece[cut + 1..], start + cut + 1, list);
    }
    if let Some(cut) = day_before_month(piece, list) {
        split_piece(&piece[..cut], start, list);
        return split_piece(&piece[cut + 1..], start + cut + 1, list);
    }
    if let Some((front, rest)) = glued_quantity(piece).or_else(|| glued_price(piece)) {
        split_piece(front, start, list);
        return split_piece(rest, start + front.len(), list);
    }
    push(list, classify(piece), piece, start);
}

/// `100@185`, `aapl,msft`, `buy;sell`: where to cut a piece in two.
fn inner_mark(piece: &str) -> Option<usize> {
    let bytes = piece.as_bytes();
    (1..bytes.len()).find(|i| match bytes[*i] {
        b'@' | b';' | b'"' => true,
        // A comma inside a number separates thousands, or is a mistake that must stay in one piece.
        b',' => !(bytes[i - 1].is_ascii_digit() && bytes.get(i + 1).is_some_and(u8::is_ascii_digit)),
        _ => false,
    })
}

/// `jan/mar`: the two months of a calendar spread, and where they part.
fn between_months(piece: &str) -> Option<usize> {
    let cut = piece
        .find('/')
        .filter(|cut| *cut >= MONTH_MIN && piece.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let is_month = |text: &str| super::dates::is_month(&text.to_ascii_lowercase());
    (is_month(&piece[..cut]) && is_month(&piece[cut + 1..])).then_some(cut)
}

/// `18/jan` of "dec 18/jan 15": the day of the month before it, and where the next month begins.
fn day_before_month(piece: &str, list: &[Token]) -> Option<usize> {
    let cut = piece.find('/').filter(|cut| piece[..*cut].bytes().all(|b| b.is_ascii_digit()))?;
    let months = super::dates::is_month(&list.last()?.text)
        && super::dates::is_month(&piece[cut + 1..].to_ascii_lowercase());
    months.then_some(cut)
}

/// `tp190`, `sl160`, `stp150`: the word of a price and the price without a space.
fn glued_price(piece: &str) -> Option<(&str, &str)> {
    let cut = piece.find(|c: char| c.is_ascii_digit())?;
    let (word, price) = piece.split_at(cut);
    let named =
        matches!(word.to_ascii_lowercase().as_str(), "tp" | "pt" | "sl" | "stp" | "lmt" | "tgt" | "tsl");
    (named && number(price.trim_end_matches('%')).is_some()).then_some((word, price))
}

/// `10shares`, `2contracts`, `0.5btc`, `10aapl`: a number and a unit or a ticker without a space. What else ends a number is no ticker.
fn glued_quantity(piece: &str) -> Option<(&str, &str)> {
    let cut = piece.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, rest) = piece.split_at(cut);
    let lower = rest.to_ascii_lowercase();
    let unit =
        matches!(lower.as_str(), "shares" | "share" | "shs" | "sh" | "contracts" | "contract" | "coins");
    let ticker = (GLUED_TICKER_MIN..=GLUED_TICKER_MAX).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_alphabetic())
        && !is_ending(&lower)
        && self::number(number).is_some_and(|value| value > Decimal::ZERO);
    (unit || ticker).then_some((number, rest)).filter(|_| number.bytes().any(|b| b.is_ascii_digit()))
}

/// Does a word of letters end a number of another kind: `5min`, `190call`, `15jan`, `45dte`, `250usd`, `10pct`.
fn is_ending(lower: &str) -> bool {
    matches!(
        lower,
        "min"
            | "mins"
            | "hour"
            | "hours"
            | "day"
            | "days"
            | "week"
            | "weeks"
            | "month"
            | "months"
            | "year"
            | "years"
            | "call"
            | "calls"
            | "put"
            | "puts"
            | "dte"
            | "usd"
            | "pct"
            | "ish"
    ) || super::dates::looks_like_date(&format!("1{lower}"))
}

/// A number with an optional sign, thousands separators and `k` or `m`. `None` for `1,5` and its like.
pub fn number(text: &str) -> Option<Decimal> {
    let (body, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], Decimal::ONE_THOUSAND),
        b'm' | b'M' if text.len() > 1 => (&text[..text.len() - 1], Decimal::from(1_000_000)),
        _ => (text, Decimal::ONE),
    };
    if !body.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if body.contains(',') {
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let mut groups = whole.trim_start_matches(['+', '-']).split(',');
        let first = groups.next()?;
        if first.is_empty()
            || first.len() > 3
            || !groups.all(|group| group.len() == 3)
            || fraction.contains(',')
        {
            return None;
        }
        return parse_decimal(&body.replace(',', "")).ok()?.checked_mul(factor);
    }
    parse_decimal(body).ok()?.checked_mul(factor).map(|value| value.normalize())
}

fn classify(piece: &str) -> Kind {
    if let Some(fraction) = fraction_sign(piece) {
        return Kind::Percent(fraction);
    }
    // Only dollars: another currency's sign is asked about, never taken for one.
    let dollars = piece.strip_prefix('$').or_else(|| piece.strip_prefix("US$"));
    if let Some(value) = dollars.and_then(number) {
        return Kind::Money(value);
    }
    if let Some(value) = piece.strip_suffix('%').and_then(number) {
        return Kind::Percent(value);
    }
    if let Some(value) = number(piece) {
        return Kind::Number(value);
    }
    let lower = piece.to_ascii_lowercase();
    if let Some(value) = lower.strip_suffix("usd").or_else(|| lower.strip_suffix('$')).and_then(number) {
        return Kind::Money(value);
    }
    if let Some(days) = lower.strip_suffix("dte").and_then(|days| days.parse().ok()) {
        return Kind::Dte(days);
    }
    if let Some(value) = lower.strip_prefix('x').or_else(|| lower.strip_suffix('x')).and_then(number) {
        return Kind::Times(value);
    }
    if let Some((strike, right)) = strike(&lower) {
        return Kind::Strike(strike, right);
    }
    if let Some(contract) = occ(piece) {
        return Kind::Occ(contract);
    }
    if super::dates::looks_like_date(&lower) {
        return Kind::Date;
    }
    if let Some(strikes) = strikes(&lower) {
        return Kind::Strikes(strikes);
    }
    Kind::Word
}

fn fraction_sign(piece: &str) -> Option<Decimal> {
    match piece {
        "½" => Some(Decimal::from(50)),
        "¼" => Some(Decimal::from(25)),
        "¾" => Some(Decimal::from(75)),
        _ => None,
    }
}

/// `190p`, `190c`, `p190`, `190put`, `190calls`.
fn strike(lower: &str) -> Option<(Decimal, Right)> {
    let tails = [
        ("calls", Right::Call),
        ("call", Right::Call),
        ("c", Right::Call),
        ("puts", Right::Put),
        ("put", Right::Put),
        ("p", Right::Put),
    ];
    for (tail, right) in tails {
        if let Some(value) = lower.strip_suffix(tail).and_then(plain) {
            return Some((value, right));
        }
    }
    let heads = [('c', Right::Call), ('p', Right::Put)];
    heads
        .into_iter()
        .find_map(|(head, right)| lower.strip_prefix(head).and_then(plain).map(|value| (value, right)))
}

/// A plain positive number.
fn plain(text: &str) -> Option<Decimal> {
    (text.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        .then(|| parse_decimal(text).ok())
        .flatten()
        .filter(|v| *v > Decimal::ZERO)
}

/// Two to four strikes with slashes. A pair of small numbers is a date and was read before.
fn strikes(lower: &str) -> Option<Vec<(Decimal, Option<Right>)>> {
    if !lower.contains('/') {
        return None;
    }
    let list: Option<Vec<_>> = lower
        .split('/')
        .map(|part| {
            plain(part)
                .map(|value| (value, None))
                .or_else(|| strike(part).map(|(value, right)| (value, Some(right))))
        })
        .collect();
    list.filter(|list| (2..=4).contains(&list.len()))
}

/// OCC, `.AAPL270115P190` (thinkorswim) and `AAPL_011527P190` (underscore, month first).
fn occ(piece: &str) -> Option<OptionContract> {
    if let Ok(contract) = OptionContract::from_occ(piece) {
        return Some(contract);
    }
    let upper = piece.to_ascii_uppercase();
    let (root, tail, month_first) = if let Some(rest) = upper.strip_prefix('.') {
        let cut = rest.find(|c: char| c.is_ascii_digit())?;
        (rest[..cut].to_owned(), rest[cut..].to_owned(), false)
    } else {
        let (root, tail) = upper.split_once('_')?;
        (root.to_owned(), tail.to_owned(), true)
    };
    if tail.len() < 8 || !tail.is_ascii() || !tail[..6].bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let day = if month_first { format!("{}{}", &tail[4..6], &tail[..4]) } else { tail[..6].to_owned() };
    let strike = parse_decimal(&tail[7..]).ok()?.checked_mul(Decimal::ONE_THOUSAND)?.trunc();
    OptionContract::from_occ(&format!("{root}{day}{}{strike:0>8}", &tail[6..7])).ok()
}

/// `AAPL  270115P00190000` comes in two pieces: the padding of a short root is blank.
fn join_occ<'a>(text: &'a str, list: &mut Vec<Token<'a>>) {
    let mut i = 0;
    while i + 1 < list.len() {
        let (root, tail) = (&list[i], &list[i + 1]);
        if root.kind == Kind::Word
            && tail.raw.len() == OCC_TAIL_LENGTH
            && root.raw.len() <= OCC_ROOT_MAX
            && let Ok(contract) = OptionContract::from_occ(&format!("{}{}", root.raw, tail.raw))
        {
            list[i].raw = &text[root.start..tail.start + tail.raw.len()];
            list[i].kind = Kind::Occ(contract);
            list.remove(i + 1);
        }
        i += 1;
    }
}

/// `AAPL 270115C240`: an OCC symbol with its strike as it is spoken.
fn join_short_occ<'a>(text: &'a str, list: &mut Vec<Token<'a>>) {
    let mut at = 0;
    while at + 1 < list.len() {
        let (root, tail) = (&list[at], &list[at + 1]);
        if root.kind == Kind::Word
            && !super::words::is_keyword(&root.text)
            && tail.kind == Kind::Word
            && tail.raw.len() > SHORT_TAIL_MIN
            && tail.raw.bytes().take(SHORT_TAIL_MIN - 1).all(|b| b.is_ascii_digit())
            && let Some(contract) = occ(&format!(".{}{}", root.raw.trim_start_matches('$'), tail.raw))
        {
            list[at].raw = &text[root.start..tail.start + tail.raw.len()];
            list[at].kind = Kind::Occ(contract);
            list.remove(at + 1);
        }
        at += 1;
    }
}

/// `$ 250` comes in two pieces.
fn join_dollars<'a>(text: &'a str, list: &mut Vec<Token<'a>>) {
    let mut at = 0;
    while at + 1 < list.len() {
        if list[at].raw == "$"
            && let Kind::Number(value) = list[at + 1].kind
            && list[at + 1].raw.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        {
            let end = list[at + 1].start + list[at + 1].raw.len();
            list[at].raw = &text[list[at].start..end];
            list[at].kind = Kind::Money(value);
            list.remove(at + 1);
        }
        at += 1;
    }
}
