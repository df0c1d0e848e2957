//! Filled slots to a command: what is missing is asked for, what contradicts itself is refused.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::command::ParseContext;
use crate::command::dates::{self, DayError, Said};
use crate::command::spread;
use crate::command::types::{Amount, Close, Command, Missing, Place, PriceTerms, Subject};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderType, PositionEffect, PriceEffect, Side, TimeInForce, TradingSession};

use super::prices::check_pair;
use super::{Parsed, Slots, Trouble, Verb, refuse};

/// "sto aapl 190p 1/15/27 2.35": no part of a contract is traded, so that number is the price, and how many is not said.
fn whole_contracts(slots: &mut Slots) -> Parsed<()> {
    let trails = slots.trail_amount.is_some() || slots.trail_percent.is_some();
    let priced =
        slots.limit.is_some() || slots.peg.is_some() || slots.stop.is_some() || slots.market || trails;
    let Some(quantity) = slots.quantity else { return Ok(()) };
    if !quantity.fract().is_zero() {
        if priced {
            let text = format!("Contracts are whole, {quantity} is not; how many?");
            return Err(Trouble::Missing(vec![Missing::Quantity], text));
        }
        quantity_is_price(slots);
    } else if slots.behind_contract && !priced {
        let text =
            format!("Is {quantity} how many contracts, or the price? Say x{quantity}, or at {quantity}.");
        return Err(Trouble::Missing(vec![Missing::Quantity], text));
    }
    Ok(())
}

/// The command of filled slots.
pub(in crate::command) fn command(mut slots: Slots, context: &ParseContext<'_>) -> Parsed<Command> {
    let settled = slots.instrument.as_ref().is_some_and(|known| slots.ambiguous.contains(known));
    if !slots.ambiguous.is_empty() && !settled {
        let names: Vec<String> = slots.ambiguous.iter().map(ToString::to_string).collect();
        return Err(Trouble::Missing(vec![Missing::Instrument], format!("Which one: {}?", names.join(", "))));
    }
    check_prices(&slots, false)?;
    covered_call(&mut slots)?;
    if slots.perpetual
        && let Some(Instrument::Crypto { base, .. }) = &slots.instrument
    {
        slots.instrument = Some(Instrument::Perpetual { symbol: base.clone() });
    }
    let shares = matches!(slots.instrument, Some(Instrument::Equity { .. }));
    let option = slots.option_said
        || slots.contracts_said && shares
        || slots.right.is_some()
        || !slots.strikes.is_empty()
        || !slots.said_expiry.is_empty();
    if slots.spread != Some(spread::SpreadKind::Calendar)
        && slots.said_expiry.windows(2).any(|w| w[0] != w[1])
    {
        return refuse("Two expiries were given; say one.");
    }
    if slots.spread.is_none()
        && slots.strikes.len() < 2
        && (option || matches!(slots.instrument, Some(Instrument::Option(_))))
    {
        whole_contracts(&mut slots)?;
    }
    if let Some(Instrument::Option(contract)) = &slots.instrument {
        said_of_contract(&slots, contract, context)?;
        return finish(slots, context);
    }
    if let Some(right) = slots.right
        && slots.strikes.iter().any(|(_, said)| said.is_some_and(|said| said != right))
    {
        return refuse("Calls and puts were both named; say one.");
    }
    if slots.strikes.iter().any(|(strike, _)| *strike <= Decimal::ZERO) {
        return refuse("A strike is above zero.");
    }
    if slots.spread.is_none() && slots.strikes.len() >= 2 && !slots.strikes_paired {
        return refuse("Two strikes were given; say one, or name the spread.");
    }
    if slots.spread.is_some() || (slots.strikes.len() >= 2) {
        return spread::command(&mut slots, context);
    }
    if option {
        slots.instrument = Some(single_option(&slots, context)?);
    }
    finish(slots, context)
}

/// Who buys a covered call buys the shares too; who sells one has them, and writes the call alone.
fn covered_call(slots: &mut Slots) -> Parsed<()> {
    if slots.spread != Some(spread::SpreadKind::CoveredCall) {
        return Ok(());
    }
    match slots.verb {
        Some(Verb::Buy) | None if slots.effect != Some(PositionEffect::Close) => Ok(()),
        Some(Verb::Sell | Verb::Short) if slots.effect != Some(PositionEffect::Close) => {
            slots.spread = None;
            slots.effect = Some(PositionEffect::Open);
            slots.right = Some(Right::Call);
            Ok(())
        }
        _ => refuse("Close the call and the shares one by one."),
    }
}

