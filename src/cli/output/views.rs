//! The tables of everything an engine can answer with.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::format::{
    self, NONE, gain, gain_or_none, grouped, money, percent_gain, price, price_or_none, quantity, time,
};
use super::table::{Align, Cell, Table, Tone};
use crate::client::message::{Chain, PnlReport, PnlRow};
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::denial::{RiskCheck, Verdict, rounded};
use crate::domain::execution::Execution;
use crate::domain::instrument::Listing;
use crate::domain::money::canonical;
use crate::domain::order::{Order, OrderPreview, OrderStatus, Pricing, Trail};
use crate::domain::position::Position;
use crate::domain::quote::{Bar, Quote};
use crate::domain::text::clean;
use crate::domain::total::Total;
use crate::domain::venue::{DepositAddress, VenueSetting};

/// What a type and its prices look like in one cell: `LMT 185.00`, `TRAIL 5%`.
#[must_use]
pub fn pricing(pricing: Pricing) -> String {
    let kind = pricing.order_type().abbreviation();
    match pricing {
        Pricing::Market => kind.to_owned(),
        Pricing::Limit { limit_price } => format!("{kind} {}", price(limit_price)),
        Pricing::Stop { stop_price } => format!("{kind} {}", price(stop_price)),
        Pricing::StopLimit { stop_price, limit_price } | Pricing::Oco { stop_price, limit_price } => {
            format!("{kind} {} / {}", price(stop_price), price(limit_price))
        }
        Pricing::TrailingStop { trail: Trail::Amount(amount) } => format!("{kind} {}", price(amount)),
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => format!("{kind} {}%", canonical(percent)),
        Pricing::Twap(slices) => {
            let worst = slices.limit_price.map_or_else(String::new, |limit| format!(" {}", price(limit)));
            format!("{kind} {} min{worst}", slices.minutes)
        }
    }
}

/// The type of an order: the broker's own word where ours has no place for all that it says.
fn type_of(order: &Order) -> String {
    order
        .native_type
        .as_ref()
        .map_or_else(|| pricing(order.request.pricing), |native| clean(native).into_owned())
}

fn status(order: &Order) -> Cell {
    let tone = match order.status {
        OrderStatus::Filled => Tone::Good,
        OrderStatus::Rejected | OrderStatus::Denied | OrderStatus::Unknown => Tone::Bad,
        status if status.is_terminal() => Tone::Dim,
        _ => Tone::Plain,
    };
    Cell::new(order.status.as_str()).tone(tone)
}

/// Orders, in the order given.
#[must_use]
pub fn orders(orders: &[Order], zone: &TimeZone, empty: &str) -> Table {
    let mut table = Table::new(
        &[
            ("no", Align::Right),
            ("time", Align::Left),
            ("side", Align::Left),
            ("quantity", Align::Point),
            ("instrument", Align::Left),
            ("type", Align::Left),
            ("tif", Align::Left),
            ("status", Align::Left),
            ("filled", Align::Point),
            ("average", Align::Point),
            ("why", Align::Left),
        ],
        empty,
    )
    .without_first(&["time", "average", "tif", "why"]);
    for order in orders {
        let request = &order.request;
        let why = match order.denials.as_slice() {
            [] => order.reason.clone().unwrap_or_default(),
            denials => denials.iter().map(|denial| denial.text.as_str()).collect::<Vec<_>>().join("; "),
        };
        table.push(vec![
            order.number.to_string().into(),
            time(order.created_at, zone).into(),
            request.side.as_str().into(),
            quantity(request.quantity).into(),
            request.subject.to_string().into(),
            type_of(order).into(),
            request.time_in_force.as_str().into(),
            status(order),
            quantity(order.filled_quantity).into(),
            order.average_price.map_or_else(String::new, price).into(),
            why.into(),
        ]);
    }
    table
}

