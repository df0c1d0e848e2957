//! The order being written in the ticket: typed texts and choices, and the command they make.

use rust_decimal::Decimal;

use crate::command::types::{Amount, Command, Place, PriceTerms, Subject};
use crate::domain::capabilities::Capabilities;
use crate::domain::exit::ExitPlan;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity, parse_decimal};
use crate::domain::order::{OrderType, PositionEffect, Side, Slices, TimeInForce, TradingSession};
use crate::domain::quote::Quote;
use crate::tui::format;
use crate::tui::widgets::text_input::TextInput;

/// Numbers from here on are slips of the key.
const NUMBER_MAX: i64 = 1_000_000_000_000;
/// Slices are traded within a day.
const MINUTES_MAX: u32 = 1_440;

/// A field of the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What is traded.
    Symbol,
    /// Buy or sell.
    Side,
    /// How much.
    Quantity,
    /// Market, limit, stop, stop limit, trailing stop.
    Type,
    /// The limit.
    Limit,
    /// The trigger.
    Stop,
    /// The trailing distance.
    Trail,
    /// Over how many minutes slices are traded.
    Minutes,
    /// How the slices lie in them.
    Pace,
    /// How long it works.
    TimeInForce,
    /// Last day of a gtd order.
    Expiry,
    /// Which hours.
    Session,
    /// Limit of the profit exit.
    TakeProfit,
    /// Trigger of the loss exit.
    StopLoss,
    /// The plan that closes the position, by its parts.
    Exits,
    /// Which tax lots a sale closes, by the orders that bought them.
    Lots,
}

impl Field {
    /// Its label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Side => "side",
            Self::Quantity => "quantity",
            Self::Type => "type",
            Self::Limit => "limit",
            Self::Stop => "stop",
            Self::Trail => "trail",
            Self::Minutes => "minutes",
            Self::Pace => "slices",
            Self::TimeInForce => "duration",
            Self::Expiry => "until",
            Self::Session => "hours",
            Self::TakeProfit => "profit at",
            Self::StopLoss => "stop at",
            Self::Exits => "exits",
            Self::Lots => "tax lots",
        }
    }

    /// Is it a price.
    #[must_use]
    pub const fn is_price(self) -> bool {
        matches!(self, Self::Limit | Self::Stop | Self::TakeProfit | Self::StopLoss)
    }
}

/// What a quantity counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Shares, contracts, coins.
    #[default]
    Units,
    /// Money.
    Money,
    /// Per cent of the position, or of buying power for a buy.
    Percent,
}

/// The order being written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As typed.
    pub symbol: TextInput,
    /// Chosen.
    pub side: Side,
    /// Chosen; for options.
    pub effect: PositionEffect,
    /// As typed, without its unit.
    pub quantity: TextInput,
    /// Chosen.
    pub unit: Unit,
    /// Chosen.
    pub order_type: OrderType,
    /// As typed.
    pub limit: TextInput,
    /// As typed.
    pub stop: TextInput,
    /// As typed, perhaps with a per cent sign.
    pub trail: TextInput,
    /// As typed.
    pub minutes: TextInput,
    /// Slices at random times, so that nobody can tell the next one.
    pub random: bool,
    /// Chosen.
    pub time_in_force: TimeInForce,
    /// As typed.
    pub expiry: TextInput,
    /// Chosen.
    pub session: TradingSession,
    /// As typed.
    pub take_profit: TextInput,
    /// As typed.
    pub stop_loss: TextInput,
    /// As typed, such as `stop=5% take=2r`.
    pub exits: TextInput,
    /// As typed: numbers of orders.
    pub lots: TextInput,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            symbol: TextInput::default(),
            side: Side::Buy,
            effect: PositionEffect::Open,
            quantity: TextInput::default(),
            unit: Unit::Units,
            order_type: OrderType::Limit,
            limit: TextInput::default(),
            stop: TextInput::default(),
            trail: TextInput::default(),
            minutes: TextInput::default(),
            random: true,
            time_in_force: TimeInForce::Day,
            expiry: TextInput::default(),
            session: TradingSession::Regular,
            take_profit: TextInput::default(),
            stop_loss: TextInput::default(),
            exits: TextInput::default(),
            lots: TextInput::default(),
        }
    }
}

