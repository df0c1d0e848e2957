//! The price ladder of every option order: patient at the middle of the market first, step by step toward the price that fills, never past
//! what the trade is worth, and canceled at its end (strategies §5).

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::money::Price;
use crate::strategies::Working;

/// Working orders are looked at so often.
pub(in crate::strategies) const LOOK: SignedDuration = SignedDuration::from_secs(30);
/// A step is taken at the look that is nearest to it: an order is priced a moment after a look, when the chain and the broker have answered,
/// and would wait for two looks each time if its step had to be over whole.
const SLACK: SignedDuration = SignedDuration::from_secs(15);

/// Steps of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::strategies) struct Ladder {
    /// Between two steps.
    pub(in crate::strategies) step: SignedDuration,
    /// How many.
    pub(in crate::strategies) steps: u32,
}

/// A market as one side of an order sees it. Of packages both are net, positive is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::strategies) struct Market {
    /// The middle.
    pub(in crate::strategies) mid: Price,
    /// What fills at once: the ask of a purchase, the bid of a sale.
    pub(in crate::strategies) natural: Price,
}

/// What is done with a working order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::strategies) enum Step {
    /// Nothing yet.
    Wait,
    /// It gets another limit.
    Move(Price),
    /// It is canceled.
    End,
}

/// The first limit: the middle, rounded to the tick against us.
pub(in crate::strategies) fn first(buys: bool, mid: Price, tick: Decimal) -> Price {
    if buys { mid.floor_to_tick(tick) } else { mid.ceil_to_tick(tick) }
}

/// The next step of a working order. `worst` is the highest debit or the least credit it is worth. A market nobody sees moves nothing.
pub(in crate::strategies) fn next(
    ladder: Ladder,
    order: &Working,
    market: Option<Market>,
    worst: Option<Price>,
    tick: Decimal,
    now: Timestamp,
) -> Step {
    if order.is_in_doubt() {
        return Step::Wait;
    }
    let age = now.duration_since(order.since) + SLACK;
    if age >= ladder.step.saturating_mul(i32::try_from(ladder.steps).unwrap_or(i32::MAX).saturating_add(1)) {
        return Step::End;
    }
    let (Some(limit), Some(market)) = (order.limit_price, market) else { return Step::Wait };
    if now.duration_since(order.priced_at) + SLACK < ladder.step {
        return Step::Wait;
    }
    let part = (market.natural - market.mid).get().abs() / Decimal::from(ladder.steps.max(1));
    // Whole ticks, and so many that the last step is there.
    let stride = Price::new(part.max(tick)).ceil_to_tick(tick);
    let moved = if order.side.is_buy() {
        let bound = worst.map_or(market.natural, |worst| worst.min(market.natural));
        let next = (limit + stride).min(bound).floor_to_tick(tick);
        if next > limit { Some(next) } else { None }
    } else {
        let bound = worst.map_or(market.natural, |worst| worst.max(market.natural));
        let next = (limit - stride).max(bound).ceil_to_tick(tick);
        if next < limit { Some(next) } else { None }
    };
    moved.map_or(Step::Wait, Step::Move)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Instrument;
    use crate::domain::order::{OrderStatus, Side};
    use crate::strategies::testing::working;

    const LADDER: Ladder = Ladder { step: SignedDuration::from_secs(30), steps: 6 };

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    /// Walks a ladder in a market that stands, and says the limits it had.
    fn walk(side: Side, bid: &str, ask: &str, worst: Option<&str>) -> Vec<String> {
        walk_late(side, bid, ask, worst, SignedDuration::ZERO)
    }

    /// The same where each price stands only so long after the look at which it was decided.
    fn walk_late(side: Side, bid: &str, ask: &str, worst: Option<&str>, late: SignedDuration) -> Vec<String> {
        let (bid, ask) = (price(bid), price(ask));
        let mid = Price::new((bid.get() + ask.get()) / Decimal::TWO);
        let natural = if side.is_buy() { ask } else { bid };
        let cent = Decimal::new(1, 2);
        let limit = first(side.is_buy(), mid, cent);
        let option = Instrument::from_key("AAPL  261218P00190000").unwrap();
        let mut order = working(&option, side, 1, Some(limit));
        (order.since, order.priced_at) = (order.since + late, order.priced_at + late);
        let mut limits = vec![limit.to_string()];
        for second in (0..).step_by(30) {
            let now = Timestamp::from_second(second).unwrap();
            match next(LADDER, &order, Some(Market { mid, natural }), worst.map(price), cent, now) {
                Step::Wait => {}
                Step::Move(limit) => {
                    limits.push(limit.to_string());
                    (order.limit_price, order.priced_at) = (Some(limit), now + late);
                }
                Step::End => {
                    limits.push(format!("end {second}"));
                    return limits;
                }
            }
        }
        limits
    }

    #[test]
    fn it_goes_from_the_middle_to_the_natural_price_and_ends() {
        // (1.245 - 1.00) / 6 is 0.0408: steps of five cents.
        let down = ["1.25", "1.2", "1.15", "1.1", "1.05", "1", "end 210"];
        assert_eq!(walk(Side::Sell, "1.00", "1.49", None), down);
        assert_eq!(walk(Side::Buy, "1.00", "1.03", None), ["1.01", "1.02", "1.03", "end 210"]);
        assert_eq!(walk(Side::Sell, "1.00", "1.49", Some("1.20")), ["1.25", "1.2", "end 210"]);
        assert_eq!(walk(Side::Buy, "1.00", "1.40", Some("1.25")), ["1.2", "1.24", "1.25", "end 210"]);
        // A package that brings 0.50 to 0.60 moves toward less credit.
        assert_eq!(walk(Side::Buy, "-0.60", "-0.50", Some("-0.53")), ["-0.55", "-0.54", "-0.53", "end 210"]);
    }

    /// Chains and brokers take their time: the steps are as many, and as far apart, as if they took none.
    #[test]
    fn it_takes_every_step_though_prices_come_late() {
        let down = ["1.25", "1.2", "1.15", "1.1", "1.05", "1", "end 210"];
        for ms in [1, 300, 2_500, 14_000] {
            let late = SignedDuration::from_millis(ms);
            assert_eq!(walk_late(Side::Sell, "1.00", "1.49", None, late), down, "{ms} ms late");
        }
    }

    #[test]
    fn it_never_moves_away_from_the_market_nor_while_in_doubt() {
        let option = Instrument::from_key("AAPL  261218P00190000").unwrap();
        let order = working(&option, Side::Sell, 1, Some(price("1.10")));
        let at = |second| Timestamp::from_second(second).unwrap();
        let up = Some(Market { mid: price("1.50"), natural: price("1.45") });
        let cent = Decimal::new(1, 2);
        assert_eq!(next(LADDER, &order, up, None, cent, at(30)), Step::Wait);
        assert_eq!(next(LADDER, &order, None, None, cent, at(30)), Step::Wait);
        let down = Some(Market { mid: price("1.00"), natural: price("0.90") });
        assert_eq!(next(LADDER, &order, down, None, cent, at(14)), Step::Wait);
        assert_eq!(next(LADDER, &order, down, None, cent, at(30)), Step::Move(price("1.08")));
        let doubtful = Working { status: OrderStatus::PendingReplace, ..order };
        assert_eq!(next(LADDER, &doubtful, down, None, cent, at(999)), Step::Wait);
    }
}