/// Open positions.
#[must_use]
pub fn positions(positions: &[Position]) -> Table {
    let mut table = Table::new(
        &[
            ("instrument", Align::Left),
            ("quantity", Align::Point),
            ("average", Align::Point),
            ("mark", Align::Point),
            ("value", Align::Point),
            ("day", Align::Point),
            ("unrealized", Align::Point),
            ("realized", Align::Point),
        ],
        "no open positions",
    )
    .without_first(&["realized", "day", "average"]);
    for position in positions {
        table.push(vec![
            position.instrument.to_string().into(),
            quantity(position.quantity).into(),
            price(position.average_price).into(),
            price_or_none(position.mark).into(),
            position.market_value.map_or_else(|| NONE.to_owned(), money).into(),
            gain_or_none(position.day_pnl),
            gain_or_none(position.unrealized_pnl),
            gain(position.realized_pnl),
        ]);
    }
    table
}

/// One account's figures, a line each.
#[must_use]
pub fn account(account: &Account) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Point)], "");
    let kind = match account.kind {
        AccountKind::Cash => "cash",
        AccountKind::Margin => "margin",
    };
    let mode = match account.mode {
        AccountMode::Paper => "paper",
        AccountMode::Live => "LIVE",
    };
    table.push(vec![
        "account".into(),
        format!("{} ({mode}, {kind}, {})", account.account, account.currency).into(),
    ]);
    let amounts = [
        ("net liquidation", account.net_liquidation),
        ("cash", account.cash),
        ("settled cash", account.settled_cash),
        ("buying power", account.buying_power),
        ("reserved for orders", account.reserved),
        ("long market value", account.long_market_value),
        ("short market value", account.short_market_value),
        ("initial margin", account.initial_margin),
        ("maintenance margin", account.maintenance_margin),
        ("excess liquidity", account.excess_liquidity),
        ("fees", account.fees),
    ];
    for (name, amount) in amounts {
        table.push(vec![name.into(), money(amount).into()]);
    }
    for foreign in account.cash_by_currency.iter().filter(|money| money.currency != account.currency) {
        table.push(vec![
            format!("cash {}", foreign.currency).into(),
            grouped(&canonical(foreign.amount)).into(),
        ]);
    }
    let gains = [
        ("day", account.day_pnl),
        ("unrealized", account.unrealized_pnl),
        ("realized", account.realized_pnl),
    ];
    for (name, amount) in gains {
        table.push(vec![name.into(), gain(amount)]);
    }
    table
}

/// Accounts together, a line each; what has no rate by its name.
#[must_use]
pub fn total(total: &Total, zone: &TimeZone) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Point)], "");
    let mode = match total.mode {
        AccountMode::Paper => "paper",
        AccountMode::Live => "LIVE",
    };
    table.push(vec!["all accounts".into(), format!("{mode}, {}", total.currency).into()]);
    table.push(vec!["net liquidation".into(), money(total.amount).into()]);
    for part in &total.parts {
        let own = (part.own.currency != total.currency)
            .then(|| format!("{} {}", money(part.own.amount), part.own.currency));
        let worth = match (part.worth.map(money), own) {
            (Some(worth), None) => worth,
            (Some(worth), Some(own)) => format!("{worth} ({own})"),
            (None, own) => format!("{}, no rate", own.unwrap_or_default()),
        };
        table.push(vec![format!("  {}", part.account).into(), worth.into()]);
    }
    for left_out in &total.unrated {
        let name = format!("not in it: {}", left_out.currency);
        table.push(vec![name.into(), format!("{}, no rate", grouped(&canonical(left_out.amount))).into()]);
    }
    if let Some(at) = total.as_of {
        table.push(vec!["rates of".into(), time(at, zone).into()]);
    }
    table
}

/// Quotes, in the order given.
#[must_use]
pub fn quotes(quotes: &[Quote], zone: &TimeZone) -> Table {
    let mut table = Table::new(
        &[
            ("instrument", Align::Left),
            ("last", Align::Point),
            ("change", Align::Point),
            ("bid", Align::Point),
            ("size", Align::Right),
            ("ask", Align::Point),
            ("size", Align::Right),
            ("volume", Align::Right),
            ("feed", Align::Left),
            ("as of", Align::Left),
        ],
        "no quotes",
    )
    .without_first(&["as of", "volume", "size", "feed"]);
    for quote in quotes {
        let feed = serde_json::to_value(quote.feed).ok().and_then(|feed| feed.as_str().map(str::to_owned));
        table.push(vec![
            quote.instrument.to_string().into(),
            price_or_none(quote.last).into(),
            percent_gain(quote.change_percent()),
            price_or_none(quote.bid).into(),
            quantity(quote.bid_size).into(),
            price_or_none(quote.ask).into(),
            quantity(quote.ask_size).into(),
            quantity(quote.volume).into(),
            feed.unwrap_or_default().into(),
            time(quote.as_of, zone).into(),
        ]);
    }
    table
}

