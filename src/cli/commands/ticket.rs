//! From the flags of an order to the `Command` that any other door would make of it.

use rust_decimal::Decimal;

use super::speak::Door;
use crate::cli::args::{EffectArg, PegArg, SideArg, TicketArgs, TifArg};
use crate::cli::error::CliError;
use crate::cli::language;
use crate::client::Request;
use crate::command::types::{Amount, Command, LimitPeg, Place, PriceTerms, Subject};
use crate::domain::exit::ExitPlan;
use crate::domain::instrument::{AssetClass, Instrument, SymbolLookup};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{Leg, OptionContract};
use crate::domain::order::{OrderType, PositionEffect, PriceEffect, Side, TimeInForce, TradingSession};

/// Most legs of a package.
const LEGS_MAX: usize = 4;

/// The side as the engine says it.
pub(super) const fn side(side: SideArg) -> Side {
    match side {
        SideArg::Buy | SideArg::Bto | SideArg::Btc => Side::Buy,
        SideArg::Sell | SideArg::Sto | SideArg::Stc => Side::Sell,
        SideArg::Short => Side::SellShort,
        SideArg::Cover => Side::BuyToCover,
    }
}

const fn effect_of_side(side: SideArg) -> Option<PositionEffect> {
    match side {
        SideArg::Bto | SideArg::Sto => Some(PositionEffect::Open),
        SideArg::Btc | SideArg::Stc => Some(PositionEffect::Close),
        _ => None,
    }
}

impl From<EffectArg> for PositionEffect {
    fn from(effect: EffectArg) -> Self {
        match effect {
            EffectArg::Open => Self::Open,
            EffectArg::Close => Self::Close,
        }
    }
}

impl From<PegArg> for LimitPeg {
    fn from(peg: PegArg) -> Self {
        match peg {
            PegArg::Mid => Self::Mid,
            PegArg::Bid => Self::Bid,
            PegArg::Ask => Self::Ask,
            PegArg::Last => Self::Last,
        }
    }
}

/// A request to carry out a command through this door, with the hash of what was shown and confirmed.
pub(super) fn execute(command: Command, door: &Door, confirmation_hash: Option<String>) -> Request {
    Request::Execute {
        command,
        origin: door.origin,
        account: door.account.clone(),
        confirmation_hash,
        allow_duplicate: door.allow_duplicate,
        wait: door.wait,
    }
}

/// The order the flags mean.
///
/// # Errors
/// `Usage`, with what was found and what is allowed.
pub(super) fn place(args: &TicketArgs, lookup: &dyn SymbolLookup) -> Result<Place, CliError> {
    let (quantity, symbol) = positionals(args)?;
    let subject = subject(args, symbol, lookup)?;
    let amount = amount(args, quantity)?;
    let said = effect_of_side(args.side);
    let flagged = args.effect.map(PositionEffect::from);
    if let (Some(said), Some(flagged)) = (said, flagged)
        && said != flagged
    {
        return Err(CliError::usage("--effect contradicts the side"));
    }
    let position_effect = said.or(flagged);
    let is_option = matches!(&subject, Subject::Instrument(Instrument::Option(_)));
    if position_effect.is_some() && !is_option {
        return Err(CliError::usage("open and close are said of single options only; a leg says its own"));
    }
    let terms = terms(args, &subject)?;
    let exit_plan = match args.exits.is_empty() {
        true => None,
        false => {
            let parts = args.exits.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let plan = ExitPlan::from_pairs(parts).map_err(|error| CliError::usage(error.to_string()))?;
            Some(Box::new(plan))
        }
    };
    Ok(Place { side: side(args.side), position_effect, subject, amount, terms, exit_plan })
}

/// Quantity and symbol: both, or the one that the flags leave open.
fn positionals(args: &TicketArgs) -> Result<(Option<Quantity>, Option<&str>), CliError> {
    let sized = args.notional.is_some()
        || args.percent_of_position.is_some()
        || args.percent_of_buying_power.is_some();
    let number = |text: &str| {
        let parsed = text.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
        parsed.ok_or_else(|| {
            CliError::usage(format!(
                "quantity: found '{text}', allowed a number above 0 of at most 28 digits"
            ))
        })
    };
    match (args.first.as_deref(), args.second.as_deref()) {
        (first, Some(_)) if !args.legs.is_empty() => Err(CliError::usage(format!(
            "a package has a quantity and legs, no symbol; found '{}' too",
            first.unwrap_or_default()
        ))),
        (Some(_), Some(_)) if sized => {
            Err(CliError::usage("give a quantity or an option that says how much, not both"))
        }
        (Some(quantity), Some(symbol)) => Ok((Some(number(quantity)?), Some(symbol))),
        (Some(quantity), None) if !args.legs.is_empty() => Ok((Some(number(quantity)?), None)),
        (Some(symbol), None) if sized => Ok((None, Some(symbol))),
        (Some(only), None) if only.parse::<Decimal>().is_ok() => {
            Err(CliError::usage("which instrument? give a symbol"))
        }
        (Some(symbol), None) => Err(CliError::usage(format!(
            "how many of {symbol}? give a quantity before it, --notional or a percentage"
        ))),
        (None, _) => Err(CliError::usage("how many of what? give a quantity and a symbol")),
    }
}

fn amount(args: &TicketArgs, quantity: Option<Quantity>) -> Result<Amount, CliError> {
    quantity
        .map(Amount::Quantity)
        .or(args.notional.map(Amount::Notional))
        .or(args.percent_of_position.map(Amount::PercentOfPosition))
        .or(args.percent_of_buying_power.map(Amount::PercentOfBuyingPower))
        .ok_or_else(|| CliError::usage("how many? give a quantity"))
}

