//! A `Command` and the state of the books become order requests: percentages, money amounts and pegs turn into units and prices here.

use rust_decimal::Decimal;

use crate::client::SessionError;
use crate::command::types::{Amount, Close, Command, FlattenScope, LimitPeg, Place, PriceTerms, Subject};
use crate::core::engine::Engine;
use crate::domain::exit::ExitPlan;
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::login::Login;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{
    BracketExit, Contingency, Order, OrderChange, OrderRequest, OrderSubject, OrderType, Origin, OriginKind,
    PositionEffect, PriceEffect, Pricing, Side, Slices, TimeInForce, TradingSession, Trail,
};
use crate::domain::position::Position;

mod uncommitted;

use super::absent::{no_order, no_position};
use uncommitted::uncommitted;

/// Who asks, and for which account.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Through which door.
    pub origin: OriginKind,
    /// The account.
    pub account: AccountId,
    /// The same order twice is meant.
    pub allow_duplicate: bool,
}

/// Every instrument a command names: the engine must know their terms and prices first.
#[must_use]
pub fn instruments(command: &Command) -> Vec<Instrument> {
    match command {
        Command::Place(Place { subject: Subject::Instrument(instrument), .. })
        | Command::Close(Close { instrument, .. })
        | Command::Chart { instrument, .. }
        | Command::Alert { instrument, .. } => vec![instrument.clone()],
        Command::Place(Place { subject: Subject::Legs(legs), .. }) => {
            legs.iter().map(|leg| leg.instrument.clone()).collect()
        }
        Command::Quote { instruments } | Command::Watch { instruments, .. } => instruments.clone(),
        _ => Vec::new(),
    }
}

