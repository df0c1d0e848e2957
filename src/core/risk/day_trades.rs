//! Day trades: a security opened and closed in one session, as the pattern-day-trader rule counts them.
//! Source: FINRA rule 4210(f)(8)(B) as it stood until 2026-06-04; reliability 4.3.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Quantity;

/// Sessions that count, today's among them.
const SESSIONS: usize = 5;
/// Day trades remembered: far more than any limit asks about.
const REMEMBERED_MAX: usize = 256;

/// The latest opening of a position in one session.
#[derive(Clone, Debug)]
struct Opened {
    day: Date,
    by: Option<ClientOrderId>,
    /// A close of the same session has been counted with it.
    counted: bool,
}

/// The day trades of one account.
#[derive(Clone, Debug, Default)]
pub struct DayTrades {
    opened: BTreeMap<Instrument, Opened>,
    /// Sessions with a day trade, one entry for each, rising.
    days: VecDeque<Date>,
}

impl DayTrades {
    /// Takes an execution in, with the units held before it (signed). Shares and options count; what is closed before anything new was
    /// opened was held over night; fills of one opening order make one day trade, however often they are closed.
    pub fn record(&mut self, execution: &Execution, held: Quantity) {
        let class = execution.instrument.asset_class();
        let security = matches!(class, AssetClass::Equity | AssetClass::Option);
        if !security || execution.kind != ExecutionKind::Trade {
            return;
        }
        let (day, units) = (exchange_date(execution.at), execution.signed_quantity());
        let closes = !held.is_zero() && held.is_negative() != units.is_negative();
        if closes
            && let Some(opened) = self.opened.get_mut(&execution.instrument)
            && opened.day == day
            && !std::mem::replace(&mut opened.counted, true)
        {
            self.days.push_back(day);
            if self.days.len() > REMEMBERED_MAX {
                self.days.pop_front();
            }
        }
        if !closes || units.abs() > held.abs() {
            self.open(execution, day);
        }
    }

    fn open(&mut self, execution: &Execution, day: Date) {
        let by = execution.client_order_id;
        let known = self.opened.get(&execution.instrument);
        if known.is_some_and(|opened| opened.day == day && by.is_some() && opened.by == by) {
            return;
        }
        // What was opened in another session is of no use any more.
        self.opened.retain(|_, opened| opened.day == day);
        self.opened.insert(execution.instrument.clone(), Opened { day, by, counted: false });
    }

    /// Day trades in this session and the four before it.
    #[must_use]
    pub fn count(&self, calendar: &Calendar, today: Date) -> usize {
        let mut first = calendar.session_on_or_before(today);
        for _ in 1..SESSIONS {
            first = calendar.previous_session(first);
        }
        self.days.iter().rev().take_while(|day| **day >= first).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::portfolio::{AccountTerms, Portfolio};
    use crate::domain::account::{AccountKind, AccountMode};
    use crate::domain::ids::{AccountId, ExecutionId};
    use crate::domain::money::{Currency, Price};
    use crate::domain::order::Side;

    /// Fills as `day:order:signed units`, of one instrument.
    fn count(instrument: &str, fills: &str) -> usize {
        let account = AccountId::new("paper");
        let mut books = Portfolio::new(AccountTerms {
            account: account.clone(),
            kind: AccountKind::Margin,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            options_level: 4,
            opening_cash: Vec::new(),
        });
        let mut trades = DayTrades::default();
        for (n, text) in fills.split_whitespace().enumerate() {
            let numbers: Vec<i64> = text.split(':').map(|number| number.parse().unwrap()).collect();
            let execution = Execution {
                execution_id: ExecutionId::new(n.to_string()),
                account: account.clone(),
                client_order_id: Some(ClientOrderId::from_parts(u64::try_from(numbers[1]).unwrap(), 0)),
                broker_order_id: None,
                instrument: Instrument::from_key(instrument).unwrap(),
                side: if numbers[2] < 0 { Side::Sell } else { Side::Buy },
                quantity: Quantity::from(numbers[2].abs()),
                price: Price::from(100),
                multiplier: rust_decimal::Decimal::ONE,
                fee: rust_decimal::Decimal::ZERO,
                currency: Currency::USD,
                at: format!("2026-11-{:02}T15:00:00Z", numbers[0]).parse().unwrap(),
                kind: ExecutionKind::Trade,
            };
            trades.record(&execution, books.quantity(&execution.instrument));
            books.apply(&execution);
        }
        trades.count(&Calendar::nyse(), "2026-11-24".parse().unwrap())
    }

    #[test]
    fn k2_a_day_trade_is_an_opening_and_its_close_in_one_session() {
        let table = [
            ("one each way", "24:1:100 24:2:-100", 1),
            ("held over night", "23:1:100 24:2:-100", 0),
            ("many fills", "24:1:60 24:1:40 24:2:-30 24:3:-70", 1),
            ("closed between the fills of one order", "24:1:60 24:2:-60 24:1:40 24:2:-40", 1),
            ("twice", "24:1:100 24:2:-100 24:3:100 24:4:-100", 2),
            ("short", "24:1:-100 24:2:100", 1),
            ("a flip, and back", "24:1:100 24:2:-200 24:3:100", 2),
            ("sold before more is bought", "23:1:100 24:2:-50 24:3:50", 0),
            ("bought to what was held, then sold", "23:1:100 24:2:50 24:3:-50", 1),
            ("the fifth session back", "18:1:100 18:2:-100", 1),
            ("the sixth", "17:1:100 17:2:-100", 0),
        ];
        for (what, fills, expect) in table {
            assert_eq!(count("AAPL", fills), expect, "{what}");
        }
        assert_eq!(count("BTC-USD", "24:1:1 24:2:-1"), 0, "coins are no security");
    }
}
