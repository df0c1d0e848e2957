//! What is done to working orders: cancel them, or change one.

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Side, TimeInForce};

use super::ParseContext;
use super::cursor::{Cursor, one};
use super::guard;
use super::lex::{Kind, Token};
use super::order::{Parsed, Trouble, once};
use super::types::{Command, Missing};
use super::words;

/// Words around the name of an order that say nothing about which one.
const AROUND: [&str; 25] = [
    "my",
    "the",
    "all",
    "everything",
    "every",
    "any",
    "open",
    "working",
    "pending",
    "live",
    "existing",
    "outstanding",
    "remaining",
    "order",
    "orders",
    "order's",
    "of",
    "for",
    "in",
    "on",
    "with",
    "please",
    "down",
    "off",
    "that",
];

/// What a number of an order counts.
const UNITS: [&str; 8] = ["shares", "share", "contracts", "contract", "units", "coins", "lots", "shs"];

fn ask(missing: Missing, message: &str) -> Trouble {
    Trouble::Missing(vec![missing], message.to_owned())
}

fn refused(message: &str) -> Trouble {
    Trouble::Refused(message.to_owned())
}

fn which_order() -> Trouble {
    ask(Missing::OrderId, "Which order? Give its number or its symbol.")
}

/// `cancel 42`, `cancel my aapl buy orders`, `pull all sells`.
pub(super) fn cancel(tokens: &[Token], context: &ParseContext<'_>) -> Option<Command> {
    // "pull up a chart" shows one.
    if tokens.first()?.text == "pull" && tokens.get(1).is_some_and(|next| next.text == "up") {
        return None;
    }
    let mut cursor = Cursor::new(tokens, context);
    let of_orders = || tokens.iter().any(|t| matches!(t.text.as_str(), "order" | "orders"));
    let verb = cursor.text(0);
    let lone = words::cancels_orders(verb) || words::removes_orders(verb) && of_orders();
    cursor.skip(usize::from(lone));
    if !lone
        && !(of_orders()
            && (cursor.take_all(&["take", "down"])
                || cursor.take_all(&["take", "off"])
                || cursor.take_all(&["get", "rid", "of"])))
    {
        return None;
    }
    if guard::speech(tokens) == Some(guard::Speech::Two) {
        return Some(super::clarify(Vec::new(), guard::Speech::Two.message()));
    }
    Some(cancel_rest(&mut cursor).unwrap_or_else(|trouble| super::question_back(trouble, context)))
}

fn cancel_rest(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let (mut id, mut side, mut instrument) = (None, None, None);
    let (mut all, mut orders) = (false, false);
    while !cursor.is_done() {
        // "cancel all my ALL orders": the second one, in capitals, is Allstate's.
        if all
            && cursor.text(0) == "all"
            && cursor.is_loud()
            && let Some(found) = cursor.instrument()
        {
            once(&mut instrument, one(found)?, "symbols")?;
            continue;
        }
        all |= matches!(cursor.text(0), "all" | "every" | "everything");
        orders |= matches!(cursor.text(0), "order" | "orders");
        let dangles =
            cursor.rest().len() == 1 && matches!(cursor.text(0), "of" | "for" | "in" | "on" | "with");
        if dangles {
            return Err(which_order());
        }
        if let Some(found) = order_id(cursor, true) {
            once(&mut id, found, "orders")?;
        } else if let Some(said) = side_of_orders(cursor) {
            once(&mut side, said, "sides")?;
        } else if id.is_some() && cursor.text(0) == "and" {
            return Err(refused(
                "One order at a time, all of a symbol (cancel aapl), or all of them (cancel all).",
            ));
        } else if cursor.take(&AROUND) || cursor.take_pause() {
        } else if let Some(found) = cursor.instrument() {
            once(&mut instrument, one(found)?, "symbols")?;
        } else if matches!(
            cursor.text(0),
            "stock"
                | "stocks"
                | "equity"
                | "option"
                | "options"
                | "crypto"
                | "stop"
                | "stops"
                | "limit"
                | "limits"
                | "last"
                | "latest"
                | "newest"
                | "first"
                | "it"
                | "this"
                | "one"
        ) {
            return Err(which_order());
        } else {
            return Err(cursor.not_understood());
        }
    }
    match (id, instrument, side) {
        (Some(id), None, None) => {
            Ok(Command::Cancel { order_id: Some(id.as_str().into()), instrument: None, side: None })
        }
        (Some(_), ..) => Err(refused("Give an order's number or a symbol, not both.")),
        (None, None, None) if all && orders => Ok(Command::CancelAll),
        (None, None, None) => Err(which_order()),
        (None, instrument, side) => Ok(Command::Cancel { order_id: None, instrument, side }),
    }
}