/// The order that a `place` means.
///
/// # Errors
/// `Usage` when a price or quantity cannot be worked out, and says what is missing.
pub fn place(core: &mut Engine, place: &Place, asker: &Asker) -> Result<OrderRequest, SessionError> {
    let (subject, multiplier) = match &place.subject {
        Subject::Instrument(instrument) => {
            let multiplier = core.spec(instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
            (OrderSubject::Instrument(instrument.clone()), multiplier)
        }
        Subject::Legs(legs) => {
            let subject = OrderSubject::Legs(legs.clone());
            let multiplier = crate::core::lifecycle::package_multiplier(&subject);
            (subject, multiplier)
        }
    };
    let pricing = pricing(core, &subject, place.side, &place.terms)?;
    let cash_order_quantity = cash(core, &subject, place, pricing, &asker.account);
    let mut quantity = quantity(core, &subject, place, pricing, multiplier, &asker.account)?;
    if cash_order_quantity.is_some()
        && let Some(spec) = subject.instrument().and_then(|instrument| core.spec(instrument))
    {
        // Risk reckons with no less than the money.
        quantity += Quantity::new(spec.quantity_increment);
    }
    if let Some(plan) = &place.exit_plan {
        check_plan(plan, place)?;
    }
    let request = build(core, subject, place.side, quantity, pricing, &place.terms, asker);
    let exit_plan = place.exit_plan.clone();
    let position_effect = place.position_effect;
    Ok(core.stated(OrderRequest { position_effect, cash_order_quantity, exit_plan, ..request }))
}

/// Can an order come with this plan: it opens one position, and has no other exits.
fn check_plan(plan: &ExitPlan, place: &Place) -> Result<(), SessionError> {
    let refuse = |why: &str| Err(SessionError::Usage(why.to_owned()));
    if matches!(place.subject, Subject::Legs(_)) {
        return refuse("a package has no exit plan: its legs are positions of their own");
    }
    if place.terms.take_profit.is_some() || place.terms.stop_loss.is_some() {
        return refuse("a bracket has its exits already: give either those or an exit plan");
    }
    let closes = place.position_effect == Some(PositionEffect::Close)
        || matches!(place.side, Side::BuyToCover)
        || place.terms.reduce_only == Some(true);
    if closes {
        return refuse("an order that closes opens nothing that a plan could close");
    }
    plan.check().map_err(|error| SessionError::Usage(error.to_string()))
}

/// The order that closes a position, or part of it.
///
/// # Errors
/// `Usage` when there is no such position, or all of it is committed to working orders.
pub fn close(core: &mut Engine, close: &Close, asker: &Asker) -> Result<OrderRequest, SessionError> {
    let position = core
        .position(&asker.account, &close.instrument)
        .filter(|position| !position.quantity.is_zero())
        .ok_or_else(|| no_position(core, &asker.account, &close.instrument))?;
    let class = close.instrument.asset_class();
    let side = Side::closing(!position.quantity.is_negative(), class);
    let subject = OrderSubject::Instrument(close.instrument.clone());
    let pricing = pricing(core, &subject, side, &close.terms)?;
    let held = position.quantity.abs();
    let quantity = match (close.quantity, close.percent_of_position) {
        (Some(quantity), _) if quantity > held => {
            return Err(SessionError::Usage(format!(
                "the position in {} is {held}, less than {quantity}",
                close.instrument
            )));
        }
        (Some(quantity), _) => quantity,
        (None, Some(percent)) => part_of(core, &close.instrument, held, percent)?,
        (None, None) => held,
    };
    let (quantity, group) = uncommitted(core, &asker.account, &close.instrument, side, quantity, held)?;
    let mut request = build(core, subject, side, quantity, pricing, &close.terms, asker);
    request.reduce_only = true;
    request.position_effect = (class == AssetClass::Option).then_some(PositionEffect::Close);
    request.contingency.oco_group = group;
    Ok(request)
}

/// Market orders that close every position of a scope.
///
/// # Errors
/// `Usage` when nothing is open in the scope, or one position cannot be closed.
pub fn flatten(
    core: &mut Engine,
    scope: FlattenScope,
    asker: &Asker,
) -> Result<Vec<OrderRequest>, SessionError> {
    let positions: Vec<Position> = core
        .positions(&asker.account)
        .into_iter()
        .filter(|position| in_scope(&position.instrument, scope))
        .collect();
    if positions.is_empty() {
        return Err(SessionError::Usage("no open position to close".to_owned()));
    }
    let mut orders = Vec::with_capacity(positions.len());
    for position in positions {
        let around_the_clock = position.instrument.asset_class().trades_around_the_clock();
        let command = Close {
            instrument: position.instrument,
            quantity: None,
            percent_of_position: None,
            terms: PriceTerms::market(if around_the_clock { TimeInForce::Gtc } else { TimeInForce::Day }),
        };
        orders.push(close(core, &command, asker)?);
    }
    Ok(orders)
}

/// Working orders that a cancel means.
///
/// # Errors
/// `Usage` when nothing matches.
pub fn cancel_targets(
    core: &Engine,
    order_id: Option<&str>,
    instrument: Option<&Instrument>,
    side: Option<Side>,
) -> Result<Vec<ClientOrderId>, SessionError> {
    if let Some(id) = order_id {
        return Ok(vec![find_order(core, id)?.request.client_order_id]);
    }
    let targets: Vec<ClientOrderId> = core
        .book()
        .working()
        .filter(|order| {
            instrument.is_none_or(|wanted| order.request.subject.instruments().any(|i| i == wanted))
        })
        .filter(|order| side.is_none_or(|wanted| order.request.side == wanted))
        .map(|order| order.request.client_order_id)
        .collect();
    if targets.is_empty() {
        let of = instrument.map(|i| format!(" in {i}")).unwrap_or_default();
        return Err(SessionError::Usage(format!("no working order{of} to cancel")));
    }
    Ok(targets)
}

/// The working order that a replace means, and the change.
///
/// # Errors
/// `Usage` when none or several match.
pub fn replace_target(
    core: &Engine,
    order_id: Option<&str>,
    instrument: Option<&Instrument>,
    change: &OrderChange,
) -> Result<ClientOrderId, SessionError> {
    if let Some(id) = order_id {
        return Ok(find_order(core, id)?.request.client_order_id);
    }
    let Some(wanted) = instrument else {
        return Err(SessionError::Clarify("Which order? Give its number or its symbol.".to_owned()));
    };
    let candidates: Vec<&Order> = core
        .book()
        .working()
        .filter(|order| order.request.subject.instruments().any(|i| i == wanted))
        .filter(|order| {
            let pricing = order.request.pricing;
            (change.limit_price.is_none() || pricing.limit_price().is_some())
                && (change.stop_price.is_none() || pricing.stop_price().is_some())
        })
        .collect();
    // The exits of a bracket are meant only where the entry itself does not work any more.
    let entries: Vec<&Order> =
        candidates.iter().copied().filter(|order| order.request.contingency.parent.is_none()).collect();
    let candidates = if entries.len() == 1 { entries } else { candidates };
    match candidates.as_slice() {
        [one] => Ok(one.request.client_order_id),
        [] => Err(SessionError::Usage(format!("no working order in {wanted} that has such a price"))),
        several => {
            let numbers: Vec<String> = several.iter().map(|order| order.number.to_string()).collect();
            Err(SessionError::Clarify(format!(
                "Which order in {wanted}? Working are {}.",
                numbers.join(", ")
            )))
        }
    }
}

/// An order by its number or our id, as typed.
///
/// # Errors
/// `Usage` when there is none.
pub fn find_order<'a>(core: &'a Engine, text: &str) -> Result<&'a Order, SessionError> {
    let found = text.trim_start_matches('#').parse::<u64>().map_or_else(
        |_| text.parse::<ClientOrderId>().ok().and_then(|id| core.order(id)),
        |number| core.book().by_number(OrderNumber(number)),
    );
    found.ok_or_else(|| no_order(core, &text.escape_default().to_string()))
}

