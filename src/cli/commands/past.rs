//! What the commands about past trades read: every fill and every order, a page at a time, and the notes.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::cli::error::CliError;
use crate::cli::line::Line;
use crate::client::message::HistoryQuery;
use crate::client::{Reply, Request};
use crate::domain::execution::Execution;
use crate::domain::ids::{ClientOrderId, OrderNumber};
use crate::domain::journal::read_note;
use crate::domain::order::OriginKind;

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;

/// What is needed of an order.
pub(super) struct OrderFacts {
    pub(super) number: OrderNumber,
    /// The strategy that asked for it; empty for a person.
    pub(super) strategy: SmolStr,
}

/// What was written beside an order.
#[derive(Default)]
pub(super) struct Written {
    pub(super) words: String,
    pub(super) tags: Vec<SmolStr>,
}

/// Every fill of the profile, oldest first.
pub(super) async fn fills(line: &Line<'_>) -> Result<Vec<Execution>, CliError> {
    let mut query = first_page(line).await?;
    let mut fills = Vec::new();
    loop {
        query.offset = u32::try_from(fills.len()).unwrap_or(u32::MAX);
        let Reply::Executions(page) = line.ask(Request::Executions(query.clone())).await? else {
            return Err(CliError::unexpected("fills"));
        };
        let whole = page.len() == PAGE as usize;
        fills.extend(page);
        if !whole {
            break;
        }
    }
    fills.reverse();
    Ok(fills)
}

/// Every order of the profile.
pub(super) async fn orders(line: &Line<'_>) -> Result<BTreeMap<ClientOrderId, OrderFacts>, CliError> {
    let mut query = first_page(line).await?;
    let mut orders = BTreeMap::new();
    loop {
        let Reply::Orders(page) = line.ask(Request::OrderHistory(query.clone())).await? else {
            return Err(CliError::unexpected("orders"));
        };
        let rows = page.len();
        query.offset = query.offset.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
        for order in page {
            let origin = &order.request.origin;
            let by = matches!(origin.kind, OriginKind::Strategy | OriginKind::Exit);
            let strategy = origin.name.clone().filter(|_| by).unwrap_or_default();
            orders.insert(order.request.client_order_id, OrderFacts { number: order.number, strategy });
        }
        if rows < PAGE as usize {
            return Ok(orders);
        }
    }
}

/// Notes by order.
pub(super) async fn notes(line: &Line<'_>) -> Result<BTreeMap<ClientOrderId, Written>, CliError> {
    let Reply::Notes(notes) = line.ask(Request::Notes).await? else {
        return Err(CliError::unexpected("notes"));
    };
    let written = |text: &str| {
        let (words, tags) = read_note(text);
        Written { words, tags }
    };
    Ok(notes.into_iter().map(|note| (note.order, written(&note.text))).collect())
}

/// What comes meanwhile would move the pages: they end where they ended at the start.
async fn first_page(line: &Line<'_>) -> Result<HistoryQuery, CliError> {
    let until = Some(line.snapshot().await?.now);
    Ok(HistoryQuery { until, limit: PAGE, ..HistoryQuery::default() })
}