fn side_of_orders(cursor: &mut Cursor<'_>) -> Option<Side> {
    if cursor.take(&["buy", "buys", "bid", "bids", "buying"]) {
        Some(Side::Buy)
    } else if cursor.take(&["sell", "sells", "offer", "offers", "ask", "asks", "selling"]) {
        Some(Side::Sell)
    } else {
        None
    }
}

/// `42`, `#42`, `order 42`, `order with id abc123`. A bare number is an id only where nothing else can be one.
fn order_id(cursor: &mut Cursor<'_>, bare: bool) -> Option<String> {
    let is_id = |token: &Token| {
        !token.text.trim_start_matches('#').starts_with('-')
            && token.text.bytes().any(|b| b.is_ascii_digit())
            && token.text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'#' | b'_'))
    };
    let mut ahead = 0;
    let mut named = false;
    loop {
        match cursor.text(ahead) {
            "order" | "orders" | "id" | "number" | "no" | "num" | "#" => named = true,
            ":" | "." if named => {}
            "with" if named && matches!(cursor.text(ahead + 1), "id" | "number" | "no" | "num" | "#") => {}
            _ => break,
        }
        ahead += 1;
    }
    let token = cursor.token(ahead)?;
    // Digits alone: "-1", "1.0" and "1,000" are numbers, and no order's.
    let whole = matches!(token.kind, Kind::Number(_)) && token.raw.bytes().all(|b| b.is_ascii_digit());
    let long = token.text.len() == 26 && token.text.bytes().all(|b| b.is_ascii_alphanumeric());
    let hash = token.raw.starts_with('#') && is_id(token);
    // "cancel 4 orders" says how many, not which.
    let counts = matches!(cursor.text(ahead + 1), "order" | "orders");
    let found = hash || long || (named && is_id(token)) || (bare && whole && !counts && is_id(token));
    if !found {
        return None;
    }
    let mut id = token.raw.trim_start_matches('#').to_owned();
    cursor.skip(ahead + 1);
    // "3fade" was cut in two as "10aapl" is: an order's number is one piece.
    let end = token.start + token.raw.len();
    if let Some(tail) = cursor.token(0).filter(|next| next.start == end && next.kind == Kind::Word) {
        id.push_str(tail.raw);
        cursor.skip(1);
    }
    Some(id)
}

/// What of an order changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Limit,
    Stop,
    Quantity,
}

/// The changes a sentence asks for.
#[derive(Debug, Default)]
struct Changes {
    id: Option<String>,
    instrument: Option<Instrument>,
    limit: Option<Decimal>,
    stop: Option<Decimal>,
    quantity: Option<Decimal>,
    time_in_force: Option<TimeInForce>,
    /// Named, and its value not said yet.
    pending: Option<Field>,
    /// A price without a name, which the other words may still name.
    plain: Option<Decimal>,
}

/// `move my aapl stop to 182`, `change order 42 to 50 shares`, `replace 42 qty 50 limit 184`.
pub(super) fn replace(tokens: &[Token], context: &ParseContext<'_>) -> Option<Command> {
    let mut cursor = Cursor::new(tokens, context);
    // "set a stop at 180" places one, "set my aapl stop to 180" moves one.
    let sets = cursor.text(0) == "set"
        && !matches!(cursor.text(1), "a" | "an" | "up" | "trailing")
        && !sets_a_new_stop(tokens);
    // "reduce my aapl by half" and "drop amd from the list" are read elsewhere: here an order, or a field of one, is named.
    if !(sets || words::change(cursor.text(0)).is_some()) || tokens.len() < 3 || !names_an_order(tokens) {
        return None;
    }
    cursor.skip(1);
    Some(
        changes(&mut cursor)
            .and_then(|changes| changes.not_of_size(tokens))
            .and_then(Changes::command)
            .unwrap_or_else(|trouble| super::question_back(trouble, context)),
    )
}

/// "set stop loss for nvda at 160" places one: what is there already is set "to" another price.
fn sets_a_new_stop(tokens: &[Token]) -> bool {
    let stop = tokens
        .get(1)
        .is_some_and(|t| matches!(t.text.as_str(), "stop" | "stp" | "sl" | "stoploss" | "stop-loss"));
    let said = |words: &[&str]| tokens.iter().any(|t| words.contains(&t.text.as_str()));
    stop && said(&["for", "on", "under", "below"]) && !said(&["to"])
}