/// What is said beside a contract's own symbol must be the contract's.
fn said_of_contract(slots: &Slots, contract: &OptionContract, context: &ParseContext<'_>) -> Parsed<()> {
    let strike = |(strike, right): &(Decimal, Option<Right>)| {
        *strike == contract.strike.get() && right.is_none_or(|right| right == contract.right)
    };
    let day = |said: &Said| {
        expiry(*said, context, Some(contract.underlying.as_str())).is_ok_and(|day| day == contract.expiry)
    };
    let same = slots.spread.is_none()
        && slots.strikes.iter().all(strike)
        && slots.said_expiry.iter().all(day)
        && slots.right.is_none_or(|right| right == contract.right);
    if same {
        Ok(())
    } else {
        refuse(format!("The symbol is of {contract}, and something else is said beside it."))
    }
}

pub(in crate::command) fn check_prices(slots: &Slots, package: bool) -> Parsed<()> {
    let no_limit = slots.limit.is_none() && slots.peg.is_none();
    if slots.missing_price || slots.limit_named && no_limit {
        return Err(Trouble::Missing(vec![Missing::Price], "At which limit price?".to_owned()));
    }
    check_bracket(slots)?;
    // "stop 220 limit 221" says what it wants; "limit 250 stop 220" wants the one or the other.
    if !(slots.limit_named && slots.stop_first) && slots.spread.is_none() {
        check_pair(slots)?;
    }
    if slots.post_only && no_limit {
        return Err(Trouble::Missing(
            vec![Missing::Price],
            "A post-only order rests at a limit; at which price?".to_owned(),
        ));
    }
    if slots.post_only && matches!(slots.tif, Some(TimeInForce::Ioc | TimeInForce::Fok)) {
        return refuse("A post-only order rests; it cannot be immediate-or-cancel or fill-or-kill.");
    }
    if slots.market && (slots.limit.is_some() || slots.peg.is_some()) {
        return refuse("A market order has no limit price; say one or the other.");
    }
    if slots.trail_percent.is_some_and(|percent| percent <= Decimal::ZERO || percent >= Decimal::ONE_HUNDRED)
    {
        return refuse("A trail in per cent is above 0 and below 100.");
    }
    if slots.limit.is_some() && slots.peg.is_some() {
        return refuse("Two prices were given; say one.");
    }
    if slots.trail_amount.is_some() && slots.trail_percent.is_some() {
        return refuse("Two trails were given; say one.");
    }
    let trails = slots.trail_amount.is_some() || slots.trail_percent.is_some();
    if trails && (slots.limit.is_some() || slots.stop.is_some()) {
        return refuse("A trailing stop has no other price.");
    }
    let prices = [slots.limit, slots.stop, slots.trail_amount, slots.take_profit, slots.stop_loss];
    // Several legs may come to nothing in sum.
    let sums = package || slots.spread.is_some();
    if prices
        .into_iter()
        .flatten()
        .any(|price| price < Decimal::ZERO && slots.spread.is_none() || price.is_zero() && !sums)
    {
        return refuse("A price must be above 0.");
    }
    Ok(())
}

/// The exits of a bracket lie on their own sides of the entry, and only what opens has them.
fn check_bracket(slots: &Slots) -> Parsed<()> {
    if slots.take_profit.is_none() && slots.stop_loss.is_none() || slots.spread.is_some() {
        // What closes is itself what protects.
        if slots.bracket_said && matches!(slots.verb, Some(Verb::Buy | Verb::Short)) {
            return Err(Trouble::Missing(
                vec![Missing::Price],
                "At which prices does the bracket end? As in: tp 240 sl 220.".to_owned(),
            ));
        }
        return Ok(());
    }
    let long = match (slots.verb, slots.effect) {
        (Some(Verb::Buy), Some(PositionEffect::Open) | None) => true,
        (Some(Verb::Short), _) | (Some(Verb::Sell), Some(PositionEffect::Open)) => false,
        (None, _) => return Ok(()),
        _ => return refuse("What closes has no bracket; say the exit itself, limit 200 or stop 170."),
    };
    let entry = slots.limit.or(slots.stop);
    if let (true, Some(loss), None, None, false) =
        (slots.bare_loss, slots.stop_loss, entry, slots.peg, slots.market)
    {
        return refuse(format!(
            "Does the order trigger at {loss}, or is that its stop loss? Say stop {loss} or sl {loss}, and market."
        ));
    }
    let rising =
        |low: Option<Decimal>, high: Option<Decimal>| low.zip(high).is_none_or(|(low, high)| low < high);
    let (low, high) =
        if long { (slots.stop_loss, slots.take_profit) } else { (slots.take_profit, slots.stop_loss) };
    if rising(low, entry) && rising(entry, high) && rising(low, high) {
        Ok(())
    } else {
        refuse(
            "An exit lies on the wrong side: of a buy the target is above and the stop loss below, of a sale the other way round.",
        )
    }
}

