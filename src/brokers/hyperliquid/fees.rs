//! What an order would cost at Hyperliquid: its rates for this account, which fall with what was traded and staked, and its own best price.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::account::HyperliquidAccount;
use super::reads::{fresh, keep};
use super::universe::Asset;
use super::venue::{self, LIST};
use super::{mapping, twaps};
use crate::brokers::json::decimal;
use crate::brokers::{BrokerError, BrokerPreview};
use crate::domain::money::{Money, Price};
use crate::domain::order::{OrderRequest, Pricing};

/// Rates are asked for again after this: they change once a day.
const FRESH: Duration = Duration::from_secs(3_600);

/// Parts of an order's value.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rates {
    #[serde(deserialize_with = "decimal")]
    user_cross_rate: Decimal,
    /// Below zero for a rebate.
    #[serde(deserialize_with = "decimal")]
    user_add_rate: Decimal,
    #[serde(deserialize_with = "decimal")]
    user_spot_cross_rate: Decimal,
    #[serde(deserialize_with = "decimal")]
    user_spot_add_rate: Decimal,
}

impl Rates {
    const fn of(&self, is_spot: bool, takes: bool) -> Decimal {
        match (is_spot, takes) {
            (false, true) => self.user_cross_rate,
            (false, false) => self.user_add_rate,
            (true, true) => self.user_spot_cross_rate,
            (true, false) => self.user_spot_add_rate,
        }
    }
}

/// Would it take what is there: one that rests is filled by others. What waits for a trigger is taken to take.
fn takes(order: &OrderRequest, touch: Option<Price>) -> bool {
    match order.pricing {
        _ if order.post_only => false,
        Pricing::Limit { limit_price } => {
            touch.is_none_or(
                |touch| {
                    if order.side.is_buy() { limit_price >= touch } else { limit_price <= touch }
                },
            )
        }
        _ => true,
    }
}

impl HyperliquidAccount {
    async fn rates(&self) -> Result<Rates, BrokerError> {
        if let Some(known) = fresh(&self.rates, FRESH) {
            return Ok(known);
        }
        let body = json!({"type": "userFees", "user": self.user()});
        Ok(keep(&self.rates, self.venue().info(venue::read("userFees", LIST), &body).await?))
    }

    /// What an order would cost. Nothing is sent for it but reads; what would be refused here is.
    pub(super) async fn priced(&self, order: &OrderRequest) -> Result<BrokerPreview, BrokerError> {
        let universe = self.venue().universe().await?;
        let (asset, instrument) = mapping::asset_of(&universe, &order.subject)?;
        let asks = matches!(order.pricing, Pricing::Market | Pricing::Twap(_))
            || matches!(order.pricing, Pricing::Limit { .. }) && !order.post_only;
        let touch = if asks { self.touch(asset, order.side.is_buy()).await? } else { None };
        match order.pricing {
            Pricing::Twap(slices) => twaps::refuse(order, slices)?,
            _ => {
                let slippage = self.venue().settings.slippage;
                mapping::orders(asset, &instrument, order, touch, slippage)?;
            }
        }
        let price = order.pricing.limit_price().or(order.pricing.stop_price()).or(touch);
        let rate = self.rates().await?.of(asset.is_spot, takes(order, touch));
        Ok(preview(asset, order, price, rate))
    }
}

/// The figures. Of a perpetual no cash is taken: margin is held.
fn preview(asset: &Asset, order: &OrderRequest, price: Option<Price>, rate: Decimal) -> BrokerPreview {
    let value = price.and_then(|price| price.get().checked_mul(order.quantity.get()));
    let money = |amount: Decimal| Money::new(amount, asset.currency);
    BrokerPreview {
        cash: value.filter(|_| asset.is_spot).map(|value| money(-value * order.side.sign())),
        fee: value.and_then(|value| value.checked_mul(rate)).map(money),
        buying_power_after: None,
        warnings: Vec::new(),
    }
}