/// The account that a command goes to: the one at the broker it names, else the one that plain commands mean, else, where that one does not
/// trade such a thing, the only other of the same mode that does.
///
/// # Errors
/// `Usage` when there is no such account, `Clarify` when there are several.
pub fn route(core: &Engine, logins: &[Login], command: &Command) -> Result<AccountId, SessionError> {
    let default = core.default_account();
    let (terms, class) = match command {
        Command::Place(place) => {
            let class = match &place.subject {
                Subject::Instrument(instrument) => instrument.asset_class(),
                Subject::Legs(_) => AssetClass::Option,
            };
            (&place.terms, class)
        }
        Command::Close(close) => (&close.terms, close.instrument.asset_class()),
        _ => return Ok(default.clone()),
    };
    let names = |found: &[AccountId]| found.iter().map(AccountId::to_string).collect::<Vec<_>>().join(", ");
    if let Some(name) = terms.broker.as_deref() {
        let paper = core.account_ids().find(|id| id.as_str() == name).cloned();
        let at: Vec<AccountId> =
            logins.iter().filter(|login| login.broker == name).map(|login| login.account.clone()).collect();
        return match (paper, at.as_slice()) {
            (Some(account), _) => Ok(account),
            (None, [only]) => Ok(only.clone()),
            (None, []) => {
                let all: Vec<AccountId> = core.account_ids().cloned().collect();
                Err(SessionError::Usage(format!(
                    "no account at '{}' is connected; connected: {}",
                    name.escape_default(),
                    names(&all)
                )))
            }
            (None, several) => {
                Err(SessionError::Clarify(format!("which account at {name}: {}", names(several))))
            }
        };
    }
    let trades = |id: &AccountId| {
        core.capabilities(id).is_some_and(|capabilities| capabilities.asset_classes.contains(&class))
    };
    if trades(default) {
        return Ok(default.clone());
    }
    let mode = core.account(default).map(|account| account.mode);
    let others: Vec<AccountId> = core
        .account_ids()
        .filter(|id| trades(id) && core.account(id).map(|account| account.mode) == mode)
        .cloned()
        .collect();
    match others.as_slice() {
        // Nobody trades it: risk says so, with its code.
        [] => Ok(default.clone()),
        [only] => Ok(only.clone()),
        several => Err(SessionError::Clarify(format!(
            "{default} does not trade {class}; say where, such as 'at {}': {}",
            several[0],
            names(several)
        ))),
    }
}

fn in_scope(instrument: &Instrument, scope: FlattenScope) -> bool {
    match scope {
        FlattenScope::All => true,
        FlattenScope::Equities => instrument.asset_class() == AssetClass::Equity,
        FlattenScope::Options => instrument.asset_class() == AssetClass::Option,
        FlattenScope::Crypto => instrument.asset_class().trades_around_the_clock(),
    }
}

/// A percentage of a holding, rounded down: to whole units where the holding is whole, else to the venue's increment.
fn part_of(
    core: &Engine,
    instrument: &Instrument,
    held: Quantity,
    percent: Decimal,
) -> Result<Quantity, SessionError> {
    let whole = held.get().fract().is_zero() && !instrument.asset_class().trades_around_the_clock();
    let increment = if whole {
        Decimal::ONE
    } else {
        core.spec(instrument).map_or(Decimal::ONE, |s| s.quantity_increment)
    };
    let part = Quantity::new(held.get() * percent / Decimal::ONE_HUNDRED).floor_to_increment(increment);
    if part.is_positive() {
        Ok(part)
    } else {
        Err(SessionError::Usage(format!("{percent} % of {held} {instrument} is less than one unit")))
    }
}

