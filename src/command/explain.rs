//! Commands in words. Parsing the words gives the same command.

use std::fmt::Write;

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Quantity, canonical};
use crate::domain::option::Leg;
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, PositionEffect, PriceEffect, Pricing, Side, Slices, TimeInForce,
    TradingSession, Trail,
};

use super::types::{
    AlertWhen, Amount, Close, Command, FlattenScope, LimitPeg, Place, PriceTerms, ShowTopic, StrategyAction,
    Subject, TradingMode,
};

/// An instrument as the grammar reads it.
fn name(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Option(contract) => format!(
            "{} {} {}{}",
            contract.underlying,
            contract.expiry,
            contract.strike,
            contract.right.letter()
        ),
        Instrument::Equity { symbol } => format!("${symbol}"),
        other => other.to_string(),
    }
}

fn names(instruments: &[Instrument]) -> String {
    instruments.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn tif(terms: &PriceTerms) -> String {
    match (terms.time_in_force, terms.expire_date) {
        (TimeInForce::Gtd, Some(day)) => format!(" gtd {day}"),
        (other, _) => format!(" {other}"),
    }
}

fn terms_words(terms: &PriceTerms) -> String {
    let mut text = String::new();
    if let Some(stop) = terms.stop_price {
        let _infallible = write!(text, " stop {stop}");
    }
    if let Some(limit) = terms.limit_price {
        let _infallible = write!(text, " limit {limit}");
    }
    if let Some(peg) = terms.limit_peg {
        text.push_str(match peg {
            LimitPeg::Mid => " at mid",
            LimitPeg::Bid => " at bid",
            LimitPeg::Ask => " at ask",
            LimitPeg::Last => " at last",
        });
    }
    if let Some(amount) = terms.trail_amount {
        let _infallible = write!(text, " trail {amount}");
    }
    if let Some(percent) = terms.trail_percent {
        let _infallible = write!(text, " trail {percent}%");
    }
    if terms.order_type == OrderType::Market {
        text.push_str(" at market");
    }
    if let Some(slices) = terms.twap {
        let _infallible = write!(text, " twap over {} minutes", slices.minutes);
    }
    if let Some(effect) = terms.price_effect {
        text.push_str(match effect {
            PriceEffect::Debit => " debit",
            PriceEffect::Credit => " credit",
            PriceEffect::Even => " even",
        });
    }
    text.push_str(&tif(terms));
    if terms.session == Some(TradingSession::Extended) {
        text.push_str(" extended hours");
    }
    if let Some(price) = terms.take_profit {
        let _infallible = write!(text, " tp {price}");
    }
    if let Some(price) = terms.stop_loss {
        let _infallible = write!(text, " sl {price}");
    }
    if terms.post_only == Some(true) {
        text.push_str(" post only");
    }
    if terms.reduce_only == Some(true) {
        text.push_str(" reduce only");
    }
    if let Some(broker) = &terms.broker {
        let _infallible = write!(text, " via {broker}");
    }
    text
}

fn side_words(side: Side, effect: Option<PositionEffect>) -> &'static str {
    match (side, effect) {
        (Side::Buy, Some(PositionEffect::Open)) => "buy to open",
        (Side::Buy, Some(PositionEffect::Close)) => "buy to close",
        (Side::Sell, Some(PositionEffect::Open)) => "sell to open",
        (Side::Sell, Some(PositionEffect::Close)) => "sell to close",
        (Side::Buy, None) => "buy",
        (Side::Sell, None) => "sell",
        (Side::SellShort, _) => "short",
        (Side::BuyToCover, _) => "cover",
    }
}

fn place_words(place: &Place) -> String {
    let amount = match place.amount {
        Amount::Quantity(quantity) => quantity.to_string(),
        Amount::Notional(money) => format!("${} of", money.normalize()),
        Amount::PercentOfPosition(percent) => format!("{}% of my", percent.normalize()),
        Amount::PercentOfBuyingPower(percent) => format!("{}% of buying power of", percent.normalize()),
    };
    let subject = match &place.subject {
        Subject::Instrument(instrument) => name(instrument),
        Subject::Legs(legs) => {
            let legs: Vec<String> = legs
                .iter()
                .map(|leg| {
                    let effect = match leg.position_effect {
                        PositionEffect::Open => "open",
                        PositionEffect::Close => "close",
                    };
                    format!("{} {effect}", leg_words(leg))
                })
                .collect();
            format!("package: {}", legs.join(", "))
        }
    };
    format!(
        "{} {amount} {subject}{}",
        side_words(place.side, place.position_effect),
        terms_words(&place.terms)
    )
}