/// Bars, oldest first.
#[must_use]
pub fn bars(bars: &[Bar], zone: &TimeZone) -> Table {
    let columns = ["open", "high", "low", "close"].map(|title| (title, Align::Point));
    let columns = [&[("start", Align::Left)], &columns[..], &[("volume", Align::Right)]].concat();
    let mut table = Table::new(&columns, "no bars").without_first(&["volume"]);
    for bar in bars {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|value| Cell::new(price(value)));
        let mut row = vec![Cell::new(time(bar.start, zone))];
        row.extend(prices);
        row.push(grouped(&canonical(bar.volume)).into());
        table.push(row);
    }
    table
}

/// A chain, one line a contract.
#[must_use]
pub fn chain(chain: &Chain) -> Table {
    let figures = ["iv", "delta", "gamma", "theta", "vega"].map(|title| (title, Align::Point));
    let prices = [("bid", Align::Point), ("ask", Align::Point), ("last", Align::Point)];
    let columns =
        [&[("contract", Align::Left)], &prices[..], &figures[..], &[("open interest", Align::Right)]]
            .concat();
    let mut table = Table::new(&columns, format!("no contracts of {} match", chain.underlying))
        .without_first(&["open interest", "vega", "gamma", "last", "theta", "iv", "delta"]);
    for row in &chain.rows {
        table.push(vec![
            row.contract.to_string().into(),
            price_or_none(row.quote.bid).into(),
            price_or_none(row.quote.ask).into(),
            price_or_none(row.quote.last).into(),
            row.iv.map_or_else(|| NONE.to_owned(), |iv| format!("{:.1}%", iv * 100.0)).into(),
            format::figure(row.delta, 3).into(),
            format::figure(row.gamma, 4).into(),
            format::figure(row.theta, 3).into(),
            format::figure(row.vega, 3).into(),
            row.open_interest.map_or_else(|| NONE.to_owned(), |n| grouped(&n.to_string())).into(),
        ]);
    }
    table
}

/// Listings, best first.
#[must_use]
pub fn listings(listings: &[Listing]) -> Table {
    let columns = ["symbol", "name", "exchange", "currency", "sector"].map(|title| (title, Align::Left));
    let mut table =
        Table::new(&columns, "nothing matches; try fewer letters").without_first(&["sector", "currency"]);
    for listing in listings {
        table.push(vec![
            listing.instrument.to_string().into(),
            listing.name.as_str().into(),
            listing.exchange.as_str().into(),
            listing.currency.to_string().into(),
            listing.sector.as_str().into(),
        ]);
    }
    table
}

/// Where coins can be sent to.
#[must_use]
pub fn deposit_addresses(addresses: &[DepositAddress], zone: &TimeZone) -> Table {
    let mut table = Table::new(
        &[
            ("currency", Align::Left),
            ("network", Align::Left),
            ("address", Align::Left),
            ("tag", Align::Left),
            ("made", Align::Left),
        ],
        "no deposit addresses; make one: arbion coinbase new-address CURRENCY",
    )
    .without_first(&["made"]);
    for row in addresses {
        table.push(vec![
            row.currency.clone().into(),
            row.network.clone().into(),
            row.address.clone().into(),
            row.destination_tag.clone().unwrap_or_default().into(),
            row.created_at.map(|at| time(at, zone)).unwrap_or_default().into(),
        ]);
    }
    table
}

/// Settings of an account at its venue.
#[must_use]
pub fn venue_settings(settings: &[VenueSetting]) -> Table {
    let columns = ["setting", "value", "allowed"].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns, "the venue tells no settings").without_first(&["allowed"]);
    for row in settings {
        table.push(vec![
            row.setting.clone().into(),
            row.value.clone().unwrap_or_else(|| NONE.to_owned()).into(),
            row.allowed.clone().into(),
        ]);
    }
    table
}