fn pricing(
    core: &Engine,
    subject: &OrderSubject,
    side: Side,
    terms: &PriceTerms,
) -> Result<Pricing, SessionError> {
    let missing = |what: &str| SessionError::Usage(format!("a {} order needs a {what}", terms.order_type));
    let limit = || match (terms.limit_price, terms.limit_peg) {
        (Some(price), _) => Ok(package_price(subject, side, terms.price_effect, price)),
        (None, Some(peg)) => pegged(core, subject, side, peg),
        (None, None) => Err(missing("limit price")),
    };
    Ok(match terms.order_type {
        OrderType::Market => Pricing::Market,
        OrderType::Limit => Pricing::Limit { limit_price: limit()? },
        OrderType::Stop => {
            Pricing::Stop { stop_price: terms.stop_price.ok_or_else(|| missing("stop price"))? }
        }
        OrderType::StopLimit => Pricing::StopLimit {
            stop_price: terms.stop_price.ok_or_else(|| missing("stop price"))?,
            limit_price: limit()?,
        },
        OrderType::TrailingStop => Pricing::TrailingStop {
            trail: match (terms.trail_amount, terms.trail_percent) {
                (Some(amount), None) => Trail::Amount(amount),
                (None, Some(percent)) => Trail::Percent(percent),
                _ => return Err(missing("trail amount or per cent")),
            },
        },
        OrderType::Twap => {
            let slices = terms.twap.ok_or_else(|| missing("time"))?;
            Pricing::Twap(Slices { limit_price: terms.limit_price.or(slices.limit_price), ..slices })
        }
        OrderType::Oco => Pricing::Oco {
            stop_price: terms.stop_price.ok_or_else(|| missing("stop price"))?,
            limit_price: limit()?,
        },
    })
}

/// A price as it was said, on the order's own side: a package that is bought for a credit has a negative one, whatever sign was typed.
fn package_price(subject: &OrderSubject, side: Side, effect: Option<PriceEffect>, said: Price) -> Price {
    match (subject, effect) {
        (OrderSubject::Legs(_), Some(effect)) => effect.net(side, said),
        _ => said,
    }
}

/// A person's change of an order, its price as the order's own is: of a package by the word beside it.
#[must_use]
pub fn change(core: &Engine, order: ClientOrderId, change: OrderChange) -> OrderChange {
    let Some(order) = core.order(order) else { return change };
    let request = &order.request;
    let limit_price = change
        .limit_price
        .map(|said| package_price(&request.subject, request.side, request.price_effect, said));
    OrderChange { limit_price, ..change }
}

/// A limit from the market: rounded to the tick away from us, so that a peg never pays more than it says.
fn pegged(core: &Engine, subject: &OrderSubject, side: Side, peg: LimitPeg) -> Result<Price, SessionError> {
    let price_of = |instrument: &Instrument, peg: LimitPeg| {
        let quote = core.quote(instrument);
        let price = quote.and_then(|quote| match peg {
            LimitPeg::Mid => quote.mid(),
            LimitPeg::Bid => quote.bid,
            LimitPeg::Ask => quote.ask,
            LimitPeg::Last => quote.last,
        });
        price.ok_or_else(|| SessionError::Usage(format!("no quote of {instrument} to take a price from")))
    };
    let (raw, tick) = match subject {
        OrderSubject::Instrument(instrument) => {
            let price = price_of(instrument, peg)?;
            (price, core.spec(instrument).map_or(Decimal::new(1, 2), |spec| spec.tick_at(price)))
        }
        OrderSubject::Legs(legs) => {
            let mut net = Decimal::ZERO;
            for leg in legs {
                net += leg.side.sign() * leg.ratio * price_of(&leg.instrument, peg)?.get();
            }
            (Price::new(net * side.sign()), Decimal::new(1, 2))
        }
    };
    Ok(if side.is_buy() { raw.floor_to_tick(tick) } else { raw.ceil_to_tick(tick) })
}

