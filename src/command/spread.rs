//! Option packages by name: verticals, straddles, strangles, condors, butterflies, calendars, covered calls, collars.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::{Leg, OptionContract, Right};
use crate::domain::order::{PositionEffect, PriceEffect, Side};

use super::ParseContext;
use super::order::{self, Slots, Trouble, Verb};
use super::types::{Amount, Command, Missing, Place, Subject};

/// The packages that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpreadKind {
    Vertical,
    Bull,
    Bear,
    Straddle,
    Strangle,
    IronCondor,
    IronButterfly,
    Butterfly,
    Calendar,
    CoveredCall,
    Collar,
}

/// How many strikes a package has.
pub(super) const fn strike_count(kind: SpreadKind) -> usize {
    use SpreadKind as K;
    match kind {
        K::Straddle | K::Calendar | K::CoveredCall => 1,
        K::Vertical | K::Bull | K::Bear | K::Strangle | K::Collar => 2,
        K::IronButterfly | K::Butterfly => 3,
        K::IronCondor => 4,
    }
}

/// A package's name at the front of some words: kind, right where the name has one, and how many words.
pub(super) fn name(words: &[&str]) -> Option<(SpreadKind, Option<Right>, usize)> {
    use SpreadKind as K;
    let word = |i: usize| words.get(i).copied().unwrap_or("");
    let spread = |text: &str| matches!(text, "spread" | "spreads" | "vertical" | "verticals" | "vert");
    let right = |text: &str| match text {
        "call" | "calls" => Some(Right::Call),
        "put" | "puts" => Some(Right::Put),
        _ => None,
    };
    Some(match (word(0), word(1), word(2)) {
        ("iron", "condor" | "condors", _) => (K::IronCondor, None, 2),
        ("ic" | "condor", ..) => (K::IronCondor, None, 1),
        ("iron", "butterfly" | "fly" | "butterflies", _) => (K::IronButterfly, None, 2),
        ("butterfly" | "fly" | "butterflies", ..) => (K::Butterfly, None, 1),
        ("straddle" | "straddles", ..) => (K::Straddle, None, 1),
        ("strangle" | "strangles", ..) => (K::Strangle, None, 1),
        ("covered", "call" | "calls", _) => (K::CoveredCall, Some(Right::Call), 2),
        ("buy-write" | "buywrite", ..) => (K::CoveredCall, Some(Right::Call), 1),
        ("calendar" | "calendars", text, _) => (K::Calendar, None, if spread(text) { 2 } else { 1 }),
        ("collar" | "collars", ..) => (K::Collar, None, 1),
        ("bull", side, text) if right(side).is_some() && spread(text) => (K::Bull, right(side), 3),
        ("bear", side, text) if right(side).is_some() && spread(text) => (K::Bear, right(side), 3),
        ("bull", text, _) if spread(text) => (K::Bull, None, 2),
        ("bear", text, _) if spread(text) => (K::Bear, None, 2),
        ("debit" | "credit", side, text) if right(side).is_some() && spread(text) => {
            (K::Vertical, right(side), 3)
        }
        (side, "debit" | "credit", text) if right(side).is_some() && spread(text) => {
            (K::Vertical, right(side), 3)
        }
        (side, text, _) if right(side).is_some() && spread(text) => (K::Vertical, right(side), 2),
        ("vertical" | "verticals" | "vert", text, _) => {
            (K::Vertical, None, if text == "spread" { 2 } else { 1 })
        }
        ("spread" | "spreads", ..) => (K::Vertical, None, 1),
        _ => return None,
    })
}

/// One leg before its instrument is built: buy or sell, ratio, right, strike, index of the expiry.
struct Sketch(bool, i64, Right, Decimal, usize);

fn missing(what: Vec<Missing>, text: &str) -> Trouble {
    Trouble::Missing(what, text.to_owned())
}