/// Which field lacks what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The field to go to.
    pub field: Field,
    /// One line for the user.
    pub text: String,
}

impl Draft {
    /// The fields that this order has, top to bottom.
    #[must_use]
    pub fn fields(&self, instrument: Option<&Instrument>, capabilities: Option<&Capabilities>) -> Vec<Field> {
        let class = instrument.map_or(AssetClass::Equity, Instrument::asset_class);
        let can = |ask: fn(&Capabilities) -> bool| capabilities.is_none_or(ask);
        let mut fields = vec![Field::Symbol, Field::Side, Field::Quantity, Field::Type];
        match self.order_type {
            OrderType::Market => {}
            // The time of its slices is how long it works, and where it fills nobody knows yet: it has no exits of its own.
            OrderType::Twap => {
                // Who sets a worst price has them at even times, which the broker chooses.
                let limited = capabilities.is_some_and(|can| can.limited_slices);
                fields.push(Field::Minutes);
                fields.push(if limited { Field::Limit } else { Field::Pace });
                fields.extend(self.closes_lots(class).then_some(Field::Lots));
                return fields;
            }
            OrderType::Limit => fields.push(Field::Limit),
            OrderType::Stop => fields.push(Field::Stop),
            OrderType::StopLimit => fields.extend([Field::Stop, Field::Limit]),
            // It is an exit by itself.
            OrderType::Oco => fields.extend([Field::Limit, Field::Stop]),
            OrderType::TrailingStop => fields.push(Field::Trail),
        }
        fields.push(Field::TimeInForce);
        if self.time_in_force == TimeInForce::Gtd {
            fields.push(Field::Expiry);
        }
        if class == AssetClass::Equity && self.order_type == OrderType::Limit && can(|c| c.extended_hours) {
            fields.push(Field::Session);
        }
        let opens = matches!(self.side, Side::Buy | Side::SellShort);
        if opens && can(|c| c.bracket) {
            fields.extend([Field::TakeProfit, Field::StopLoss]);
        }
        if opens {
            fields.push(Field::Exits);
        }
        fields.extend(self.closes_lots(class).then_some(Field::Lots));
        fields
    }

    /// Does it sell what was bought: what opens a short position closes no lots.
    fn closes_lots(&self, class: AssetClass) -> bool {
        self.side == Side::Sell && (class != AssetClass::Option || self.effect == PositionEffect::Close)
    }

    /// The slices of an order over a time; at random times only where that can be chosen.
    fn slices(&self, random: bool) -> Result<Slices, Lack> {
        let lack = |text: &str| Lack { field: Field::Minutes, text: text.to_owned() };
        if self.minutes.text().is_empty() {
            return Err(lack("over how many minutes? as 30"));
        }
        let minutes = self.minutes.text().parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
        let minutes = minutes.ok_or_else(|| lack("is none of 1 to 1440 minutes"))?;
        Ok(Slices { minutes, randomize: self.random && random, limit_price: None })
    }

    /// Lets go of choices that the account does not have: type, duration, side, hours.
    pub fn fit(&mut self, instrument: Option<&Instrument>, can: &Capabilities) {
        let class = instrument.map_or(AssetClass::Equity, Instrument::asset_class);
        if !can.order_types.contains(&self.order_type)
            && let Some(order_type) = can.order_types.first()
        {
            self.order_type = *order_type;
        }
        if !can.times_in_force.contains(&self.time_in_force)
            && let Some(time_in_force) = can.times_in_force.first()
        {
            self.time_in_force = *time_in_force;
        }
        let sides = sides(class, Some(can));
        if class != AssetClass::Option && !sides.iter().any(|(side, _)| *side == self.side) {
            self.side = if self.side.is_buy() { Side::Buy } else { Side::Sell };
        }
        if !can.extended_hours {
            self.session = TradingSession::Regular;
        }
    }