/// A leg: side as a sign, ratio, contract.
fn leg_words(leg: &Leg) -> String {
    let sign = if leg.side.is_buy() { '+' } else { '-' };
    format!("{sign}{} {}", leg.ratio.normalize(), name(&leg.instrument))
}

fn close_words(close: &Close) -> String {
    let what = match (close.quantity, close.percent_of_position) {
        (Some(quantity), _) => format!("{quantity} "),
        (None, Some(percent)) => format!("{}% of ", percent.normalize()),
        (None, None) => "all ".to_owned(),
    };
    format!("close {what}{}{}", name(&close.instrument), terms_words(&close.terms))
}

const fn topic(what: ShowTopic) -> &'static str {
    match what {
        ShowTopic::Positions => "positions",
        ShowTopic::Balances => "balances",
        ShowTopic::Orders => "orders",
        ShowTopic::Fills => "fills",
        ShowTopic::History => "history",
        ShowTopic::Pnl => "pnl",
        ShowTopic::BuyingPower => "buying power",
        ShowTopic::Watchlist => "watchlist",
        ShowTopic::Strategies => "strategies",
        ShowTopic::Agents => "agents",
        ShowTopic::Bots => "bots",
        ShowTopic::Wallets => "wallets",
        ShowTopic::Connections => "connections",
        ShowTopic::Audit => "audit",
        ShowTopic::Risk => "risk",
        ShowTopic::Log => "log",
        ShowTopic::News => "news",
    }
}

fn target(order_id: Option<&str>, instrument: Option<&Instrument>) -> String {
    match (order_id, instrument) {
        (Some(id), _) => format!("order {id}"),
        (None, Some(instrument)) => name(instrument),
        (None, None) => String::new(),
    }
}

/// What of an order changes.
fn replace_words(command: &Command) -> String {
    let Command::Replace { order_id, instrument, limit_price, stop_price, quantity, time_in_force } = command
    else {
        return String::new();
    };
    let of = target(order_id.as_deref(), instrument.as_ref());
    let mut text = format!("change {of}");
    if let Some(price) = limit_price {
        let _infallible = write!(text, " limit to {price}");
    }
    if let Some(price) = stop_price {
        let _infallible = write!(text, " stop to {price}");
    }
    if let Some(quantity) = quantity {
        let _infallible = write!(text, " quantity to {quantity}");
    }
    if let Some(time_in_force) = time_in_force {
        let _infallible = write!(text, " {time_in_force}");
    }
    text
}

/// What is shown, of which instrument, since when, at which broker.
fn show_words(command: &Command) -> String {
    let Command::Show { what, instrument, since, broker } = command else { return String::new() };
    let mut text = format!("show {}", topic(*what));
    if let Some(instrument) = instrument {
        let _infallible = write!(text, " {}", name(instrument));
    }
    if let Some(since) = since {
        let _infallible = write!(text, " since {since}");
    }
    if let Some(broker) = broker {
        let _infallible = write!(text, " on {broker}");
    }
    text
}

fn alert_words(instrument: &Instrument, when: AlertWhen, value: Decimal) -> String {
    match when {
        AlertWhen::Above => format!("alert {} above {value}", name(instrument)),
        AlertWhen::Below => format!("alert {} below {value}", name(instrument)),
        AlertWhen::ChangePercent if value.is_sign_negative() => {
            format!("alert {} drops {}%", name(instrument), value.abs())
        }
        AlertWhen::ChangePercent => format!("alert {} moves {value}%", name(instrument)),
    }
}

fn strategy_words(action: StrategyAction, name: &str, underlying: Option<&str>) -> String {
    let verb = match action {
        StrategyAction::Start => "start",
        StrategyAction::Stop => "stop",
        StrategyAction::Pause => "pause",
        StrategyAction::Status => "status",
    };
    let on = underlying.as_ref().map(|symbol| format!(" on ${symbol}")).unwrap_or_default();
    format!("{verb} {name}{on}")
}

