//! Wash sales: a loss is put off when the same thing was bought within thirty days before or after, and goes into what that cost. The loss of
//! a short sale is put off when the same share was sold short again within those days (Internal Revenue Code 1091(e)), and takes from what
//! that brought.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::calendar::plus_days;
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;

use super::book::part;
use super::{Realized, TaxLot, WASH_DAYS, tacked};

/// A loss of which some units have not been bought again.
struct Loss {
    /// Its place among the closed parts.
    place: usize,
    /// Units that nothing stands in for yet.
    units: Decimal,
    /// Since when what was sold had been held.
    held_since: Date,
}

/// Losses that may still be put off, oldest first.
#[derive(Default)]
pub(super) struct Wash {
    losses: Vec<Loss>,
}

impl Wash {
    /// Part of a lot was closed; only a loss is kept in mind.
    pub(super) fn lost(&mut self, realized: &[Realized], place: usize, held_since: Date) {
        let Some(row) = realized.get(place) else { return };
        if row.gain() < Decimal::ZERO {
            self.losses.push(Loss { place, units: row.quantity, held_since });
        }
    }

    /// What was bought in the days before a loss and is still held stands in for what was sold, oldest first; never the rest of the lot itself.
    pub(super) fn look_back(&mut self, realized: &mut [Realized], lots: &mut Vec<TaxLot>, place: usize) {
        let Some(loss) = self.losses.iter_mut().find(|loss| loss.place == place) else { return };
        let Some(row) = realized.get_mut(place) else { return };
        let from = plus_days(row.sold, -WASH_DAYS);
        let mut places: Vec<usize> = (0..lots.len())
            .filter(|n| {
                let lot = &lots[*n];
                lot.acquired >= from && lot.lot != row.lot && may_replace(lot, row)
            })
            .collect();
        places.sort_by_key(|n| lots[*n].number);
        for n in places {
            if loss.units <= Decimal::ZERO {
                break;
            }
            let ratio = units_of(&lots[n].instrument, &row.instrument);
            let rest = replace(loss, row, &mut lots[n], ratio);
            lots.extend(rest);
        }
    }

    /// Something was bought, or sold short: it stands in for what was closed at a loss in the days before, the oldest loss first. Returns the
    /// lot, in parts where only some of it does.
    pub(super) fn opened(&mut self, realized: &mut [Realized], mut lot: TaxLot) -> Vec<TaxLot> {
        let mut done = Vec::new();
        let from = plus_days(lot.acquired, -WASH_DAYS);
        for loss in self.losses.iter_mut().filter(|loss| loss.units > Decimal::ZERO) {
            let Some(row) = realized.get_mut(loss.place) else { continue };
            if row.sold < from || !may_replace(&lot, row) {
                continue;
            }
            let ratio = units_of(&lot.instrument, &row.instrument);
            match replace(loss, row, &mut lot, ratio) {
                Some(rest) => done.push(std::mem::replace(&mut lot, rest)),
                None => break,
            }
        }
        // Too old to be bought again in time.
        let day = lot.acquired;
        self.losses.retain(|loss| {
            let sold = realized.get(loss.place).map(|row| row.sold);
            loss.units > Decimal::ZERO && sold.is_some_and(|sold| plus_days(sold, WASH_DAYS) >= day)
        });
        done.push(lot);
        done
    }
}

/// Is it what was sold, or the right to buy that. For a short sale: the same share sold short; a written option is no short sale of a share.
fn may_replace(lot: &TaxLot, row: &Realized) -> bool {
    let free = !lot.replaces && lot.currency == row.currency;
    if row.short {
        let same = lot.instrument == row.instrument && row.instrument.as_option().is_none();
        return free && same && lot.quantity < Decimal::ZERO;
    }
    let call = lot.instrument.as_option().is_some_and(|contract| contract.right == Right::Call);
    let same = lot.instrument == row.instrument
        || (call && row.instrument.as_option().is_none() && lot.instrument.price_driver() == row.instrument);
    free && same && lot.quantity > Decimal::ZERO
}

/// Units of what was sold that one unit of the other stands for: a call for a hundred shares.
fn units_of(lot: &Instrument, sold: &Instrument) -> Decimal {
    if lot.as_option().is_some() && sold.as_option().is_none() { Decimal::ONE_HUNDRED } else { Decimal::ONE }
}

/// Units of a lot take a loss on: that much of it is put off, raises what they cost, and they count as held for as long as what was sold. Of
/// units sold short it lowers what they brought; they were never held.
/// Returns the rest of the lot, where not all of it was needed.
fn replace(loss: &mut Loss, row: &mut Realized, lot: &mut TaxLot, ratio: Decimal) -> Option<TaxLot> {
    let held = lot.quantity.abs();
    let matched = (held * ratio).min(loss.units);
    let units = matched.checked_div(ratio)?;
    let rest = (units < held).then(|| {
        let left = held - units;
        let (basis, washed) = (part(lot.basis, left, held), part(lot.washed, left, held));
        let quantity = if row.short { -left } else { left };
        TaxLot { quantity, basis, washed, ..lot.clone() }
    });
    if let Some(rest) = &rest {
        lot.quantity -= rest.quantity;
        lot.basis -= rest.basis;
        lot.washed -= rest.washed;
    }
    let disallowed = part(-row.gain(), matched, row.quantity);
    loss.units -= matched;
    row.disallowed += disallowed;
    lot.washed += disallowed;
    if row.short {
        lot.basis -= disallowed;
    } else {
        lot.basis += disallowed;
        lot.held_since = tacked(lot.acquired, loss.held_since, row.sold);
    }
    lot.replaces = true;
    rest
}