/// Joins words by commas and an "and".
fn list_of(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

fn single_option(slots: &Slots, context: &ParseContext<'_>) -> Parsed<Instrument> {
    let mut missing = Vec::new();
    let mut words = Vec::new();
    let mut lacks = |what: Missing, word: &'static str| {
        missing.push(what);
        words.push(word);
    };
    let underlying = match &slots.instrument {
        Some(Instrument::Equity { symbol }) => Some(symbol.clone()),
        Some(other) => return refuse(format!("{other} has no listed options here.")),
        None => {
            lacks(Missing::Instrument, "underlying");
            None
        }
    };
    let counted = slots.percent_of_position.is_some() || slots.all || closes(slots);
    if slots.quantity.is_none() && slots.notional.is_none() && (slots.vague || !counted) {
        lacks(Missing::Quantity, "quantity");
    }
    if slots.said_expiry.is_empty() {
        lacks(Missing::Expiry, "expiry");
    }
    let strike = slots.strikes.first();
    if strike.is_none() {
        lacks(Missing::Strike, "strike");
    }
    let right = strike.and_then(|(_, right)| *right).or(slots.right);
    if right.is_none() {
        lacks(Missing::Right, "right (call or put)");
    }
    if !missing.is_empty() {
        return Err(Trouble::Missing(missing, format!("What {} do you mean?", list_of(&words))));
    }
    let expiry = expiry(slots.said_expiry[0], context, underlying.as_ref().map(|u| u.as_str()))?;
    match (underlying, strike, right) {
        (Some(underlying), Some((strike, _)), Some(right)) => Ok(Instrument::Option(OptionContract {
            underlying,
            expiry,
            strike: Price::new(*strike),
            right,
            root: None,
        })),
        _ => refuse("The option is not complete."),
    }
}

/// The expiry day, or what to say about it.
pub(in crate::command) fn expiry(
    said: Said,
    context: &ParseContext<'_>,
    underlying: Option<&str>,
) -> Parsed<Date> {
    let listed = underlying.and_then(|symbol| context.lookup.expiries(symbol));
    dates::expiry(said, context.today, context.calendar, listed.as_deref()).map_err(|error| {
        let text = match error {
            DayError::Past(day) => format!("{day} is past; which expiry do you mean?"),
            DayError::NotASession(day, near) => format!("{day} is no trading day; did you mean {near}?"),
        };
        Trouble::Missing(vec![Missing::Expiry], text)
    })
}

/// Does the verb close a position when no number is said.
fn closes(slots: &Slots) -> bool {
    matches!(slots.verb, Some(Verb::Close | Verb::Cover | Verb::Protect))
        || slots.effect == Some(PositionEffect::Close)
}