fn quantity(
    core: &Engine,
    subject: &OrderSubject,
    place: &Place,
    pricing: Pricing,
    multiplier: Decimal,
    account: &AccountId,
) -> Result<Quantity, SessionError> {
    let money = match place.amount {
        Amount::Quantity(quantity) => return Ok(quantity),
        Amount::PercentOfPosition(percent) => {
            let instrument = subject.instrument().ok_or_else(|| {
                SessionError::Usage("a package has no position to take a part of".to_owned())
            })?;
            let held = core.position(account, instrument).map(|position| position.quantity.abs());
            let held = held.ok_or_else(|| no_position(core, account, instrument))?;
            return part_of(core, instrument, held, percent);
        }
        Amount::Notional(money) => money,
        Amount::PercentOfBuyingPower(percent) => {
            let power = core.account(account).map(|figures| figures.buying_power).unwrap_or_default();
            power * percent / Decimal::ONE_HUNDRED
        }
    };
    let instrument = subject
        .instrument()
        .ok_or_else(|| SessionError::Usage("give a package a quantity, not an amount of money".to_owned()))?;
    let quote = core.quote(instrument);
    let market = quote
        .and_then(|quote| if place.side.is_buy() { quote.ask } else { quote.bid }.or_else(|| quote.mark()));
    let price = pricing
        .limit_price()
        .or(pricing.stop_price())
        .or(market)
        .filter(|price| price.is_positive())
        .ok_or_else(|| SessionError::Usage(format!("no quote of {instrument} to turn money into units")))?;
    let spec = core.spec(instrument);
    let mut increment = spec.map_or(Decimal::ONE, |spec| spec.quantity_increment);
    if matches!(place.amount, Amount::PercentOfBuyingPower(_))
        && instrument.asset_class() == AssetClass::Equity
    {
        increment = Decimal::ONE;
    }
    // Money is in the account's currency, prices are in the instrument's.
    let rate = core.rate(account, instrument).ok_or_else(|| {
        SessionError::Usage(format!("no rate turns the currency of {instrument} into money"))
    })?;
    let each = price.get().checked_mul(multiplier).and_then(|each| each.checked_mul(rate));
    let units = each.and_then(|each| money.checked_div(each)).ok_or_else(|| {
        SessionError::Usage(format!("{} of {instrument} at {price} is no number of units", money.normalize()))
    })?;
    let quantity = Quantity::new(units).floor_to_increment(increment);
    if quantity.is_positive() {
        Ok(quantity)
    } else {
        Err(SessionError::Usage(format!(
            "{} buys less than the smallest order of {instrument} at {price}",
            money.normalize()
        )))
    }
}

/// The money of an order that its broker takes as money. Others are in units: a limit says what they cost, a sale is of units that are held,
/// and where units are whole the broker could not spend the money either.
fn cash(
    core: &Engine,
    subject: &OrderSubject,
    place: &Place,
    pricing: Pricing,
    account: &AccountId,
) -> Option<Decimal> {
    let Amount::Notional(money) = place.amount else { return None };
    let instrument = subject.instrument()?;
    let class = instrument.asset_class();
    let takes = core.capabilities(account).is_some_and(|capabilities| capabilities.notional);
    let divisible = core.spec(instrument).is_some_and(|spec| !spec.quantity_increment.fract().is_zero());
    let terms = &place.terms;
    let plain = place.side == Side::Buy
        && pricing == Pricing::Market
        && terms.take_profit.is_none()
        && terms.stop_loss.is_none()
        && terms.session.is_none_or(|session| session == TradingSession::Regular)
        && (class == AssetClass::Crypto
            || class == AssetClass::Equity && terms.time_in_force == TimeInForce::Day);
    let same_currency = core.rate(account, instrument) == Some(Decimal::ONE);
    (takes && divisible && plain && same_currency).then_some(money)
}

fn build(
    core: &mut Engine,
    subject: OrderSubject,
    side: Side,
    quantity: Quantity,
    pricing: Pricing,
    terms: &PriceTerms,
    asker: &Asker,
) -> OrderRequest {
    let now = core.now();
    let client_order_id = core.mint(now);
    let mut exit =
        |price: Option<Price>| price.map(|price| BracketExit { client_order_id: core.mint(now), price });
    let take_profit = exit(terms.take_profit);
    let stop_loss = exit(terms.stop_loss);
    OrderRequest {
        client_order_id,
        account: asker.account.clone(),
        origin: Origin::person(asker.origin),
        subject,
        side,
        position_effect: None,
        quantity,
        cash_order_quantity: None,
        pricing,
        time_in_force: terms.time_in_force,
        expire_date: terms.expire_date,
        session: terms.session.unwrap_or(TradingSession::Regular),
        price_effect: terms.price_effect,
        take_profit,
        stop_loss,
        exit_plan: None,
        contingency: Contingency::default(),
        post_only: terms.post_only.unwrap_or(false),
        reduce_only: terms.reduce_only.unwrap_or(false),
        allow_duplicate: asker.allow_duplicate && asker.origin.is_human(),
    }
}

#[cfg(test)]
mod tests;