    /// The typed text of a field, when it has one.
    pub fn input(&mut self, field: Field) -> Option<&mut TextInput> {
        Some(match field {
            Field::Symbol => &mut self.symbol,
            Field::Quantity => &mut self.quantity,
            Field::Limit => &mut self.limit,
            Field::Stop => &mut self.stop,
            Field::Trail => &mut self.trail,
            Field::Minutes => &mut self.minutes,
            Field::Lots => &mut self.lots,
            Field::Expiry => &mut self.expiry,
            Field::TakeProfit => &mut self.take_profit,
            Field::StopLoss => &mut self.stop_loss,
            Field::Exits => &mut self.exits,
            Field::Side | Field::Type | Field::Pace | Field::TimeInForce | Field::Session => return None,
        })
    }

    /// The choice after or before in a field of choices.
    pub fn choose(
        &mut self,
        field: Field,
        forward: bool,
        instrument: Option<&Instrument>,
        can: Option<&Capabilities>,
    ) {
        let class = instrument.map_or(AssetClass::Equity, Instrument::asset_class);
        match field {
            Field::Side => {
                let choices = sides(class, can);
                let next = cycle(&choices, &(self.side, self.effect), forward);
                (self.side, self.effect) = next;
            }
            Field::Type => {
                let all = can.map_or_else(|| Capabilities::paper().order_types, |c| c.order_types.clone());
                self.order_type = cycle(&all, &self.order_type, forward);
            }
            Field::TimeInForce => {
                let all =
                    can.map_or_else(|| Capabilities::paper().times_in_force, |c| c.times_in_force.clone());
                self.time_in_force = cycle(&all, &self.time_in_force, forward);
            }
            Field::Pace => self.random = !self.random,
            Field::Session => {
                self.session = match self.session {
                    TradingSession::Regular => TradingSession::Extended,
                    TradingSession::Extended => TradingSession::Regular,
                };
            }
            Field::Quantity => {
                self.unit = cycle(&[Unit::Units, Unit::Money, Unit::Percent], &self.unit, forward)
            }
            _ => {}
        }
    }