/// Prices and duration of the slots.
pub(in crate::command) fn terms(
    slots: &Slots,
    class: AssetClass,
    context: &ParseContext<'_>,
) -> Parsed<PriceTerms> {
    let order_type = match (
        slots.trail_amount.is_some() || slots.trail_percent.is_some(),
        slots.limit.is_some() || slots.peg.is_some(),
        slots.stop.is_some(),
    ) {
        (true, ..) => OrderType::TrailingStop,
        (_, true, true) => OrderType::StopLimit,
        (_, true, false) => OrderType::Limit,
        (_, false, true) => OrderType::Stop,
        _ => OrderType::Market,
    };
    if slots.extended && slots.regular {
        return refuse("Regular and extended hours were both said; say one.");
    }
    if slots.extended && order_type != OrderType::Limit {
        return Err(Trouble::Missing(
            vec![Missing::Price],
            "Outside regular hours an order needs a limit price; which one?".to_owned(),
        ));
    }
    let expire_date = match slots.expire {
        Some(said) => match dates::expiry(said, context.today, context.calendar, None) {
            Ok(day) | Err(DayError::NotASession(day, _)) => Some(day),
            Err(DayError::Past(day)) => {
                return Err(Trouble::Missing(
                    vec![Missing::Date],
                    format!("{day} is past; until which day?"),
                ));
            }
        },
        None => None,
    };
    let default_tif = if class.trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day };
    let price = |value: Option<Decimal>| value.map(|v| Price::new(v.normalize()));
    Ok(PriceTerms {
        order_type,
        limit_price: price(slots.limit),
        stop_price: price(slots.stop),
        trail_amount: price(slots.trail_amount),
        trail_percent: slots.trail_percent.map(|p| p.normalize()),
        twap: None,
        limit_peg: slots.peg,
        time_in_force: slots.tif.unwrap_or(default_tif),
        expire_date,
        session: slots.extended.then_some(TradingSession::Extended),
        price_effect: slots.price_effect,
        take_profit: price(slots.take_profit),
        stop_loss: price(slots.stop_loss),
        broker: slots.broker.map(Into::into),
        post_only: slots.post_only.then_some(true),
        reduce_only: slots.reduce_only.then_some(true),
    })
}

/// Most units one order may name, and most digits.
fn check_quantity(quantity: Decimal) -> Parsed<Quantity> {
    if quantity <= Decimal::ZERO {
        return Err(Trouble::Missing(vec![Missing::Quantity], "The quantity must be above 0.".to_owned()));
    }
    if quantity > Decimal::from(1_000_000_000_000_i64) || quantity.normalize().scale() > 12 {
        return Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("{quantity} is no quantity an order can have."),
        ));
    }
    Ok(Quantity::new(quantity.normalize()))
}

fn finish(slots: Slots, context: &ParseContext<'_>) -> Parsed<Command> {
    let verb = slots.verb.ok_or_else(|| Trouble::Missing(vec![Missing::Side], "Buy or sell?".to_owned()))?;
    if slots.price_effect.is_some() && !matches!(slots.instrument, Some(Instrument::Option(_))) {
        return refuse("Debit and credit are said of option spreads.");
    }
    match (verb, slots.price_effect) {
        (Verb::Buy | Verb::Cover, Some(PriceEffect::Credit)) => {
            return refuse("What is bought is paid for: its price is a debit. Say buy or sell anew.");
        }
        (Verb::Sell | Verb::Short, Some(PriceEffect::Debit)) => {
            return refuse(
                "What is sold is paid for by others: its price is a credit. Say buy or sell anew.",
            );
        }
        _ => {}
    }
    let amount_said =
        slots.quantity.is_some() || slots.notional.is_some() || slots.percent_of_power.is_some();
    let part = slots.percent_of_position.is_some() || slots.all;
    if amount_said && slots.percent_of_position.is_some() {
        return refuse("Two amounts were given; say one.");
    }
    let Some(instrument) = slots.instrument.clone() else {
        let mut missing = vec![Missing::Instrument];
        if !amount_said && !part && !closes(&slots) {
            missing.push(Missing::Quantity);
        }
        let text = if missing.len() == 2 { "What, and how much?" } else { "Which symbol?" };
        return Err(Trouble::Missing(missing, text.to_owned()));
    };
    if slots.lots_said && instrument.as_option().is_none() {
        return Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("A lot may be 1, 100 or 100,000 of {instrument}; how many units?"),
        ));
    }
    if slots.contracts_said && matches!(instrument, Instrument::Crypto { .. } | Instrument::Fx { .. }) {
        return Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("A contract is of no fixed size in {instrument}; how many units?"),
        ));
    }
    let terms = terms(&slots, instrument.asset_class(), context)?;
    let closing_verb = matches!(verb, Verb::Close | Verb::Protect)
        || (slots.effect == Some(PositionEffect::Close) && !amount_said);
    let part_of_held = part && !matches!(verb, Verb::Buy | Verb::Short);
    // "close some of my tsla" is not all of it.
    if slots.vague && !amount_said {
        return Err(how_many(&instrument));
    }
    if closing_verb || (part_of_held && !amount_said) || (matches!(verb, Verb::Cover) && !amount_said) {
        if slots.notional.is_some() || slots.percent_of_power.is_some() {
            return refuse("Close by units or by a percentage of the position.");
        }
        let quantity = slots.quantity.map(check_quantity).transpose()?;
        return Ok(Command::Close(Close {
            instrument,
            quantity,
            percent_of_position: slots.percent_of_position.map(|p| p.normalize()),
            terms,
        }));
    }
    let side = match verb {
        Verb::Buy | Verb::Close | Verb::Protect => Side::Buy,
        Verb::Sell => Side::Sell,
        // Of options a side is only buy or sell; whether it opens or closes is the position effect.
        Verb::Short if instrument.as_option().is_none() => Side::SellShort,
        Verb::Short => Side::Sell,
        Verb::Cover if instrument.as_option().is_none() => Side::BuyToCover,
        Verb::Cover => Side::Buy,
    };
    let covers_option = verb == Verb::Cover && instrument.as_option().is_some();
    let amount = amount(&slots, &instrument)?;
    Ok(Command::Place(Place {
        side,
        position_effect: slots.effect.or(covers_option.then_some(PositionEffect::Close)),
        subject: Subject::Instrument(instrument),
        amount,
        terms,
        exit_plan: None,
    }))
}