/// The order of a package.
pub(super) fn command(slots: &mut Slots, context: &ParseContext<'_>) -> Result<Command, Trouble> {
    let kind = slots.spread.unwrap_or(SpreadKind::Vertical);
    let underlying = match &slots.instrument {
        Some(Instrument::Equity { symbol }) => symbol.clone(),
        Some(other) => return Err(Trouble::Refused(format!("{other} has no listed options here."))),
        None => return Err(missing(vec![Missing::Instrument], "On which underlying?")),
    };
    // "strangle 200p/300c monthly 5.5": nobody trades half a spread, so that number is the price.
    if !order::has_price(slots) && slots.quantity.is_some_and(|q| !q.fract().is_zero()) {
        order::quantity_is_price(slots);
    }
    order::only_a_package(slots)?;
    if slots.verb.is_none() && slots.price_effect.is_none() {
        return Err(missing(vec![Missing::Side], "Buy or sell?"));
    }
    if slots.verb == Some(Verb::Close)
        && !matches!(slots.price_effect, Some(PriceEffect::Debit | PriceEffect::Credit))
    {
        return Err(missing(
            vec![Missing::Side],
            "Is the spread sold or bought to close it? Say sell to close, or buy to close.",
        ));
    }
    let side = side(slots, kind);
    let sketches = legs(slots, kind, side)?;
    check_effect(slots, &sketches, kind, side)?;
    nothing_lacks(slots)?;
    let expiries = expiries(slots, kind, &underlying, context)?;
    let quantity = order::whole_quantity(slots)?;
    let effect = if slots.verb == Some(Verb::Close) || slots.effect == Some(PositionEffect::Close) {
        PositionEffect::Close
    } else {
        PositionEffect::Open
    };
    let mut list: Vec<Leg> = Vec::with_capacity(sketches.len() + 1);
    if matches!(kind, SpreadKind::CoveredCall) {
        list.push(share_leg(&underlying));
    }
    for Sketch(buy, ratio, right, strike, at) in sketches {
        let expiry = expiries.get(at).or(expiries.first()).copied().unwrap_or(context.today);
        let contract = OptionContract {
            underlying: underlying.clone(),
            expiry,
            strike: Price::new(strike.normalize()),
            right,
            root: None,
        };
        list.push(Leg {
            side: if buy { Side::Buy } else { Side::Sell },
            position_effect: effect,
            ratio: Decimal::from(ratio),
            instrument: Instrument::Option(contract),
        });
    }
    let terms = order::terms(slots, AssetClass::Option, context)?;
    Ok(Command::Place(Place {
        side,
        position_effect: (effect == PositionEffect::Close).then_some(effect),
        subject: Subject::Legs(list),
        amount: Amount::Quantity(quantity),
        terms,
        exit_plan: None,
    }))
}

/// The days the legs expire, one or, of a calendar, the near one and the far one.
fn expiries(
    slots: &Slots,
    kind: SpreadKind,
    underlying: &Symbol,
    context: &ParseContext<'_>,
) -> Result<Vec<Date>, Trouble> {
    let mut days: Vec<Date> = slots
        .said_expiry
        .iter()
        .map(|said| order::expiry(*said, context, Some(underlying.as_str())))
        .collect::<Result<_, _>>()?;
    if kind == SpreadKind::Calendar {
        // The far month is the one that is bought, in whichever order they were said.
        days.sort_unstable();
        if days.windows(2).any(|w| w[0] == w[1]) {
            return Err(missing(
                vec![Missing::Expiry],
                "A calendar spread has two different expiries; which ones?",
            ));
        }
    }
    Ok(days)
}

/// Asks for what a package must say: how many, at which net price, expiring when.
fn nothing_lacks(slots: &Slots) -> Result<(), Trouble> {
    let mut lacks = Vec::new();
    if slots.quantity.is_none() {
        lacks.push(Missing::Quantity);
    }
    if !order::has_price(slots) && slots.price_effect != Some(PriceEffect::Even) {
        lacks.push(Missing::Price);
    }
    if slots.said_expiry.is_empty() {
        lacks.push(Missing::Expiry);
    }
    if lacks == [Missing::Quantity] {
        return Err(missing(lacks, "How many spreads?"));
    }
    if !lacks.is_empty() {
        let text = match lacks.as_slice() {
            [Missing::Price] => "At which net price? A spread goes as a limit order.",
            [Missing::Expiry] => "Which expiry?",
            _ => "Quantity, price and expiry of a spread must be said.",
        };
        return Err(missing(lacks, text));
    }
    Ok(())
}