/// Fills, newest first.
#[must_use]
pub fn executions(executions: &[Execution], zone: &TimeZone) -> Table {
    let mut table = Table::new(
        &[
            ("time", Align::Left),
            ("side", Align::Left),
            ("quantity", Align::Point),
            ("instrument", Align::Left),
            ("price", Align::Point),
            ("fee", Align::Point),
            ("cash", Align::Point),
            ("kind", Align::Left),
            ("execution", Align::Left),
        ],
        "no fills",
    )
    .without_first(&["execution", "kind", "cash", "time"]);
    for fill in executions {
        table.push(vec![
            time(fill.at, zone).into(),
            fill.side.as_str().into(),
            quantity(fill.quantity).into(),
            fill.instrument.to_string().into(),
            price(fill.price).into(),
            money(fill.fee).into(),
            money(fill.cash_flow()).into(),
            fill.kind.as_str().into(),
            fill.execution_id.as_str().into(),
        ]);
    }
    table
}

/// Gains and losses: the totals, then by day, then by instrument.
#[must_use]
pub fn pnl(report: &PnlReport) -> [Table; 3] {
    let mut totals = Table::new(&[("", Align::Left), ("", Align::Point)], "");
    totals.push(vec!["day".into(), gain(report.day_pnl)]);
    totals.push(vec!["unrealized".into(), gain(report.unrealized_pnl)]);
    totals.push(vec!["realized".into(), gain(report.realized_pnl)]);
    totals.push(vec!["fees".into(), money(report.fees).into()]);
    let rows = |title: &'static str, rows: &[PnlRow], empty: &str| {
        let columns = [
            (title, Align::Left),
            ("realized", Align::Point),
            ("fees", Align::Point),
            ("fills", Align::Right),
        ];
        let mut table = Table::new(&columns, empty);
        for row in rows {
            let day = row.day.map(|day| day.to_string());
            let name = day.or_else(|| row.instrument.as_ref().map(ToString::to_string)).unwrap_or_default();
            table.push(vec![
                name.into(),
                gain(row.realized_pnl),
                money(row.fees).into(),
                row.executions.to_string().into(),
            ]);
        }
        table
    };
    [
        totals,
        rows("account day", &report.by_day, "nothing was closed"),
        rows("instrument", &report.by_instrument, "nothing was traded"),
    ]
}

/// Each risk check with its numbers.
#[must_use]
pub fn checks(checks: &[RiskCheck]) -> Table {
    let columns = [
        ("", Align::Left),
        ("check", Align::Left),
        ("measured", Align::Point),
        ("limit", Align::Point),
        ("note", Align::Left),
    ];
    let mut table = Table::new(&columns, "");
    let number =
        |value: Option<Decimal>| value.map(|v| grouped(&canonical(rounded(v, 4)))).unwrap_or_default();
    for check in checks.iter().filter(|check| check.verdict != Verdict::Skip) {
        let (word, tone) =
            if check.verdict == Verdict::Pass { ("pass", Tone::Good) } else { ("FAIL", Tone::Bad) };
        table.push(vec![
            Cell::new(word).tone(tone),
            check.code.as_str().into(),
            number(check.measured).into(),
            number(check.limit).into(),
            check.note.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

/// What an order would do, a figure a line.
#[must_use]
pub fn preview(preview: &OrderPreview) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Point)], "");
    table.push(vec!["account".into(), preview.request.account.to_string().into()]);
    table.push(vec!["estimated price".into(), price_or_none(preview.estimated_price).into()]);
    table.push(vec![
        "estimated cost".into(),
        preview.estimated_cost.map_or_else(|| NONE.to_owned(), money).into(),
    ]);
    table.push(vec!["estimated fees".into(), money(preview.estimated_fees).into()]);
    table.push(vec!["buying power now".into(), money(preview.buying_power_before).into()]);
    table.push(vec!["buying power after".into(), money(preview.buying_power_after).into()]);
    let Some(broker) = &preview.broker else { return table };
    if let Some(cash) = broker.cash {
        table.push(vec!["broker: cash".into(), cash.to_string().into()]);
    }
    if let Some(fee) = broker.fee {
        table.push(vec!["broker: fees".into(), fee.to_string().into()]);
    }
    if let Some(after) = broker.buying_power_after {
        table.push(vec!["broker: buying power after".into(), money(after).into()]);
    }
    for warning in &broker.warnings {
        table.push(vec!["broker warns".into(), warning.as_str().into()]);
    }
    table
}