/// How much an order is for. One amount, and more than nothing.
fn amount(slots: &Slots, instrument: &Instrument) -> Parsed<Amount> {
    Ok(match (slots.quantity, slots.notional, slots.percent_of_power, slots.percent_of_position) {
        (Some(_), Some(_), ..) | (Some(_), _, Some(_), _) | (_, Some(_), Some(_), _) => {
            return refuse("Two amounts were given; say one.");
        }
        (Some(quantity), ..) => Amount::Quantity(check_quantity(quantity)?),
        (_, Some(money), ..) => {
            if money <= Decimal::ZERO || money > Decimal::from(1_000_000_000_000_i64) {
                return Err(Trouble::Missing(
                    vec![Missing::Quantity],
                    "The amount must be above 0.".to_owned(),
                ));
            }
            Amount::Notional(money.normalize())
        }
        (_, _, Some(percent), _) => Amount::PercentOfBuyingPower(percent.normalize()),
        (_, _, _, Some(percent)) => Amount::PercentOfPosition(percent.normalize()),
        _ => return Err(how_many(instrument)),
    })
}

fn how_many(instrument: &Instrument) -> Trouble {
    let unit = match instrument.asset_class() {
        AssetClass::Equity => "shares of ",
        AssetClass::Option => "contracts of ",
        _ => "",
    };
    Trouble::Missing(vec![Missing::Quantity], format!("How many {unit}{instrument}?"))
}

/// Whole number of a quantity, for packages.
pub(in crate::command) fn whole_quantity(slots: &Slots) -> Parsed<Quantity> {
    match slots.quantity {
        Some(quantity) if quantity.fract().is_zero() && quantity.to_i64().is_some_and(|q| q > 0) => {
            check_quantity(quantity)
        }
        Some(quantity) => refuse(format!("{quantity} is no number of spreads.")),
        None => Err(Trouble::Missing(vec![Missing::Quantity], "How many?".to_owned())),
    }
}

/// A package is bought or sold by number at a net price: what else was said cannot be kept, and must not be dropped.
pub(in crate::command) fn only_a_package(slots: &Slots) -> Parsed<()> {
    if slots.notional.is_some() || slots.percent_of_power.is_some() || slots.percent_of_position.is_some() {
        return refuse("Say how many spreads; they are not traded by money or per cent here.");
    }
    if slots.stop.is_some() || slots.trail_amount.is_some() || slots.trail_percent.is_some() {
        return refuse("A spread goes as a limit order at its net price, not as a stop.");
    }
    if slots.take_profit.is_some() || slots.stop_loss.is_some() {
        return refuse("A spread has no bracket here; set its exits once it is filled.");
    }
    Ok(())
}

/// Does the order have a price of any kind.
pub(in crate::command) const fn has_price(slots: &Slots) -> bool {
    slots.limit.is_some() || slots.peg.is_some()
}

/// A lone fractional number of a package was its price.
pub(in crate::command) const fn quantity_is_price(slots: &mut Slots) {
    slots.limit = slots.quantity.take();
}