fn share_leg(underlying: &Symbol) -> Leg {
    Leg {
        side: Side::Buy,
        position_effect: PositionEffect::Open,
        ratio: Decimal::ONE_HUNDRED,
        instrument: Instrument::Equity { symbol: underlying.clone() },
    }
}

/// What is bought costs a debit, what is sold brings a credit; of a bull or bear spread its name tells. The price must not say otherwise.
fn check_effect(slots: &Slots, legs: &[Sketch], kind: SpreadKind, side: Side) -> Result<(), Trouble> {
    let debit = match kind {
        SpreadKind::Bull | SpreadKind::Bear => {
            legs.first().is_some_and(|Sketch(buys_low, _, right, ..)| *buys_low == (*right == Right::Call))
        }
        _ => side.is_buy(),
    };
    let said = match slots.price_effect {
        Some(PriceEffect::Debit) => true,
        Some(PriceEffect::Credit) => false,
        _ => return Ok(()),
    };
    if said == debit {
        return Ok(());
    }
    let (does, pays) = if debit { ("bought", "debit") } else { ("sold", "credit") };
    Err(Trouble::Refused(format!("This spread is {does}, so its price is a {pays}; say which you mean.")))
}

/// The package's side: as said, else by the name, else buy for a debit and sell for a credit.
fn side(slots: &Slots, kind: SpreadKind) -> Side {
    match (slots.verb, kind, slots.price_effect) {
        (_, SpreadKind::CoveredCall, _) => Side::Buy,
        (Some(Verb::Sell | Verb::Short), ..) => Side::Sell,
        (_, SpreadKind::Bull | SpreadKind::Bear, Some(PriceEffect::Credit)) => Side::Sell,
        (Some(Verb::Buy), ..) => Side::Buy,
        (_, _, Some(PriceEffect::Credit)) => Side::Sell,
        _ => Side::Buy,
    }
}

/// The strikes and rights that were said, and what is asked where they do not make the package.
struct Strikes<'a> {
    slots: &'a Slots,
    /// As said.
    said: Vec<Decimal>,
    /// Rising, each once.
    sorted: Vec<Decimal>,
    buy: bool,
}

fn legs(slots: &Slots, kind: SpreadKind, side: Side) -> Result<Vec<Sketch>, Trouble> {
    use SpreadKind as K;
    let said: Vec<Decimal> = slots.strikes.iter().map(|(strike, _)| *strike).collect();
    let mut sorted = said.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let strikes = Strikes { slots, said, sorted, buy: side.is_buy() };
    if slots.right.is_some() && matches!(kind, K::Straddle | K::Strangle | K::IronCondor | K::IronButterfly) {
        return Err(Trouble::Refused("That package has calls and puts; name it without either.".to_owned()));
    }
    match kind {
        K::Vertical | K::Bull | K::Bear => strikes.vertical(kind),
        K::Straddle => strikes.straddle(),
        K::Strangle => strikes.strangle(),
        K::IronCondor => strikes.iron_condor(),
        K::IronButterfly => strikes.iron_butterfly(),
        K::Butterfly => strikes.butterfly(),
        K::Calendar => strikes.calendar(),
        K::CoveredCall => {
            strikes.need(1)?;
            Ok(vec![Sketch(false, 1, Right::Call, strikes.said[0], 0)])
        }
        K::Collar => {
            Err(Trouble::Refused("A collar is started as a strategy: start collar on SYMBOL.".to_owned()))
        }
    }
}

