//! Orders in slices over a time, which the venue keeps beside its orders: it numbers them itself, keeps no id of ours, lists them and the fills
//! of their slices apart. Here each is one order with one number.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::NAME;
use super::account::HyperliquidAccount;
use super::actions::{Action, TwapWire};
use super::errors::{self, shown};
use super::mapping::{self, unsupported};
use super::universe::Universe;
use super::venue::{self, instant};
use super::wire::{Fill, SliceFill, Status, StatusBody, TwapRow};
use crate::brokers::{BrokerError, OrderState};
use crate::domain::execution::OrderEvent;
use crate::domain::ids::BrokerOrderId;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{
    OrderHandle, OrderRequest, OrderStatus, OrderSubject, PositionEffect, Pricing, Side, Slices, TimeInForce,
    TradingSession,
};
use crate::domain::statement::OrderReport;

/// Minutes that the venue takes.
const MINUTES_MIN: u32 = 5;
const MINUTES_MAX: u32 = 1_440;
/// What tells their numbers from those of orders.
const PREFIX: &str = "twap-";

/// The venue's number as an order's id.
pub(super) fn broker_order_id(twap: u64) -> BrokerOrderId {
    BrokerOrderId::new(format!("{PREFIX}{twap}"))
}

/// The venue's number in an order's id; `None` for an order that is none of these.
fn number_of(id: &BrokerOrderId) -> Option<u64> {
    id.as_str().strip_prefix(PREFIX)?.parse().ok()
}

/// Is it meant to be one of these, as far as it is said.
pub(super) fn is_meant(order: &OrderHandle) -> bool {
    match &order.broker_order_id {
        Some(id) => number_of(id).is_some(),
        None => order.order_type == crate::domain::order::OrderType::Twap,
    }
}

/// Where one stands. What ended with something left has been canceled, by whom ever.
fn status(row: &TwapRow) -> OrderStatus {
    let (done, all) = (row.state.executed_sz, row.state.sz);
    match row.status.status.as_str() {
        "activated" | "waitingForTrigger" if done.is_zero() => OrderStatus::Submitted,
        "activated" | "waitingForTrigger" => OrderStatus::PartiallyFilled,
        "finished" if done >= all => OrderStatus::Filled,
        "finished" | "terminated" => OrderStatus::Canceled,
        word if word.starts_with("error") && done.is_zero() => OrderStatus::Rejected,
        word if word.starts_with("error") => OrderStatus::Canceled,
        _ => OrderStatus::Unknown,
    }
}

/// Why it ended, where that was not our wish.
fn reason(row: &TwapRow) -> Option<String> {
    match (row.status.status.as_str(), &row.status.description) {
        ("terminated", _) => None,
        ("finished", _) => {
            let (done, all) = (row.state.executed_sz.normalize(), row.state.sz.normalize());
            Some(format!("its time is over, with {done} of {all} done"))
        }
        (_, Some(text)) => Some(shown(text)),
        (word, None) => Some(shown(word)),
    }
}

/// The newest row of each that has a number.
fn newest(rows: Vec<TwapRow>) -> BTreeMap<u64, TwapRow> {
    let mut all: BTreeMap<u64, TwapRow> = BTreeMap::new();
    for row in rows {
        let Some(id) = row.twap_id else { continue };
        let ends = |row: &TwapRow| status(row).is_terminal();
        match all.get(&id) {
            // Within one second the end is what came last.
            Some(known) if (known.time, ends(known)) >= (row.time, ends(&row)) => {}
            _ => drop(all.insert(id, row)),
        }
    }
    all
}

/// One as an order of a list.
fn report(universe: &Universe, id: u64, row: &TwapRow) -> Result<Option<OrderReport>, BrokerError> {
    let state = &row.state;
    let Some(instrument) = universe.instrument(&state.coin) else {
        tracing::warn!(coin = %shown(&state.coin), "slices of something that is not known here");
        return Ok(None);
    };
    let side = mapping::side(&state.side).ok_or_else(|| {
        mapping::unreadable("twapHistory", format!("side: '{}' is neither A nor B", shown(&state.side)))
    })?;
    Ok(Some(OrderReport {
        client_order_id: None,
        broker_order_id: broker_order_id(id),
        status: status(row),
        subject: OrderSubject::Instrument(instrument),
        side,
        quantity: Quantity::new(state.sz),
        pricing: Pricing::Twap(Slices {
            minutes: state.minutes,
            randomize: state.randomize,
            limit_price: None,
        }),
        time_in_force: TimeInForce::Gtc,
        filled_quantity: Quantity::new(state.executed_sz),
        average_price: state.executed_ntl.checked_div(state.executed_sz).map(Price::new),
        entered_at: instant(state.timestamp)?,
        native_type: None,
        oco_group: None,
    }))
}

