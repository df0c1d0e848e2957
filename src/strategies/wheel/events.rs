//! Dates that make a written option be bought back or rolled: ex-dividend, the last afternoon, a report (strategies §6.5).

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::days_to_expiry;
use crate::quant::number::to_f64;
use crate::strategies::options::dates::{ex_dividend_tomorrow, last_session_before};
use crate::strategies::options::exercise::pays_for_dividend;
use crate::strategies::options::positions::Contracts;
use crate::strategies::{Decision, Output};

use super::turn::Turn;

/// A put this near to its strike, in parts of it, may be assigned whatever the close says.
const PIN_PART: Decimal = Decimal::from_parts(5, 0, 0, false, 3);
/// What costs so little on the last afternoon is cheap.
const CHEAP: Decimal = Decimal::from_parts(5, 0, 0, false, 2);

impl Turn<'_> {
    /// The last half hour before an ex-date: calls in the money whose holders gain by exercising. In its last quarter they are bought back:
    /// there is no time for another roll that nobody may take.
    pub(super) fn before_ex_dividend(&mut self, spot: Price) -> bool {
        if !self.hours.late || self.params.word("ex_dividend") == "accept" {
            return false;
        }
        let events = self.books.events(self.chain_symbol());
        let Some(dividend) = ex_dividend_tomorrow(events, self.books.calendar(), self.hours.today) else {
            return false;
        };
        let calls = self.positions.short.clone();
        for held in calls.iter().filter(|held| held.contract.right == Right::Call) {
            if held.contract.strike >= spot || self.is_worked(&held.contract) || self.free(held) == 0 {
                continue;
            }
            let Some(mid) = self.mid_of(&held.contract) else {
                self.out.push(Output::Alert(format!(
                    "{}: {} goes ex-dividend tomorrow and has no market",
                    self.name, held.contract
                )));
                continue;
            };
            let extrinsic = mid - held.contract.intrinsic(spot);
            let of = (self.hours.today, self.books.risk_free());
            if !pays_for_dividend(self.chain, &held.contract, (spot, mid), dividend, of) {
                continue;
            }
            if self.params.word("ex_dividend") == "roll"
                && !self.hours.last
                && self.roll(held, Some(dividend.amount), "WHEEL_EXDIV")
            {
                return true;
            }
            let values =
                vec![("dividend", to_f64(dividend.amount.get())), ("extrinsic", to_f64(extrinsic.get()))];
            let instrument = Instrument::Option(held.contract.clone());
            let count = self.free(held);
            let decision = Decision::new("WHEEL_EXDIV", Some(instrument), values);
            if self.close(&held.contract, count, true, None, decision) {
                return true;
            }
        }
        false
    }

    /// The last half hour of a contract.
    pub(super) fn on_expiry_day(&mut self, spot: Price) -> bool {
        if !self.hours.late {
            return false;
        }
        let today = self.hours.today;
        let expiring: Vec<Contracts> =
            self.positions.short.iter().filter(|held| held.contract.expiry == today).cloned().collect();
        for held in expiring {
            let count = self.free(&held);
            if count == 0 || self.is_worked(&held.contract) {
                continue;
            }
            let contract = &held.contract;
            let strike = contract.strike.get();
            let pinned = contract.right == Right::Put && spot.get() <= strike * (Decimal::ONE + PIN_PART);
            let values = vec![("spot", to_f64(spot.get())), ("strike", to_f64(strike))];
            let instrument = Instrument::Option(contract.clone());
            if pinned && self.params.word("pin") == "close" {
                let decision = Decision::new("WHEEL_PIN", Some(instrument), values);
                if self.close(contract, count, true, None, decision) {
                    return true;
                }
            } else if !contract.intrinsic(spot).is_positive() && self.params.flag("close_cheap") {
                let ask = self.market(contract).map(|(_, ask)| ask);
                if ask.is_some_and(|ask| ask.get() <= CHEAP) {
                    let decision = Decision::new("WHEEL_CLOSE_CHEAP", Some(instrument), values);
                    return self.close(contract, count, false, ask, decision);
                }
            }
        }
        false
    }

    /// The last quarter of an hour before a report: what is written is bought back.
    pub(super) fn before_report(&mut self) -> bool {
        if !self.hours.last || self.params.word("earnings") != "close_before" {
            return false;
        }
        let events = self.books.events(self.chain_symbol()).filter(|events| !events.is_fund);
        let Some(report) = events.and_then(|events| events.next_earnings(self.hours.today)) else {
            return false;
        };
        if last_session_before(report, self.books.calendar()) != self.hours.today {
            return false;
        }
        for held in self.positions.short.clone() {
            let count = self.free(&held);
            if count == 0 || self.is_worked(&held.contract) || held.contract.expiry < report.date {
                continue;
            }
            let days = days_to_expiry(report.date, self.hours.today);
            let instrument = Instrument::Option(held.contract.clone());
            let decision =
                Decision::new("WHEEL_EARNINGS", Some(instrument), vec![("days_to_report", days.into())]);
            if self.close(&held.contract, count, true, None, decision) {
                return true;
            }
        }
        false
    }

    fn chain_symbol(&self) -> &crate::domain::instrument::Symbol {
        self.positions.share.root()
    }
}
