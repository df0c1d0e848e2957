//! What moves: the screener's lists of shares.

use serde::Deserialize;

use super::feed::AlpacaFeed;
use super::rest::DATA;
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::domain::instrument::Instrument;
use crate::domain::quote::MoverOrder;

const MOVERS: Call = Call::read("movers", DATA);
/// Rows of a list of gainers and losers at most, and of one of the most active.
const TOP_MAX: usize = 50;
const ACTIVE_MAX: usize = 100;

#[derive(Deserialize)]
struct Row {
    symbol: String,
}

#[derive(Deserialize)]
struct Movers {
    #[serde(default)]
    gainers: Option<Vec<Row>>,
    #[serde(default)]
    losers: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct Active {
    #[serde(default)]
    most_actives: Option<Vec<Row>>,
}

/// The shares of a list in its order. Warrants, units and whatever else has no place here are left out.
fn shares(rows: Option<Vec<Row>>, limit: usize) -> Vec<Instrument> {
    let rows = rows.into_iter().flatten();
    rows.filter_map(|row| Instrument::equity(&row.symbol).ok()).take(limit).collect()
}

impl AlpacaFeed {
    /// The list of an order, best first.
    pub(super) async fn moving(
        &self,
        order: MoverOrder,
        limit: usize,
    ) -> Result<Vec<Instrument>, BrokerError> {
        let top = |most: usize| ("top", limit.clamp(1, most).to_string());
        if order == MoverOrder::Active {
            let query = [("by", "volume".to_owned()), top(ACTIVE_MAX)];
            let found: Active =
                self.rest.data(MOVERS, "/v1beta1/screener/stocks/most-actives", &query).await?;
            return Ok(shares(found.most_actives, limit));
        }
        let found: Movers =
            self.rest.data(MOVERS, "/v1beta1/screener/stocks/movers", &[top(TOP_MAX)]).await?;
        Ok(shares(if order == MoverOrder::Gainers { found.gainers } else { found.losers }, limit))
    }
}