/// What the stream says of one by a row of its history; `None` where fills say it, or the row does not say of which.
pub(super) fn event(row: &TwapRow) -> Option<(BrokerOrderId, OrderEvent)> {
    let id = broker_order_id(row.twap_id?);
    let event = match status(row) {
        OrderStatus::Submitted | OrderStatus::PartiallyFilled => {
            OrderEvent::Acknowledged { broker_order_id: id.clone() }
        }
        OrderStatus::Canceled => OrderEvent::Canceled { reason: reason(row) },
        OrderStatus::Rejected => {
            let message = reason(row).unwrap_or_default();
            OrderEvent::Rejected(crate::domain::execution::Reject { code: "twapRejected".into(), message })
        }
        _ => return None,
    };
    Some((id, event))
}

/// What cannot be said of slices to this venue.
pub(super) fn refuse(order: &OrderRequest, slices: Slices) -> Result<(), BrokerError> {
    if !(MINUTES_MIN..=MINUTES_MAX).contains(&slices.minutes) {
        return Err(unsupported(format!("{} minutes", slices.minutes), "5 to 1440 minutes"));
    }
    if slices.limit_price.is_some() {
        return Err(unsupported("slices with a worst price", "slices at the market"));
    }
    let alone = order.take_profit.is_none() && order.stop_loss.is_none() && order.contingency.is_empty();
    if !alone || order.post_only {
        return Err(unsupported("slices with exits, links or post-only", "plain slices"));
    }
    if order.cash_order_quantity.is_some() {
        return Err(unsupported("an amount of money", "a quantity in units of the coin"));
    }
    if order.session == TradingSession::Extended {
        return Err(unsupported("extended hours", "orders that always work: it never closes"));
    }
    if order.time_in_force != TimeInForce::Gtc {
        return Err(unsupported(format!("time in force {} for slices", order.time_in_force), "gtc"));
    }
    Ok(())
}