/// The command in words.
#[must_use]
pub fn explain(command: &Command) -> String {
    match command {
        Command::Place(place) => place_words(place),
        Command::Close(close) => close_words(close),
        Command::Flatten { scope } => match scope {
            FlattenScope::All => "flatten everything".to_owned(),
            FlattenScope::Equities => "flatten equities".to_owned(),
            FlattenScope::Options => "flatten options".to_owned(),
            FlattenScope::Crypto => "flatten crypto".to_owned(),
        },
        Command::Cancel { order_id, instrument, side } => {
            let side = side.map(|side| if side.is_buy() { "buy " } else { "sell " }).unwrap_or_default();
            let of = target(order_id.as_deref(), instrument.as_ref());
            let end = if order_id.is_some() { "" } else { " orders" };
            format!("cancel {side}{of}{end}").replace("  ", " ")
        }
        Command::CancelAll => "cancel all orders".to_owned(),
        Command::Replace { .. } => replace_words(command),
        Command::Show { .. } => show_words(command),
        Command::Quote { instruments } => format!("quote {}", names(instruments)),
        Command::Chart { instrument, interval } => format!("chart {} {interval}", name(instrument)),
        Command::Chain { underlying, expiry, right } => {
            let expiry = expiry.map(|day| format!(" {day}")).unwrap_or_default();
            let right = right.map(|right| format!(" {right}s")).unwrap_or_default();
            format!("chain ${underlying}{expiry}{right}")
        }
        Command::Watch { instruments, list } => match list {
            Some(list) => format!("add {} to {list} watchlist", names(instruments)),
            None => format!("watch {}", names(instruments)),
        },
        Command::Unwatch { instruments, list } => match list {
            Some(list) => format!("remove {} from {list} watchlist", names(instruments)),
            None => format!("unwatch {}", names(instruments)),
        },
        Command::Alert { instrument, when, value } => alert_words(instrument, *when, *value),
        Command::Strategy { action, name, underlying } => {
            strategy_words(*action, name, underlying.as_ref().map(|symbol| symbol.as_str()))
        }
        Command::Mode { mode } => match mode {
            TradingMode::Paper => "paper mode".to_owned(),
            TradingMode::Live => "live mode".to_owned(),
        },
        Command::Halt => "halt".to_owned(),
        Command::Resume => "resume".to_owned(),
        Command::Explain { topic } => topic.clone(),
        Command::Help { topic } => {
            topic.as_ref().map_or_else(|| "help".to_owned(), |topic| format!("help {topic}"))
        }
        Command::Clarify { message, .. } => message.clone(),
    }
}

/// What an order trades: of a package, what each leg does.
fn subject_words(request: &OrderRequest) -> String {
    let legs = match &request.subject {
        OrderSubject::Instrument(instrument) => return instrument.to_string(),
        OrderSubject::Legs(legs) => legs,
    };
    let leg = |leg: &Leg| {
        let side = if leg.side.is_buy() { "buy" } else { "sell" };
        format!("{side} {} {}", leg.ratio.normalize(), leg.instrument)
    };
    let legs: Vec<String> = legs.iter().map(leg).collect();
    let word = if request.quantity == Quantity::from(1) { "package (" } else { "packages (each: " };
    format!("{word}{})", legs.join(", "))
}