impl Strikes<'_> {
    /// Asks unless so many different strikes were said.
    fn need(&self, count: usize) -> Result<(), Trouble> {
        if self.said.len() == count && self.sorted.len() == count {
            return Ok(());
        }
        let text = match count {
            1 if self.said.is_empty() && self.slots.quantity.is_some() => {
                "How many, and at which strike? As in: buy 1 tsla 400 straddle dec 18 for 20.".to_owned()
            }
            1 => "This spread has 1 strike; which one?".to_owned(),
            _ => format!("This spread has {count} different strikes; which ones?"),
        };
        Err(missing(vec![Missing::Strike], &text))
    }

    fn right(&self) -> Result<Right, Trouble> {
        self.slots
            .right
            .or_else(|| self.slots.strikes.iter().find_map(|(_, right)| *right))
            .ok_or_else(|| missing(vec![Missing::Right], "Calls or puts?"))
    }

    fn vertical(&self, kind: SpreadKind) -> Result<Vec<Sketch>, Trouble> {
        self.need(2)?;
        let right = self.right()?;
        if self.slots.strikes.iter().any(|(_, said)| said.is_some_and(|said| said != right)) {
            return Err(Trouble::Refused("Calls and puts were both named; name the spread.".to_owned()));
        }
        // Calls are bought low and sold high, puts the other way round, for a debit.
        let debit_buys_low = right == Right::Call;
        let buys_low = match kind {
            SpreadKind::Bull => true,
            SpreadKind::Bear => false,
            _ => debit_buys_low == self.buy,
        };
        if !self.buy && buys_low == debit_buys_low {
            // "sell a bull call spread": its name says bought, and whether it is to be closed or turned round is not said.
            return Err(Trouble::Refused(
                "That spread is bought by its name; say the strikes without bull or bear to sell one."
                    .to_owned(),
            ));
        }
        let [low, high] = [self.sorted[0], self.sorted[1]];
        Ok(vec![Sketch(buys_low, 1, right, low, 0), Sketch(!buys_low, 1, right, high, 0)])
    }

    fn straddle(&self) -> Result<Vec<Sketch>, Trouble> {
        self.need(1)?;
        let strike = self.said[0];
        Ok(vec![Sketch(self.buy, 1, Right::Call, strike, 0), Sketch(self.buy, 1, Right::Put, strike, 0)])
    }

    fn strangle(&self) -> Result<Vec<Sketch>, Trouble> {
        self.need(2)?;
        let (first, second) = match (self.slots.strikes[0].1, self.slots.strikes[1].1) {
            (Some(a), Some(b)) if a != b => (a, b),
            _ if self.said[0] < self.said[1] => (Right::Put, Right::Call),
            _ => (Right::Call, Right::Put),
        };
        Ok(vec![Sketch(self.buy, 1, first, self.said[0], 0), Sketch(self.buy, 1, second, self.said[1], 0)])
    }

    /// Sold for a credit: the inner strikes are written, the outer ones protect.
    fn iron_condor(&self) -> Result<Vec<Sketch>, Trouble> {
        if self.sorted.len() != 4 || self.said.len() != 4 {
            return Err(missing(
                vec![Missing::Strike],
                "An iron condor has four different strikes; which ones?",
            ));
        }
        Ok(vec![
            Sketch(!self.buy, 1, Right::Put, self.sorted[0], 0),
            Sketch(self.buy, 1, Right::Put, self.sorted[1], 0),
            Sketch(self.buy, 1, Right::Call, self.sorted[2], 0),
            Sketch(!self.buy, 1, Right::Call, self.sorted[3], 0),
        ])
    }

    fn iron_butterfly(&self) -> Result<Vec<Sketch>, Trouble> {
        self.need(3)?;
        Ok(vec![
            Sketch(!self.buy, 1, Right::Put, self.sorted[0], 0),
            Sketch(self.buy, 1, Right::Put, self.sorted[1], 0),
            Sketch(self.buy, 1, Right::Call, self.sorted[1], 0),
            Sketch(!self.buy, 1, Right::Call, self.sorted[2], 0),
        ])
    }

    fn butterfly(&self) -> Result<Vec<Sketch>, Trouble> {
        self.need(3)?;
        let right = self.right()?;
        Ok(vec![
            Sketch(self.buy, 1, right, self.sorted[0], 0),
            Sketch(!self.buy, 2, right, self.sorted[1], 0),
            Sketch(self.buy, 1, right, self.sorted[2], 0),
        ])
    }

    fn calendar(&self) -> Result<Vec<Sketch>, Trouble> {
        self.need(1)?;
        if self.slots.said_expiry.len() != 2 {
            return Err(missing(vec![Missing::Expiry], "A calendar spread has two expiries; which ones?"));
        }
        let (right, strike) = (self.right()?, self.said[0]);
        Ok(vec![Sketch(!self.buy, 1, right, strike, 0), Sketch(self.buy, 1, right, strike, 1)])
    }
}