/// Does the sentence name an order by number, or one of its fields.
fn names_an_order(tokens: &[Token]) -> bool {
    let fields = tokens.iter().any(|t| {
        matches!(
            t.text.as_str(),
            "order"
                | "limit"
                | "lmt"
                | "stop"
                | "stp"
                | "qty"
                | "quantity"
                | "size"
                | "price"
                | "trigger"
                | "sl"
                | "stop-loss"
                | "stoploss"
                | "id"
                | "orders"
                | "bid"
                | "offer"
        )
    });
    let number = |token: Option<&Token>| {
        token.is_some_and(|t| t.raw.starts_with('#') || matches!(t.kind, Kind::Number(_)))
    };
    let verb_of_orders = words::change(&tokens[0].text).is_some_and(|change| change.of_orders);
    // "trim 10 nvda" and "trim 10 shares of nvda" sell, "trim 42 to 50" changes order 42.
    let of_a_name = matches!(tokens.get(2), Some(Token { kind: Kind::Word, text, .. }) if !words::is_keyword(text) || UNITS.contains(&text.as_str()));
    fields || number(tokens.get(1)) && !of_a_name || verb_of_orders
}

fn changes(cursor: &mut Cursor<'_>) -> Parsed<Changes> {
    let mut changes = Changes::default();
    while !cursor.is_done() {
        // "lower it to 229": what is changed to is no order.
        let led = cursor.before(1).is_some_and(|t| matches!(t.text.as_str(), "to" | "at" | "=" | "is"));
        let nameless = changes.names_nothing() && changes.pending.is_none() && !led;
        if cursor.text(0) == "by" || matches!(cursor.text(0), "half" | "double") {
            return Err(ask(Missing::Price, "Give the new price itself, not the difference."));
        }
        // "change qty of 42 to 50": what a field is of is an order, never its value.
        let unnamed = changes.id.is_none() && changes.instrument.is_none();
        let first = changes.pending.is_some() && matches!(cursor.text(2), "to" | "at" | "=");
        let last = !changes.names_nothing() && cursor.rest().len() == 2;
        let of_order = unnamed && (first || last) && cursor.take(&["of", "on", "for"]);
        if let Some(id) = order_id(cursor, nameless || of_order) {
            once(&mut changes.id, id, "orders")?;
        } else if let Some(field) = field(cursor) {
            // "45 qty 200": what has a value behind it does not name the one before.
            let valued = matches!(cursor.kind(0), Some(Kind::Number(_) | Kind::Money(_)));
            let before = changes.plain.take_if(|_| valued);
            changes.name(field)?;
            changes.plain = changes.plain.or(before);
        } else if let Some(time_in_force) = time_in_force(cursor) {
            once(&mut changes.time_in_force, time_in_force, "times in force")?;
        } else if cursor.take(&["from"]) {
            // "from 180 to 182": where it stands now is known.
            cursor.value().ok_or_else(|| cursor.not_understood())?;
            if cursor.text(0) != "to" {
                return Err(cursor.not_understood());
            }
        } else if matches!(cursor.text(0), "up" | "down" | "higher" | "lower") && cursor.text(1) != "to" {
            // "up 5 cents" is a difference; "up to 182" is a price.
            return Err(ask(Missing::Price, "Give the new price itself, not the difference."));
        } else if cursor.take(&["to", "at", "=", "is", "tif", "duration", "now"])
            || cursor.take_all(&["time", "in", "force"])
            || matches!(cursor.kind(0), Some(Kind::At)) && cursor.take(&["@"])
            || cursor.take(&AROUND)
            || cursor.take(&["it", "a", "up", "new", "and", "be"])
            || cursor.take_pause()
        {
        } else if is_difference(cursor) {
            return Err(ask(Missing::Price, "By so much, or to it? Say the new value itself: to 185."));
        } else if let Some(value) = cursor.value() {
            let units = cursor.take(&UNITS);
            changes.set(value, units)?;
        } else if matches!(cursor.text(0), "buy" | "sell") {
            // A change names no side: which of a buy and a sell is meant would be lost.
            return Err(ask(
                Missing::OrderId,
                "Which order? Give its number; a side does not say which one changes.",
            ));
        } else if let Some(found) = cursor.instrument() {
            once(&mut changes.instrument, one(found)?, "symbols")?;
        } else {
            return Err(cursor.not_understood());
        }
    }
    Ok(changes)
}

/// "raise my limit 5 cents", "raise my aapl limit 5": a value that nothing leads to, beside a verb of more or less.
fn is_difference(cursor: &Cursor<'_>) -> bool {
    let led = matches!(cursor.before(1), Some(t) if matches!(t.kind, Kind::At) || matches!(t.text.as_str(), "to" | "at" | "=" | "is"));
    let verb = cursor.first().and_then(|t| words::change(&t.text)).is_some_and(|change| change.compares);
    let cents = matches!(cursor.text(1), "cent" | "cents");
    let money = matches!(cursor.kind(0), Some(Kind::Money(_) | Kind::Number(_)));
    !led && (cents || verb && money)
}