/// An order in one sentence, for review dialogs: ASCII only.
#[must_use]
pub fn order_words(request: &OrderRequest) -> String {
    let effect = match request.position_effect {
        Some(PositionEffect::Open) => " to open",
        Some(PositionEffect::Close) => " to close",
        None => "",
    };
    let side = match request.side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
        Side::SellShort => "Sell short",
        Side::BuyToCover => "Buy to cover",
    };
    let price = match request.pricing {
        Pricing::Market => "at the market".to_owned(),
        // What is bought for a credit has a negative price: the word beside it says so.
        Pricing::Limit { limit_price } if request.price_effect.is_some() => {
            format!("at a limit of {}", limit_price.abs())
        }
        Pricing::Limit { limit_price } => format!("at a limit of {limit_price}"),
        Pricing::Stop { stop_price } => format!("at the market once {stop_price} trades"),
        Pricing::StopLimit { stop_price, limit_price } => {
            format!("at a limit of {limit_price} once {stop_price} trades")
        }
        Pricing::TrailingStop { trail: Trail::Amount(amount) } => {
            format!("with a stop that trails by {amount}")
        }
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => {
            format!("with a stop that trails by {} %", percent.normalize())
        }
        Pricing::Twap(Slices { minutes, randomize, limit_price }) => {
            let times = if randomize { ", at random times" } else { "" };
            let price = limit_price
                .map_or_else(|| "at the market".to_owned(), |limit| format!("at a limit of {limit}"));
            format!("{price} in slices over {minutes} minutes{times}")
        }
        Pricing::Oco { limit_price, stop_price } => {
            format!(
                "at a limit of {limit_price}, or by a stop once {stop_price} trades, whichever comes first"
            )
        }
    };
    let until = match (request.time_in_force, request.expire_date) {
        (TimeInForce::Day, _) => "for the day".to_owned(),
        (TimeInForce::Gtc, _) => "good till canceled".to_owned(),
        (TimeInForce::Ioc, _) => "immediate or cancel".to_owned(),
        (TimeInForce::Fok, _) => "fill or kill".to_owned(),
        (TimeInForce::Opg, _) => "in the opening auction".to_owned(),
        (TimeInForce::Cls, _) => "in the closing auction".to_owned(),
        (TimeInForce::Gtd, Some(day)) => format!("good till {day}"),
        (TimeInForce::Gtd, None) => "good till a date".to_owned(),
    };
    let subject = subject_words(request);
    let price = match request.price_effect {
        Some(PriceEffect::Debit) => format!("{price} debit"),
        Some(PriceEffect::Credit) => format!("{price} credit"),
        Some(PriceEffect::Even) | None => price,
    };
    let size = match request.cash_order_quantity {
        Some(money) => format!("for {} of", canonical(money)),
        None => request.quantity.to_string(),
    };
    let mut text = format!("{side}{effect} {size} {subject} {price}, {until}");
    if request.cash_order_quantity.is_some() {
        let _infallible = write!(text, ", about {} units", request.quantity);
    }
    if request.session == TradingSession::Extended {
        text.push_str(", in extended hours too");
    }
    if let Some(exit) = &request.take_profit {
        let _infallible = write!(text, ", take profit at {}", exit.price);
    }
    if let Some(exit) = &request.stop_loss {
        let _infallible = write!(text, ", stop loss at {}", exit.price);
    }
    if let Some(plan) = &request.exit_plan {
        let _infallible = write!(text, ", exits once filled: {}", plan.words());
    }
    if request.post_only {
        text.push_str(", post only");
    }
    if request.reduce_only {
        text.push_str(", reduce only");
    }
    let _infallible = write!(text, ", account {}", request.account);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{AccountId, ClientOrderId};
    use crate::domain::money::Price;
    use crate::domain::order::{Origin, OriginKind};

    #[test]
    fn a_package_says_what_each_leg_does() {
        let leg = |key: &str, side, ratio: i64| Leg {
            side,
            position_effect: PositionEffect::Open,
            ratio: ratio.into(),
            instrument: Instrument::from_key(key).unwrap(),
        };
        let legs =
            vec![leg("AAPL  261211C00265000", Side::Sell, 1), leg("AAPL  261211C00270000", Side::Buy, 2)];
        let limit_price: Price = "1.64".parse().unwrap();
        let request = OrderRequest::plain(
            ClientOrderId::from_parts(1, 1),
            AccountId::new("paper"),
            Origin::person(OriginKind::Ticket),
            OrderSubject::Legs(legs),
            Side::Sell,
            Quantity::from(1),
            Pricing::Limit { limit_price },
        );
        let request = OrderRequest { price_effect: Some(PriceEffect::Credit), ..request };
        assert_eq!(
            order_words(&request),
            "Sell 1 package (sell 1 AAPL 11Dec26 265C, buy 2 AAPL 11Dec26 270C) at a limit of 1.64 credit, for the day, \
             account paper"
        );
        let bought = OrderRequest {
            side: Side::Buy,
            pricing: Pricing::Limit { limit_price: Price::new(-limit_price.get()) },
            ..request.clone()
        };
        assert!(order_words(&bought).contains("at a limit of 1.64 credit"), "a word has no sign");
        let two = order_words(&OrderRequest { quantity: Quantity::from(2), ..request });
        assert!(two.starts_with("Sell 2 packages (each: sell 1 AAPL"), "{two}");
    }
}