impl HyperliquidAccount {
    /// Starts an order in slices. Returns the venue's number of it.
    pub(super) async fn slice(
        &self,
        order: &OrderRequest,
        slices: Slices,
    ) -> Result<BrokerOrderId, BrokerError> {
        refuse(order, slices)?;
        let universe = self.venue().universe().await.map_err(super::account::not_sent)?;
        let (asset, instrument) = mapping::asset_of(&universe, &order.subject)?;
        if asset.is_spot && matches!(order.side, Side::SellShort | Side::BuyToCover) {
            return Err(unsupported("short sales of spot", "buy and sell"));
        }
        let closes = order.reduce_only
            || order.position_effect == Some(PositionEffect::Close)
            || order.side == Side::BuyToCover;
        let action = Action::TwapOrder {
            twap: TwapWire {
                a: asset.id,
                b: order.side.is_buy(),
                s: mapping::size(asset, &instrument, order.quantity)?,
                r: closes && !asset.is_spot,
                m: slices.minutes,
                t: slices.randomize,
            },
        };
        if !self.sent.first_time(order.client_order_id) {
            let reason = "sent before; which slices it is, the list shows".to_owned();
            return Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason });
        }
        let sent = self.shared.act(venue::order("twapOrder"), &action, true).await;
        let done = match sent {
            Ok(done) => done,
            Err(error) => {
                if matches!(error, BrokerError::Unreachable { .. } | BrokerError::Busy { .. }) {
                    self.sent.forget(order.client_order_id);
                }
                return Err(error);
            }
        };
        match done.status {
            Some(Status::Body(StatusBody { running: Some(running), .. })) => {
                Ok(broker_order_id(running.twap_id))
            }
            Some(Status::Body(StatusBody { error: Some(text), .. })) => Err(errors::refused(&text)),
            _ => {
                Err(mapping::unreadable("twapOrder", "data.status: neither running nor an error".to_owned()))
            }
        }
    }

    /// Ends one.
    pub(super) async fn end_slices(&self, order: &OrderHandle) -> Result<BrokerOrderId, BrokerError> {
        let known = order.broker_order_id.as_ref().and_then(|id| Some((id.clone(), number_of(id)?)));
        let Some((id, number)) = known else {
            return Err(BrokerError::NotFound {
                broker: NAME.to_owned(),
                what: format!("number of the slices of order {} yet", order.client_order_id),
            });
        };
        let universe = self.venue().universe().await.map_err(super::account::not_sent)?;
        let asset = order.subject.instrument().and_then(|instrument| universe.asset(instrument));
        let asset = asset.ok_or_else(|| BrokerError::NotFound {
            broker: NAME.to_owned(),
            what: format!("instrument {}", order.subject),
        })?;
        let action = Action::TwapCancel { a: asset.id, t: number };
        let done = self.shared.act(venue::cancel("twapCancel"), &action, false).await?;
        match done.status {
            Some(Status::Body(StatusBody { error: Some(text), .. })) => Err(errors::refused(&text)),
            Some(Status::Word(word)) if word == "success" => Ok(id),
            _ => {
                let reason = "data.status: neither success nor an error".to_owned();
                Err(mapping::unreadable("twapCancel", reason))
            }
        }
    }

    /// Every one that the venue remembers, as it stands.
    async fn twaps(&self) -> Result<BTreeMap<u64, TwapRow>, BrokerError> {
        let body = json!({"type": "twapHistory", "user": self.user()});
        Ok(newest(self.listed(super::reads::TWAPS, "twapHistory", &body).await?))
    }

    /// The ones that work, and those that ended since an instant.
    pub(super) async fn twap_reports(
        &self,
        universe: &Universe,
        since: Timestamp,
    ) -> Result<Vec<OrderReport>, BrokerError> {
        let mut reports = Vec::new();
        for (id, row) in self.twaps().await? {
            if status(&row).is_terminal() && row.time < since.as_second() {
                continue;
            }
            reports.extend(report(universe, id, &row)?);
        }
        Ok(reports)
    }

    /// Numbers of those that work, each with its coin.
    pub(super) async fn working_twaps(&self) -> Result<Vec<(u64, String)>, BrokerError> {
        let all = self.twaps().await?.into_iter();
        Ok(all.filter(|(_, row)| !status(row).is_terminal()).map(|(id, row)| (id, row.state.coin)).collect())
    }

    /// Where one stands. Without its number nobody can tell: the list shows which it may be.
    pub(super) async fn twap_state(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        let Some(id) = &order.broker_order_id else {
            let reason = "slices have no id of ours; the list shows which they are".to_owned();
            return Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason });
        };
        let number = number_of(id).unwrap_or_default();
        Ok(self.twaps().await?.get(&number).map(|row| OrderState {
            broker_order_id: id.clone(),
            status: status(row),
            filled_quantity: Quantity::new(row.state.executed_sz),
        }))
    }

    /// What slices have filled since an instant: of the newest two thousand, which is all that the venue gives.
    pub(super) async fn slice_fills(&self, since: Timestamp) -> Result<Vec<Fill>, BrokerError> {
        let body = json!({"type": "userTwapSliceFills", "user": self.user()});
        let rows: Vec<SliceFill> = self.listed(super::reads::SLICES, "userTwapSliceFills", &body).await?;
        let since = since.as_millisecond();
        Ok(rows.into_iter().map(SliceFill::into_fill).filter(|fill| fill.time >= since).collect())
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn row(id: u64, time: i64, word: &str, done: &str) -> TwapRow {
        let text = format!(
            r#"{{"time":{time},"twapId":{id},"state":{{"coin":"ETH","user":"0x1","side":"B","sz":"10","executedSz":"{done}",
            "executedNtl":"400","minutes":30,"reduceOnly":false,"randomize":true,"timestamp":1700000000000}},
            "status":{{"status":"{word}","description":"oracle bounce"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_newest_row_counts_and_its_end_within_a_second() {
        let rows =
            vec![row(7, 5, "finished", "10"), row(7, 5, "activated", "4"), row(8, 9, "activated", "0")];
        let all = newest(rows);
        assert_eq!(status(&all[&7]), OrderStatus::Filled);
        assert_eq!(status(&all[&8]), OrderStatus::Submitted);
        assert_eq!(newest(vec![TwapRow { twap_id: None, ..row(1, 1, "activated", "0") }]).len(), 0);
    }

    #[test]
    fn words_are_statuses_and_ends_say_why() {
        for (word, done, expected, why) in [
            ("activated", "4", OrderStatus::PartiallyFilled, None),
            ("terminated", "4", OrderStatus::Canceled, None),
            ("finished", "4", OrderStatus::Canceled, Some("its time is over, with 4 of 10 done")),
            ("error", "0", OrderStatus::Rejected, Some("oracle bounce")),
            ("error", "4", OrderStatus::Canceled, Some("oracle bounce")),
            ("sleeping", "4", OrderStatus::Unknown, None),
        ] {
            let row = row(7, 5, word, done);
            assert_eq!(status(&row), expected, "{word}");
            let said = match event(&row) {
                Some((_, OrderEvent::Canceled { reason })) => reason,
                Some((_, OrderEvent::Rejected(reject))) => Some(reject.message),
                Some((id, OrderEvent::Acknowledged { .. })) => {
                    assert_eq!(number_of(&id), Some(7));
                    None
                }
                _ => None,
            };
            assert_eq!(said.as_deref(), why, "{word}");
        }
        assert_eq!(number_of(&BrokerOrderId::new("77")), None);
    }

    #[test]
    fn an_average_is_what_was_paid_for_what_was_done() {
        let mut universe = Universe::default();
        let spot = r#"{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"PURR","szDecimals":0,"index":1}],
            "universe":[{"name":"PURR/USDC","tokens":[1,0],"index":0}]}"#;
        universe.add_spot(&serde_json::from_str(spot).unwrap());
        let mut of_it = row(7, 5, "activated", "4");
        of_it.state.coin = "PURR/USDC".to_owned();
        let shown = report(&universe, 7, &of_it).unwrap().unwrap();
        assert_eq!((shown.average_price, shown.filled_quantity), (Some(Price::from(100)), 4.into()));
        assert_eq!(shown.pricing, Pricing::Twap(Slices { minutes: 30, randomize: true, limit_price: None }));
        of_it.state.executed_sz = Decimal::ZERO;
        assert_eq!(report(&universe, 7, &of_it).unwrap().unwrap().average_price, None);
        of_it.state.coin = "@99".to_owned();
        assert!(report(&universe, 7, &of_it).unwrap().is_none());
    }
}
