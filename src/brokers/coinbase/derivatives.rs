//! Positions that are no coins: contracts of US futures, and perpetuals of portfolios outside the US.

use rust_decimal::Decimal;

use super::PRIVATE;
use super::account::CoinbaseAccount;
use super::line::V3;
use super::products::instrument_of;
use super::wire::{FuturesPositions, PerpetualPositions};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::position::Position;

/// One of them, in the venue's figures.
struct Held {
    product_id: String,
    /// Below zero when short.
    units: Decimal,
    entry: Option<Decimal>,
    mark: Option<Decimal>,
    unrealized_pnl: Option<Decimal>,
    currency: Currency,
}

impl CoinbaseAccount {
    /// Positions in US futures; none where the account has no such permission.
    pub(super) async fn futures(&self) -> Result<Vec<Position>, BrokerError> {
        let call = Call::read("futures", PRIVATE);
        let asked = self.line.get::<FuturesPositions>(call, &format!("{V3}/cfm/positions"), &[]).await;
        let rows = match asked {
            Ok(answer) => answer.positions,
            Err(BrokerError::Refused { status: 403 | 404, .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut positions = Vec::new();
        for row in rows {
            let short = row.side.eq_ignore_ascii_case("SHORT");
            let held = Held {
                units: if short { -row.number_of_contracts } else { row.number_of_contracts },
                entry: plain_or_amount(&row.avg_entry_price),
                mark: plain_or_amount(&row.current_price),
                unrealized_pnl: plain_or_amount(&row.unrealized_pnl),
                currency: Currency::USD,
                product_id: row.product_id,
            };
            positions.extend(self.position(held).await?);
        }
        Ok(positions)
    }

    /// Positions in perpetuals of this portfolio.
    pub(super) async fn perpetuals(&self) -> Result<Vec<Position>, BrokerError> {
        let call = Call::read("perpetuals", PRIVATE);
        let portfolio: String = url::form_urlencoded::byte_serialize(self.portfolio.as_bytes()).collect();
        let answer: PerpetualPositions =
            self.line.get(call, &format!("{V3}/intx/positions/{portfolio}"), &[]).await?;
        let mut positions = Vec::new();
        for row in answer.positions {
            // The side is said beside the size, which may have a sign of its own.
            let units = match row.position_side.trim_start_matches("POSITION_SIDE_") {
                "SHORT" => -row.net_size.abs(),
                "LONG" => row.net_size.abs(),
                _ => row.net_size,
            };
            let held = Held {
                units,
                entry: plain_or_amount(&row.entry_vwap).or_else(|| plain_or_amount(&row.vwap)),
                mark: plain_or_amount(&row.mark_price),
                unrealized_pnl: plain_or_amount(&row.unrealized_pnl),
                currency: Currency::new("USDC").unwrap_or(Currency::USD),
                product_id: row.product_id,
            };
            positions.extend(self.position(held).await?);
        }
        Ok(positions)
    }

    /// A position in our words; `None` for one that is flat, or that we cannot name.
    async fn position(&self, held: Held) -> Result<Option<Position>, BrokerError> {
        if held.units.is_zero() {
            return Ok(None);
        }
        let Some(instrument) = instrument_of(&held.product_id) else { return Ok(None) };
        let multiplier = self.products.get(&held.product_id).await?.multiplier();
        let value = |mark: Decimal| mark.checked_mul(held.units)?.checked_mul(multiplier);
        Ok(Some(Position {
            account: self.id.clone(),
            instrument,
            quantity: Quantity::new(held.units),
            average_price: held.entry.map_or(Price::ZERO, Price::new),
            multiplier,
            currency: held.currency,
            mark: held.mark.map(Price::new),
            market_value: held.mark.and_then(value),
            unrealized_pnl: held.unrealized_pnl,
            realized_pnl: Decimal::ZERO,
            day_pnl: None,
        }))
    }
}

/// A decimal in a text, or in the `value` of an amount.
fn plain_or_amount(value: &serde_json::Value) -> Option<Decimal> {
    let text = value.as_str().or_else(|| value.get("value").and_then(serde_json::Value::as_str))?;
    crate::brokers::json::decimal_of(text).ok()
}