    /// The side as the ticket shows it.
    #[must_use]
    pub fn side_word(&self, instrument: Option<&Instrument>) -> &'static str {
        let option = instrument.is_some_and(|i| i.as_option().is_some());
        match (option, self.side, self.effect) {
            (true, side, PositionEffect::Open) if side.is_buy() => "Buy to open",
            (true, side, PositionEffect::Close) if side.is_buy() => "Buy to close",
            (true, _, PositionEffect::Open) => "Sell to open",
            (true, _, PositionEffect::Close) => "Sell to close",
            (false, Side::Buy, _) => "Buy",
            (false, Side::Sell, _) => "Sell",
            (false, Side::SellShort, _) => "Sell short",
            (false, Side::BuyToCover, _) => "Buy to cover",
        }
    }

    /// The command that these fields make.
    ///
    /// # Errors
    /// The first field that lacks something.
    pub fn command(
        &self,
        instrument: Option<&Instrument>,
        capabilities: Option<&Capabilities>,
    ) -> Result<Command, Lack> {
        let lack = |field, text: &str| Lack { field, text: text.to_owned() };
        let Some(instrument) = instrument else {
            return Err(if self.symbol.text().is_empty() {
                lack(Field::Symbol, "which symbol?")
            } else {
                lack(Field::Symbol, "no such symbol is known")
            });
        };
        let fields = self.fields(Some(instrument), capabilities);
        let has = |field| fields.contains(&field);
        let price = |field, input: &TextInput, ask: &str| match (has(field), input.text()) {
            (false, _) => Ok(None),
            (true, "") => Err(lack(field, ask)),
            (true, text) => {
                number(text).map(|n| Some(Price::new(n))).ok_or_else(|| lack(field, "is no price"))
            }
        };
        let optional = |field, input: &TextInput| {
            if input.text().is_empty() { Ok(None) } else { price(field, input, "") }
        };
        let amount = self.tradable(instrument.asset_class(), capabilities)?;
        let option = instrument.as_option().is_some();
        let (trail_amount, trail_percent) =
            if has(Field::Trail) { self.trail_terms()? } else { (None, None) };
        let terms = PriceTerms {
            order_type: self.order_type,
            limit_price: price(
                Field::Limit,
                &self.limit,
                "which limit? b takes the bid, m the middle, a the ask",
            )?,
            stop_price: price(Field::Stop, &self.stop, "which stop price?")?,
            trail_amount,
            trail_percent,
            twap: if has(Field::Minutes) { Some(self.slices(has(Field::Pace))?) } else { None },
            limit_peg: None,
            time_in_force: if has(Field::TimeInForce) { self.time_in_force } else { TimeInForce::Gtc },
            expire_date: if has(Field::Expiry) { Some(self.expire_date()?) } else { None },
            session: (has(Field::Session) && self.session == TradingSession::Extended)
                .then_some(TradingSession::Extended),
            price_effect: None,
            take_profit: optional(Field::TakeProfit, &self.take_profit)?,
            stop_loss: optional(Field::StopLoss, &self.stop_loss)?,
            broker: None,
            post_only: None,
            reduce_only: None,
        };
        Ok(Command::Place(Place {
            side: if option { plain(self.side) } else { self.side },
            position_effect: option.then_some(self.effect),
            subject: Subject::Instrument(instrument.clone()),
            amount,
            terms,
            exit_plan: if has(Field::Exits) { self.plan()? } else { None },
        }))
    }

    /// The amount, where the account trades such a thing and so much of it.
    fn tradable(&self, class: AssetClass, capabilities: Option<&Capabilities>) -> Result<Amount, Lack> {
        let lack = |field, text: &str| Lack { field, text: text.to_owned() };
        if capabilities.is_some_and(|can| !can.asset_classes.contains(&class)) {
            return Err(lack(Field::Symbol, "is nothing this account can trade"));
        }
        let amount = self.amount()?;
        let fraction = matches!(&amount, Amount::Quantity(units) if !units.get().fract().is_zero());
        let whole = class == AssetClass::Option
            || class == AssetClass::Equity && capabilities.is_some_and(|can| !can.fractional);
        if fraction && whole {
            return Err(lack(Field::Quantity, "is whole here"));
        }
        Ok(amount)
    }

    /// The plan that closes what this order opens.
    fn plan(&self) -> Result<Option<Box<ExitPlan>>, Lack> {
        let lack = |text: String| Lack { field: Field::Exits, text };
        if self.exits.text().trim().is_empty() {
            return Ok(None);
        }
        let bracket = [&self.take_profit, &self.stop_loss].iter().any(|input| !input.text().is_empty());
        if bracket {
            return Err(lack("the bracket has its exits; empty those fields or this one".to_owned()));
        }
        let plan = ExitPlan::from_line(self.exits.text()).map_err(|error| lack(error.to_string()))?;
        Ok(Some(Box::new(plan)))
    }

    fn amount(&self) -> Result<Amount, Lack> {
        let lack = |text: &str| Lack { field: Field::Quantity, text: text.to_owned() };
        let text = self.quantity.text();
        if text.is_empty() {
            return Err(lack("how many? $ counts money, % the position"));
        }
        let value =
            number(text).filter(|n| *n > Decimal::ZERO).ok_or_else(|| lack("is no quantity above zero"))?;
        Ok(match self.unit {
            Unit::Units => Amount::Quantity(Quantity::new(value)),
            Unit::Money => Amount::Notional(value),
            Unit::Percent if value > Decimal::ONE_HUNDRED => return Err(lack("is more than all of it")),
            Unit::Percent if self.side == Side::Buy => Amount::PercentOfBuyingPower(value),
            Unit::Percent => Amount::PercentOfPosition(value),
        })
    }

    fn trail_terms(&self) -> Result<(Option<Price>, Option<Decimal>), Lack> {
        let lack = |text: &str| Lack { field: Field::Trail, text: text.to_owned() };
        let text = self.trail.text();
        if text.is_empty() {
            return Err(lack("how far behind? as 1.50 or 5%"));
        }
        let (digits, percent) = text.strip_suffix('%').map_or((text, false), |digits| (digits, true));
        let value =
            number(digits).filter(|n| *n > Decimal::ZERO).ok_or_else(|| lack("is no distance above zero"))?;
        Ok(if percent { (None, Some(value)) } else { (Some(Price::new(value)), None) })
    }

    fn expire_date(&self) -> Result<jiff::civil::Date, Lack> {
        self.expiry
            .text()
            .parse()
            .map_err(|_| Lack { field: Field::Expiry, text: "until which day? as 2026-12-18".into() })
    }

    /// Takes a price from the quote, rounded to the tick on the side that waits.
    pub fn peg(&mut self, field: Field, quote: &Quote, spec: &InstrumentSpec, peg: Peg) {
        let price = match peg {
            Peg::Bid => quote.bid,
            Peg::Ask => quote.ask,
            Peg::Mid => quote.mid(),
        };
        let Some(price) = price else { return };
        let tick = spec.tick_at(price);
        let rounded = if self.side.is_buy() { price.floor_to_tick(tick) } else { price.ceil_to_tick(tick) };
        if let Some(input) = self.input(field) {
            input.set(format::typed(rounded, spec.decimals_at(rounded)));
        }
    }

    /// One tick, unit or step up or down; from nothing, a price starts at the last.
    pub fn step(&mut self, field: Field, up: bool, quote: Option<&Quote>, spec: &InstrumentSpec) {
        let unit = self.unit;
        let Some(input) = self.input(field) else { return };
        let value = number(input.text().trim_end_matches('%'));
        let (step, floor) = match field {
            Field::Quantity => {
                let step = match (unit, value) {
                    (Unit::Money, _) => Decimal::ONE_HUNDRED,
                    (Unit::Percent, _) => Decimal::from(5),
                    (Unit::Units, Some(value)) if value < Decimal::ONE => {
                        Decimal::new(1, value.scale()).max(spec.quantity_increment)
                    }
                    (Unit::Units, _) => Decimal::ONE.max(spec.quantity_increment),
                };
                (step, Decimal::ZERO)
            }
            _ if field.is_price() => {
                let from =
                    value.map(Price::new).or_else(|| quote.and_then(|q| q.last)).unwrap_or(Price::ZERO);
                // Below a tick's own boundary the finer tick holds.
                (
                    spec.tick_at(if up { from } else { Price::new(from.get() - Decimal::new(1, 8)) }),
                    Decimal::ZERO,
                )
            }
            _ => return,
        };
        let start = value.or_else(|| quote.filter(|_| field.is_price()).and_then(|q| q.last).map(Price::get));
        let next = match start {
            Some(start) if value.is_some() || !field.is_price() => start + if up { step } else { -step },
            Some(start) => start,
            None => step,
        };
        if next > floor {
            let decimals = if field.is_price() { spec.decimals_at(Price::new(next)) } else { 0 };
            input.set(format::typed(Price::new(next), decimals));
        }
    }
}

