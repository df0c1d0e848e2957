//! What an account at Hyperliquid is worth, from its states: perpetuals of each dex, spot, and the middle of each book.

use rust_decimal::Decimal;

use super::NAME;
use super::universe::{Universe, usdc};
use super::wire::{Clearinghouse, Mids, PerpetualPosition, SpotBalance, SpotState};
use crate::brokers::{BrokerError, Environment};
use crate::domain::account::{Account, AccountKind};
use crate::domain::ids::AccountId;
use crate::domain::money::{Money, Price, Quantity};
use crate::domain::position::Position;

/// The index of USDC among the tokens.
const USDC_TOKEN: u32 = 0;
/// Decimals of a price that is a quotient.
const QUOTIENT_DECIMALS: u32 = 12;

/// The states, as they were asked for.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) perpetuals: Vec<Clearinghouse>,
    pub(super) spot: SpotState,
    pub(super) mids: Mids,
}

impl Held {
    fn usdc(&self) -> (Decimal, Decimal) {
        let of_it = |balance: &&SpotBalance| balance.token == USDC_TOKEN;
        self.spot.balances.iter().find(of_it).map_or_else(Default::default, |held| (held.total, held.hold))
    }

    fn tokens(&self) -> impl Iterator<Item = &SpotBalance> {
        self.spot.balances.iter().filter(|held| held.token != USDC_TOKEN && !held.total.is_zero())
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = &PerpetualPosition> {
        let all = self.perpetuals.iter().flat_map(|state| &state.asset_positions);
        all.map(|row| &row.position).filter(|position| !position.szi.is_zero())
    }

    /// The price of a token in USDC; absent where it has no such pair.
    fn price(&self, universe: &Universe, token: u32) -> Option<Decimal> {
        let asset = universe.asset(universe.token(token)?)?;
        let mid = self.mids.get(asset.coin.as_str())?;
        (asset.currency == usdc()).then_some(mid.0)
    }
}

fn signed_value(position: &PerpetualPosition) -> Decimal {
    if position.szi.is_sign_negative() {
        -position.position_value.abs()
    } else {
        position.position_value.abs()
    }
}

/// The figures. With a unified account the collateral is what spot holds, and perpetuals add what they have gained and not realized.
pub(super) fn account(
    universe: &Universe,
    id: &AccountId,
    environment: Environment,
    held: &Held,
    unified: bool,
    day_pnl: Decimal,
) -> Account {
    let (usdc_total, usdc_hold) = held.usdc();
    let value = |balance: &SpotBalance| {
        // A worth that is no number is no worth: nothing is bought against it.
        let price = held.price(universe, balance.token);
        price.and_then(|price| price.checked_mul(balance.total)).unwrap_or_default()
    };
    let tokens = held.tokens().map(value).fold(Decimal::ZERO, Decimal::saturating_add);
    let unrealized: Decimal = held.positions().map(|position| position.unrealized_pnl).sum();
    let posted: Decimal = held.perpetuals.iter().map(|state| state.margin_summary.account_value).sum();
    let initial: Decimal = held.perpetuals.iter().map(|state| state.margin_summary.total_margin_used).sum();
    let maintenance: Decimal = held.perpetuals.iter().map(|state| state.cross_maintenance_margin_used).sum();
    let free = |state: &Clearinghouse| {
        let cross = state.cross_margin_summary;
        (cross.account_value - cross.total_margin_used).max(Decimal::ZERO)
    };
    let (cash, buying_power) = if unified {
        (usdc_total, (usdc_total - usdc_hold).max(Decimal::ZERO))
    } else {
        (posted - unrealized + usdc_total, held.perpetuals.iter().map(free).sum())
    };
    let net_liquidation = cash + unrealized + tokens;
    let side = |long: bool| -> Decimal {
        held.positions().map(signed_value).filter(|value| value.is_sign_positive() == long).sum()
    };
    let money = Money::new(cash, usdc());
    Account {
        long_market_value: side(true) + tokens,
        short_market_value: side(false),
        buying_power,
        initial_margin: initial,
        maintenance_margin: maintenance,
        excess_liquidity: net_liquidation - maintenance,
        reserved: usdc_hold,
        day_pnl,
        day_start_equity: net_liquidation - day_pnl,
        unrealized_pnl: unrealized,
        ..Account::at_broker(id.clone(), (AccountKind::Margin, environment.mode()), money, net_liquidation)
    }
}

/// The positions: perpetuals, and tokens by the pair that values them.
pub(super) fn positions(
    universe: &Universe,
    id: &AccountId,
    held: &Held,
) -> Result<Vec<Position>, BrokerError> {
    let mut all = Vec::new();
    for position in held.positions() {
        all.extend(perpetual(universe, id, position)?);
    }
    for balance in held.tokens() {
        let Some(instrument) = universe.token(balance.token) else {
            tracing::debug!(coin = balance.coin, "a token without a pair");
            continue;
        };
        let mark = held.price(universe, balance.token);
        let cost = balance.entry_ntl.unwrap_or_default();
        let value = mark.and_then(|mark| mark.checked_mul(balance.total));
        let average = cost.checked_div(balance.total).unwrap_or_default();
        all.push(Position {
            account: id.clone(),
            instrument: instrument.clone(),
            quantity: Quantity::new(balance.total),
            average_price: Price::new(average.round_dp(QUOTIENT_DECIMALS)),
            multiplier: Decimal::ONE,
            currency: universe.asset(instrument).map_or_else(usdc, |asset| asset.currency),
            mark: mark.map(Price::new),
            market_value: value,
            unrealized_pnl: value.and_then(|value| value.checked_sub(cost)),
            realized_pnl: Decimal::ZERO,
            day_pnl: None,
        });
    }
    Ok(all)
}

fn perpetual(
    universe: &Universe,
    id: &AccountId,
    position: &PerpetualPosition,
) -> Result<Option<Position>, BrokerError> {
    let Some(instrument) = universe.instrument(&position.coin) else {
        tracing::warn!(coin = position.coin, "a position in something that is not known here");
        return Ok(None);
    };
    let entry = position.entry_px.ok_or_else(|| BrokerError::Unreadable {
        broker: NAME.to_owned(),
        call: "clearinghouseState",
        reason: format!("assetPositions: {} has no entryPx", super::errors::shown(&position.coin)),
    })?;
    let value = signed_value(position);
    Ok(Some(Position {
        account: id.clone(),
        instrument,
        quantity: Quantity::new(position.szi),
        average_price: Price::new(entry),
        multiplier: Decimal::ONE,
        currency: usdc(),
        mark: value.checked_div(position.szi).map(|mark| Price::new(mark.round_dp(QUOTIENT_DECIMALS))),
        market_value: Some(value),
        unrealized_pnl: Some(position.unrealized_pnl),
        realized_pnl: Decimal::ZERO,
        day_pnl: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountMode;

    fn universe() -> Universe {
        let mut universe = Universe::default();
        let spot = r#"{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"PURR","szDecimals":0,"index":1}],
            "universe":[{"name":"PURR/USDC","tokens":[1,0],"index":0}]}"#;
        universe.add_spot(&serde_json::from_str(spot).unwrap());
        universe
    }

    fn held(szi: &str) -> Held {
        let perpetuals = format!(
            r#"{{"assetPositions":[{{"type":"oneWay","position":{{"coin":"BTC","szi":"{szi}","leverage":{{"type":"cross","value":20}},
            "entryPx":"60000.0","positionValue":"30050.0","unrealizedPnl":"50.0","returnOnEquity":"0.0333","liquidationPx":null,
            "marginUsed":"1502.5","maxLeverage":40}}}}],
            "marginSummary":{{"accountValue":"11050.0","totalNtlPos":"30050.0","totalRawUsd":"-19000.0","totalMarginUsed":"1502.5"}},
            "crossMarginSummary":{{"accountValue":"11050.0","totalNtlPos":"30050.0","totalRawUsd":"-19000.0","totalMarginUsed":"1502.5"}},
            "crossMaintenanceMarginUsed":"375.625","withdrawable":"8045.0","time":1700000000123}}"#
        );
        let spot = r#"{"balances":[{"coin":"USDC","token":0,"total":"14.625485","hold":"4.0","entryNtl":"0.0"},
            {"coin":"PURR","token":1,"total":"2000.0","hold":"100.0","entryNtl":"250.0"}]}"#;
        Held {
            perpetuals: vec![serde_json::from_str(&perpetuals).unwrap()],
            spot: serde_json::from_str(spot).unwrap(),
            mids: serde_json::from_str(r#"{"BTC":"60123.5","PURR/USDC":"0.12345"}"#).unwrap(),
        }
    }

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_is_worth_what_it_posted_and_what_spot_holds() {
        let figures =
            account(&universe(), &AccountId::new("a"), Environment::Live, &held("0.5"), false, number("12"));
        assert_eq!(figures.net_liquidation, number("11050") + number("14.625485") + number("246.9"));
        assert_eq!(figures.cash, number("11014.625485"));
        assert_eq!((figures.buying_power, figures.reserved), (number("9547.5"), number("4.0")));
        assert_eq!(
            (figures.long_market_value, figures.short_market_value),
            (number("30296.9"), Decimal::ZERO)
        );
        assert_eq!(figures.day_start_equity, figures.net_liquidation - number("12"));
        // Unified: the collateral is in spot.
        let figures = account(
            &universe(),
            &AccountId::new("a"),
            Environment::Paper,
            &held("-0.5"),
            true,
            Decimal::ZERO,
        );
        assert_eq!(figures.net_liquidation, number("14.625485") + number("50") + number("246.9"));
        assert_eq!((figures.buying_power, figures.mode), (number("10.625485"), AccountMode::Paper));
        assert_eq!(figures.short_market_value, number("-30050"));
    }

    #[test]
    fn positions_are_signed_and_tokens_are_positions() {
        let all = positions(&universe(), &AccountId::new("a"), &held("-0.5")).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(
            (all[0].instrument.key().as_str(), all[0].quantity),
            ("BTC-PERP", Quantity::new(number("-0.5")))
        );
        assert_eq!(
            (all[0].mark, all[0].market_value),
            (Some("60100".parse().unwrap()), Some(number("-30050")))
        );
        assert_eq!(
            (all[1].instrument.key().as_str(), all[1].average_price),
            ("PURR-USDC", "0.125".parse().unwrap())
        );
        assert_eq!(all[1].unrealized_pnl, Some(number("-3.1")));
    }
}