fn field(cursor: &mut Cursor<'_>) -> Option<Field> {
    // "price" alone says no more than the number itself; after a field it belongs to that field.
    if cursor.take(&["limit", "lmt"]) {
        cursor.take(&["price"]);
        Some(Field::Limit)
    } else if cursor.take(&["stop", "stp", "sl", "trigger", "stop-loss", "stoploss"]) {
        if cursor.text(0) == "loss" || cursor.text(0) == "price" {
            cursor.skip(1);
        }
        Some(Field::Stop)
    } else if cursor.take(&["qty", "quantity", "size"]) {
        Some(Field::Quantity)
    } else if cursor.take(&["price", "bid", "offer"]) {
        Some(Field::Limit)
    } else {
        None
    }
}

fn time_in_force(cursor: &mut Cursor<'_>) -> Option<TimeInForce> {
    for (words, time_in_force) in [
        (&["good", "till", "canceled"][..], TimeInForce::Gtc),
        (&["good", "till", "cancelled"], TimeInForce::Gtc),
        (&["good", "til", "canceled"], TimeInForce::Gtc),
        (&["good", "til", "cancelled"], TimeInForce::Gtc),
        (&["good", "until", "canceled"], TimeInForce::Gtc),
        (&["good", "until", "cancelled"], TimeInForce::Gtc),
        (&["gtc"], TimeInForce::Gtc),
        (&["day"], TimeInForce::Day),
        (&["ioc"], TimeInForce::Ioc),
        (&["fok"], TimeInForce::Fok),
    ] {
        if cursor.take_all(words) {
            return Some(time_in_force);
        }
    }
    None
}

impl Changes {
    /// Is neither an order named yet nor a value: only then a bare number is an order's.
    const fn names_nothing(&self) -> bool {
        self.id.is_none()
            && self.instrument.is_none()
            && self.limit.is_none()
            && self.stop.is_none()
            && self.quantity.is_none()
            && self.plain.is_none()
    }

    /// A field is named. One before it that has no value yet names the plain price, or is the kind of the order ("stop limit").
    fn name(&mut self, field: Field) -> Parsed<()> {
        match (self.pending, self.plain.take()) {
            (None, Some(value)) => self.put(field, value),
            (Some(before), _) if before != field => {
                Err(refused("Say which price changes, and to what: limit 185, or stop 180."))
            }
            (_, plain) => {
                self.plain = plain;
                self.pending = Some(field);
                Ok(())
            }
        }
    }

    /// A value: of the field named before it, of units, or a price that a later word may name.
    fn set(&mut self, value: Decimal, units: bool) -> Parsed<()> {
        match self.pending.take() {
            Some(Field::Quantity) => self.put(Field::Quantity, value),
            Some(field) if !units => self.put(field, value),
            Some(_) => Err(refused("Say what changes, and to what: limit 185, stop 180, or 50 shares.")),
            None if units => self.put(Field::Quantity, value),
            None => once(&mut self.plain, value, "values"),
        }
    }

    fn put(&mut self, field: Field, value: Decimal) -> Parsed<()> {
        let missing = if field == Field::Quantity { Missing::Quantity } else { Missing::Price };
        if value <= Decimal::ZERO {
            return Err(ask(missing, "The new value must be above 0."));
        }
        match field {
            Field::Limit => once(&mut self.limit, value, "limit prices"),
            Field::Stop => once(&mut self.stop, value, "stop prices"),
            Field::Quantity => once(&mut self.quantity, value, "quantities"),
        }
    }

    /// "trim 42 to 50" may say units as well as a price.
    fn not_of_size(self, tokens: &[Token]) -> Parsed<Self> {
        let of_size = words::change(&tokens[0].text).is_some_and(|change| change.sizes);
        match self.plain {
            Some(value) if of_size && self.pending.is_none() => Err(ask(
                Missing::Price,
                &format!("Is {value} the price or the quantity? Say limit {value}, or {value} shares."),
            )),
            _ => Ok(self),
        }
    }

    fn command(mut self) -> Parsed<Command> {
        if self.id.is_some() && self.instrument.is_some() {
            return Err(refused("Give an order's number or a symbol, not both."));
        }
        if self.id.is_none() && self.instrument.is_none() {
            return Err(which_order());
        }
        if let Some(value) = self.plain.take() {
            self.put(Field::Limit, value)?;
        }
        if self.pending.is_some()
            || (self.limit, self.stop, self.quantity) == (None, None, None) && self.time_in_force.is_none()
        {
            return Err(ask(Missing::Price, "What should it be changed to?"));
        }
        let price = |value: Option<Decimal>| value.map(|value| Price::new(value.normalize()));
        Ok(Command::Replace {
            order_id: self.id.as_deref().map(Into::into),
            instrument: self.instrument,
            limit_price: price(self.limit),
            stop_price: price(self.stop),
            quantity: self.quantity.map(|value| Quantity::new(value.normalize())),
            time_in_force: self.time_in_force,
        })
    }
}
