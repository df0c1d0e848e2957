//! What an expiry says as a whole: the volatility at the money, how far the price is expected to move until then, and whether puts or calls are
//! held and traded.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::builder::years_until;
use super::view::at_the_money;
use super::{ChainPane, Strike};
use crate::client::message::{Chain, ChainRow};
use crate::tui::env::Look;
use crate::tui::format;

/// The facts in words, the most telling first; only those that the chain can tell.
pub fn facts(pane: &ChainPane, chain: &Chain, look: &Look<'_>) -> Vec<String> {
    let strikes = pane.all_strikes(chain);
    let Some(day) = pane.expiry(chain) else { return Vec::new() };
    let years = years_until(day, look.env.clock(look.snapshot));
    let middle = at_the_money(&strikes, chain.spot).and_then(|i| strikes.get(i));
    let spot = chain.spot.and_then(|spot| spot.get().to_f64());
    let mut facts = Vec::new();
    if let Some(iv) = middle.and_then(volatility) {
        facts.push(format!("iv at the money {}%", number(iv * 100.0, 1)));
        if let Some(spot) = spot {
            let (move_, share) = expected_move(spot, iv, years);
            let sign = if look.theme.glyphs.ascii { "+-" } else { "±" };
            facts.push(format!("expected move {sign}{} {}%", number(move_, 2), number(share, 1)));
        }
    }
    if let Some(straddle) = middle.and_then(straddle) {
        facts.push(format!("straddle {}", format::grouped(straddle, 2)));
    }
    let sum = |pick: fn(&ChainRow) -> Decimal| ratio(&strikes, pick);
    let interest = sum(|row| row.open_interest.map_or(Decimal::ZERO, Decimal::from));
    let volume = sum(|row| row.quote.volume.get());
    let put_call = [(interest, "oi"), (volume, "volume")]
        .into_iter()
        .filter_map(|(ratio, of)| Some(format!("{} {of}", format::grouped(ratio?, 2))));
    let put_call: Vec<String> = put_call.collect();
    if !put_call.is_empty() {
        facts.push(format!("puts per call {}", put_call.join(", ")));
    }
    facts
}

/// A number of so many decimals.
pub fn number(value: f64, decimals: u32) -> String {
    Decimal::from_f64(value).map_or_else(|| "-".to_owned(), |value| format::grouped(value, decimals))
}

/// One standard deviation of the price until then, in money and in per cent of the price: about two times in three it ends within.
fn expected_move(spot: f64, iv: f64, years: f64) -> (f64, f64) {
    let share = iv * years.max(0.0).sqrt();
    (spot * share, share * 100.0)
}

/// What a strike's call and put are priced at, the mean of both.
pub fn volatility(strike: &Strike<'_>) -> Option<f64> {
    let sides = [strike.call, strike.put].into_iter().flatten().filter_map(|row| row.iv);
    let known: Vec<f64> = sides.filter(|iv| iv.is_finite() && *iv > 0.0).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// What call and put cost together, at their middles, per unit.
fn straddle(strike: &Strike<'_>) -> Option<Decimal> {
    Some(strike.call?.quote.mid()?.get() + strike.put?.quote.mid()?.get())
}

/// Of the puts for one of the calls; none without calls.
fn ratio(strikes: &[Strike<'_>], pick: fn(&ChainRow) -> Decimal) -> Option<Decimal> {
    let calls: Decimal = strikes.iter().filter_map(|strike| strike.call).map(pick).sum();
    let puts: Decimal = strikes.iter().filter_map(|strike| strike.put).map(pick).sum();
    puts.checked_div(calls).filter(|_| !calls.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_move_that_is_expected_is_one_standard_deviation() {
        let (money, percent) = expected_move(100.0, 0.20, 0.25);
        assert!((money - 10.0).abs() < 1e-9 && (percent - 10.0).abs() < 1e-9, "{money} {percent}");
        assert_eq!(expected_move(100.0, 0.20, -1.0), (0.0, 0.0));
    }
}