/// Where a price is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peg {
    /// The bid.
    Bid,
    /// The middle.
    Mid,
    /// The ask.
    Ask,
}

/// A number of a size that can be multiplied: nobody trades more than that.
fn number(text: &str) -> Option<Decimal> {
    parse_decimal(text).ok().filter(|n| *n < Decimal::from(NUMBER_MAX))
}

const fn plain(side: Side) -> Side {
    if side.is_buy() { Side::Buy } else { Side::Sell }
}

fn sides(class: AssetClass, can: Option<&Capabilities>) -> Vec<(Side, PositionEffect)> {
    use PositionEffect::{Close, Open};
    let short = can.is_none_or(|c| c.short_sales);
    match class {
        AssetClass::Option => {
            vec![(Side::Buy, Open), (Side::Sell, Open), (Side::Buy, Close), (Side::Sell, Close)]
        }
        AssetClass::Equity if short => {
            vec![(Side::Buy, Open), (Side::Sell, Open), (Side::SellShort, Open), (Side::BuyToCover, Open)]
        }
        _ => vec![(Side::Buy, Open), (Side::Sell, Open)],
    }
}

fn cycle<T: PartialEq + Clone>(all: &[T], current: &T, forward: bool) -> T {
    let count = all.len();
    let at = all.iter().position(|one| one == current);
    let next = match at {
        Some(at) => (at + if forward { 1 } else { count - 1 }) % count,
        None => 0,
    };
    all.get(next).unwrap_or(current).clone()
}

#[cfg(test)]
mod tests;