fn subject(args: &TicketArgs, symbol: Option<&str>, lookup: &dyn SymbolLookup) -> Result<Subject, CliError> {
    if !args.legs.is_empty() {
        if !(2..=LEGS_MAX).contains(&args.legs.len()) {
            return Err(CliError::usage(format!("found {} legs, allowed 2 to {LEGS_MAX}", args.legs.len())));
        }
        let legs: Result<Vec<Leg>, CliError> = args.legs.iter().map(|text| leg(text, lookup)).collect();
        return Ok(Subject::Legs(legs?));
    }
    let Some(symbol) = symbol else { return Err(CliError::usage("which instrument? give a symbol")) };
    let instrument = language::instrument(symbol, lookup)?;
    let (Some(expiry), Some(strike), Some(right)) = (args.expiry, args.strike, args.right) else {
        return Ok(Subject::Instrument(instrument));
    };
    let Instrument::Equity { symbol: underlying } = instrument else {
        return Err(CliError::usage(format!("{instrument} has no options; allowed are shares and funds")));
    };
    let contract = OptionContract { underlying, expiry, strike, right: right.into(), root: None };
    Ok(Subject::Instrument(contract.into_instrument()))
}

/// A leg: `SIDE RATIO SYMBOL [open|close]`. An OCC symbol may have its blanks.
fn leg(text: &str, lookup: &dyn SymbolLookup) -> Result<Leg, CliError> {
    let wrong = |what: String| {
        CliError::usage(format!("leg '{text}': {what}; allowed \"buy 1 AAPL270115C00190000\" [open|close]"))
    };
    let mut rest = text.trim();
    let mut word = || {
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail.trim_start();
        word.to_ascii_lowercase()
    };
    let (side, said) = match word().as_str() {
        "buy" | "+" => (Side::Buy, None),
        "sell" | "-" => (Side::Sell, None),
        "bto" => (Side::Buy, Some(PositionEffect::Open)),
        "sto" => (Side::Sell, Some(PositionEffect::Open)),
        "btc" => (Side::Buy, Some(PositionEffect::Close)),
        "stc" => (Side::Sell, Some(PositionEffect::Close)),
        other => return Err(wrong(format!("found side '{other}'"))),
    };
    let ratio = word();
    let ratio = ratio
        .parse::<Quantity>()
        .ok()
        .filter(|ratio| *ratio >= Quantity::from(1) && ratio.get().fract().is_zero())
        .ok_or_else(|| wrong(format!("found ratio '{ratio}', allowed a whole number above 0")))?;
    let mut position_effect = said.unwrap_or(PositionEffect::Open);
    for (suffix, effect) in [(" open", PositionEffect::Open), (" close", PositionEffect::Close)] {
        if let Some(symbol) = rest.strip_suffix(suffix) {
            (rest, position_effect) = (symbol.trim_end(), effect);
        }
    }
    let instrument = language::instrument(rest, lookup).map_err(|error| wrong(error.message))?;
    Ok(Leg { side, position_effect, ratio: ratio.get(), instrument })
}

fn terms(args: &TicketArgs, subject: &Subject) -> Result<PriceTerms, CliError> {
    let (net, price_effect) = match (args.debit, args.credit, args.even) {
        (Some(price), _, _) => (Some(price), Some(PriceEffect::Debit)),
        (_, Some(price), _) => (Some(price), Some(PriceEffect::Credit)),
        (_, _, true) => (Some(Price::ZERO), Some(PriceEffect::Even)),
        _ => (None, None),
    };
    let limit_price = args.limit.or(net);
    let order_type = match (limit_price.is_some() || args.peg.is_some(), args.stop.is_some()) {
        _ if args.trail_amount.is_some() || args.trail_percent.is_some() => OrderType::TrailingStop,
        (true, true) => OrderType::StopLimit,
        (true, false) => OrderType::Limit,
        (false, true) => OrderType::Stop,
        (false, false) => OrderType::Market,
    };
    let priced = matches!(order_type, OrderType::Limit | OrderType::StopLimit);
    if matches!(subject, Subject::Legs(_)) && order_type != OrderType::Limit {
        return Err(CliError::usage("a package needs its price: --debit, --credit or --even"));
    }
    if args.limit.is_some() && matches!(subject, Subject::Legs(_)) {
        return Err(CliError::usage("a package's price is a --debit, a --credit or --even"));
    }
    if args.extended && !priced {
        return Err(CliError::usage("an extended-hours order needs a --limit"));
    }
    if args.trail_percent.is_some_and(|percent| percent >= Decimal::ONE_HUNDRED) {
        return Err(CliError::usage("--trail-percent: allowed above 0 and below 100"));
    }
    let time_in_force = args.tif.map_or_else(|| default_tif(subject), TimeInForce::from);
    if (args.tif == Some(TifArg::Gtd)) != args.expire_date.is_some() {
        return Err(CliError::usage("--tif gtd and --expire-date go together"));
    }
    Ok(PriceTerms {
        order_type,
        limit_price,
        stop_price: args.stop,
        trail_amount: args.trail_amount,
        trail_percent: args.trail_percent,
        twap: None,
        limit_peg: args.peg.map(LimitPeg::from),
        time_in_force,
        expire_date: args.expire_date,
        session: args.extended.then_some(TradingSession::Extended),
        price_effect,
        take_profit: args.take_profit,
        stop_loss: args.stop_loss,
        broker: None,
        post_only: args.post_only.then_some(true),
        reduce_only: args.reduce_only.then_some(true),
    })
}

/// Day, but where the market never closes.
fn default_tif(subject: &Subject) -> TimeInForce {
    let class = match subject {
        Subject::Instrument(instrument) => instrument.asset_class(),
        Subject::Legs(_) => AssetClass::Option,
    };
    if class.trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day }
}
