//! The tables of depth, tape, groups, equity curves, notes, alerts, watchlists, limits and connections.

use jiff::tz::TimeZone;

use super::format::{NONE, gain, money, price, quantity, time};
use super::table::{Align, Cell, Table, Tone};
use crate::client::message::{EquityPoint, GroupKind, MarketGroup, OrderNote};
use crate::domain::account::AccountKind;
use crate::domain::alert::Alert;
use crate::domain::depth::{Aggressor, MarketBook, Print};
use crate::domain::desk::{ExposureRow, RiskDesk};
use crate::domain::news::News;
use crate::domain::note::SymbolNote;
use crate::domain::snapshot::{AccountView, Connection, Watchlist};
use rust_decimal::Decimal;

/// Symbols of an article that its row names.
const ABOUT_MAX: usize = 4;

/// An account as a risk desk sees it: figures, exposure by class and by sector, what moves would do, what is left out.
#[must_use]
pub fn desk(desk: &RiskDesk) -> Vec<Table> {
    let mut figures = Table::new(&[("", Align::Left), ("", Align::Point)], "");
    let amount = |value: Option<Decimal>| value.map_or_else(|| NONE.to_owned(), money);
    let days = desk.days;
    for (name, value) in [
        ("net liquidation".to_owned(), Some(desk.net_liquidation)),
        (format!("moves as {}", desk.benchmark), desk.beta_weighted_delta),
        (format!("value at risk 95 %, a day, of {days} days"), desk.value_at_risk_95),
        (format!("value at risk 99 %, a day, of {days} days"), desk.value_at_risk_99),
        ("mean of the worst 5 %".to_owned(), desk.shortfall_95),
    ] {
        figures.push(vec![Cell::new(name), Cell::new(amount(value))]);
    }
    let exposure = |title: &'static str, rows: &[ExposureRow]| {
        let columns =
            [(title, Align::Left), ("long", Align::Point), ("short", Align::Point), ("delta", Align::Point)];
        let mut table = Table::new(&columns, "nothing is held");
        for row in rows {
            let name = if row.name.is_empty() { "other" } else { row.name.as_str() };
            let cells = [row.long, row.short, row.delta].map(|value| Cell::new(money(value)));
            table.push(std::iter::once(Cell::new(name)).chain(cells).collect());
        }
        table
    };
    let mut moves = Table::new(&[("if", Align::Left), ("gain", Align::Point)], "");
    for row in &desk.what_if {
        moves.push(vec![Cell::new(row.name.as_str()), gain(row.gain)]);
    }
    let mut out = Table::new(&[("left out", Align::Left)], "");
    for line in &desk.unmeasured {
        out.push(vec![Cell::new(line.clone())]);
    }
    let columns = [
        ("history", Align::Left),
        ("days", Align::Right),
        ("until", Align::Left),
        ("from", Align::Left),
        ("beta", Align::Point),
    ];
    let mut history = Table::new(&columns, "");
    for row in &desk.history {
        let from = match &row.file {
            Some(file) => format!("{} {file}", row.source.as_str()),
            None => row.source.as_str().to_owned(),
        };
        history.push(vec![
            Cell::new(row.name.as_str()),
            Cell::new(row.days.to_string()),
            Cell::new(row.until.map_or_else(|| NONE.to_owned(), |day| day.to_string())),
            Cell::new(from),
            Cell::new(row.beta.map_or_else(|| NONE.to_owned(), |beta| format!("{:.2}", beta.round_dp(2)))),
        ]);
    }
    let mut tables =
        vec![figures, exposure("class", &desk.by_class), exposure("sector", &desk.by_sector), moves];
    tables.extend((!desk.history.is_empty()).then_some(history));
    tables.extend((!desk.unmeasured.is_empty()).then_some(out));
    tables
}

/// Both sides of a book, a line each level.
#[must_use]
pub fn depth(book: &MarketBook) -> Table {
    let columns = [
        ("bid size", Align::Right),
        ("bid", Align::Point),
        ("ask", Align::Point),
        ("ask size", Align::Right),
    ];
    let mut table = Table::new(&columns, "no depth");
    for n in 0..book.bids.len().max(book.asks.len()) {
        let (bid, ask) = (book.bids.get(n), book.asks.get(n));
        table.push(vec![
            Cell::new(bid.map(|level| quantity(level.size)).unwrap_or_default()),
            Cell::new(bid.map(|level| price(level.price)).unwrap_or_default()),
            Cell::new(ask.map(|level| price(level.price)).unwrap_or_default()),
            Cell::new(ask.map(|level| quantity(level.size)).unwrap_or_default()),
        ]);
    }
    table
}

/// Trades, newest first.
#[must_use]
pub fn tape(prints: &[Print], zone: &TimeZone) -> Table {
    let columns =
        [("time", Align::Left), ("price", Align::Point), ("size", Align::Right), ("taken by", Align::Left)];
    let mut table = Table::new(&columns, "no trades");
    for print in prints {
        let word = match print.aggressor {
            Aggressor::Buyer => "buyer",
            Aggressor::Seller => "seller",
            Aggressor::Unknown => "-",
        };
        table.push(vec![
            Cell::new(time(print.at, zone)),
            Cell::new(price(print.price)),
            Cell::new(quantity(print.size)),
            Cell::new(word),
        ]);
    }
    table
}

/// Headlines, newest first, with where each can be read.
#[must_use]
pub fn news(news: &News, zone: &TimeZone) -> Table {
    let columns = [
        ("time", Align::Left),
        ("about", Align::Left),
        ("headline", Align::Left),
        ("source", Align::Left),
        ("url", Align::Left),
    ];
    let mut table = Table::new(&columns, "no news");
    for article in &news.articles {
        let about: Vec<_> = article.symbols.iter().take(ABOUT_MAX).map(|symbol| symbol.clean()).collect();
        let more = if article.symbols.len() > ABOUT_MAX { " …" } else { "" };
        let url = article.url.as_ref().map_or_else(|| NONE.to_owned(), |url| url.clean().into_owned());
        table.push(vec![
            Cell::new(time(article.created_at, zone)).tone(Tone::Dim),
            Cell::new(format!("{}{more}", about.join(" "))),
            Cell::new(article.headline.clean()),
            Cell::new(article.source.clean()),
            Cell::new(url).tone(Tone::Dim),
        ]);
    }
    table
}

/// Sectors and indices.
#[must_use]
pub fn groups(groups: &[(MarketGroup, u32)]) -> Table {
    let columns = [("kind", Align::Left), ("name", Align::Left), ("listings", Align::Right)];
    let mut table = Table::new(&columns, "no groups");
    for (group, count) in groups {
        let kind = match group.kind {
            GroupKind::Sector => "sector",
            GroupKind::Index => "index",
        };
        table.push(vec![Cell::new(kind), Cell::new(&group.name), Cell::new(count.to_string())]);
    }
    table
}

/// An equity curve.
#[must_use]
pub fn equity(points: &[EquityPoint], zone: &TimeZone) -> Table {
    let columns = [("time", Align::Left), ("net liquidation", Align::Point), ("cash", Align::Point)];
    let mut table = Table::new(&columns, "no equity is on record yet");
    for point in points {
        table.push(vec![
            Cell::new(time(point.at, zone)),
            Cell::new(money(point.net_liquidation)),
            Cell::new(money(point.cash)),
        ]);
    }
    table
}

/// Notes on orders.
#[must_use]
pub fn notes(notes: &[OrderNote]) -> Table {
    let mut table = Table::new(&[("order", Align::Left), ("note", Align::Left)], "no notes");
    for note in notes {
        table.push(vec![Cell::new(note.order.to_string()), Cell::new(note.text.clone())]);
    }
    table
}

/// Notes on symbols.
#[must_use]
pub fn symbol_notes(notes: &[SymbolNote], zone: &TimeZone) -> Table {
    let columns =
        [("id", Align::Right), ("symbol", Align::Left), ("written", Align::Left), ("note", Align::Left)];
    let mut table = Table::new(&columns, "no notes; try: arbion note add AAPL earnings on Thursday");
    for note in notes {
        table.push(vec![
            Cell::new(note.id.to_string()),
            Cell::new(note.instrument.to_string()),
            Cell::new(time(note.at, zone)).tone(Tone::Dim),
            Cell::new(note.text.clone()),
        ]);
    }
    table
}

/// Alerts, those that have rung among them.
#[must_use]
pub fn alerts(alerts: &[Alert], zone: &TimeZone) -> Table {
    let columns =
        [("id", Align::Right), ("alert", Align::Left), ("state", Align::Left), ("since", Align::Left)];
    let mut table = Table::new(&columns, "no alerts; arbion alert set AAPL --above 260");
    for alert in alerts {
        let (state, since) = match (alert.fired_at, alert.fired_price) {
            (Some(at), Some(at_price)) => (format!("rang at {}", price(at_price)), at),
            (Some(at), None) => ("rang".to_owned(), at),
            (None, _) => ("waits".to_owned(), alert.created_at),
        };
        table.push(vec![
            Cell::new(alert.id.to_string()),
            Cell::new(alert.words()),
            Cell::new(state),
            Cell::new(time(since, zone)).tone(Tone::Dim),
        ]);
    }
    table
}

/// Watchlists with what is on them.
#[must_use]
pub fn watchlists(lists: &[Watchlist]) -> Table {
    let columns = [("list", Align::Left), ("count", Align::Right), ("symbols", Align::Left)];
    let mut table = Table::new(&columns, "no watchlists; arbion watchlist set tech AAPL MSFT");
    for list in lists {
        let symbols: Vec<String> = list.instruments.iter().map(ToString::to_string).collect();
        table.push(vec![
            Cell::new(&list.name),
            Cell::new(list.instruments.len().to_string()),
            Cell::new(symbols.join(" ")),
        ]);
    }
    table
}

/// The limits of an account that are used up as one trades, and how much of each is.
#[must_use]
pub fn risk(view: &AccountView) -> Table {
    let (limits, used) = (&view.limits, &view.used);
    let exposure = match view.account.kind {
        AccountKind::Cash => limits.exposure_percent_max_cash,
        AccountKind::Margin => limits.exposure_percent_max_margin,
    };
    let largest = used.largest_position.as_ref().map_or(Decimal::ZERO, |(_, part)| *part);
    let name = used.largest_position.as_ref().map_or_else(
        || "largest position %".to_owned(),
        |(instrument, _)| format!("largest position % ({instrument})"),
    );
    let count = |number: u32| Decimal::from(number);
    let rows = [
        ("positions and orders %".to_owned(), used.exposure_percent, exposure),
        (name, largest, limits.position_percent_max),
        ("loss today %".to_owned(), used.daily_loss_percent, limits.daily_loss_percent),
        ("loss that halts %".to_owned(), used.daily_loss_percent, limits.daily_loss_halt_percent),
        ("fall from the high %".to_owned(), used.drawdown_percent, limits.drawdown_percent),
        ("working orders".to_owned(), count(used.open_orders), limits.open_orders_max.into()),
        (
            "working orders of one instrument".to_owned(),
            count(used.open_orders_of_one),
            limits.open_orders_per_instrument_max.into(),
        ),
        (
            "orders this second".to_owned(),
            count(used.orders_last_second),
            limits.orders_per_second_max.into(),
        ),
        (
            "orders this minute".to_owned(),
            count(used.orders_last_minute),
            limits.orders_per_minute_max.into(),
        ),
        (
            "losses of automation in a row".to_owned(),
            count(used.loss_streak),
            limits.guard_loss_streak.into(),
        ),
        ("stop-outs of automation in 24 h".to_owned(), count(used.stop_outs), limits.guard_stop_outs.into()),
    ];
    let columns =
        [("limit", Align::Left), ("used", Align::Point), ("allowed", Align::Point), ("part", Align::Right)];
    let mut table = Table::new(&columns, "");
    table.push(vec![Cell::new(view.account.account.as_str())]);
    for (name, used, allowed) in rows {
        let part = (used * Decimal::ONE_HUNDRED).checked_div(allowed);
        let tone = match part {
            Some(part) if part >= Decimal::ONE_HUNDRED => Tone::Bad,
            _ => Tone::Plain,
        };
        let part = part.map_or_else(|| NONE.to_owned(), |part| format!("{}%", part.round()));
        table.push(vec![
            Cell::new(name),
            Cell::new(used.normalize().to_string()),
            Cell::new(allowed.normalize().to_string()),
            Cell::new(part).tone(tone),
        ]);
    }
    for lock in &used.locks {
        let of = lock.instrument.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
        let text = format!("locked: {of}{} (until {})", lock.reason, lock.until);
        table.push(vec![Cell::new(text).tone(Tone::Bad)]);
    }
    table
}

/// How accounts stand with their brokers.
#[must_use]
pub fn standings(views: &[&AccountView], zone: &TimeZone) -> Table {
    let mut table = Table::new(
        &[
            ("account", Align::Left),
            ("agrees", Align::Left),
            ("compared", Align::Left),
            ("orders", Align::Right),
            ("fills", Align::Right),
            ("positions", Align::Right),
            ("differences", Align::Left),
        ],
        "no accounts",
    )
    .without_first(&["fills", "orders", "positions"]);
    for view in views {
        let standing = &view.standing;
        let agrees = match (standing.up, standing.reconciled, standing.overridden) {
            (false, ..) => "its broker does not answer",
            (true, true, _) => "yes",
            (true, false, true) => "no; your own orders go out",
            (true, false, false) => "no; nothing opens",
        };
        let last = standing.last.as_deref();
        let count = |part: Option<usize>| part.map_or_else(|| "failed".to_owned(), |count| count.to_string());
        let differences = match last.map(|run| run.differences.as_slice()) {
            None => String::new(),
            Some([]) => "none".to_owned(),
            Some(lines) => lines.join("; "),
        };
        table.push(vec![
            view.account.account.to_string().into(),
            agrees.into(),
            last.map_or_else(|| "never".to_owned(), |run| time(run.finished, zone)).into(),
            last.map(|run| count(run.orders)).unwrap_or_default().into(),
            last.map(|run| count(run.executions)).unwrap_or_default().into(),
            last.map(|run| count(run.positions)).unwrap_or_default().into(),
            differences.into(),
        ]);
    }
    table
}

/// Brokers and feeds.
#[must_use]
pub fn connections(all: &[Connection], zone: &TimeZone) -> Table {
    // Most have nothing to say here.
    let limits = all.iter().any(|connection| connection.limit_left.is_some());
    let waits = all.iter().any(|connection| connection.retry_at.is_some());
    let mut columns = vec![("name", Align::Left), ("state", Align::Left), ("latency", Align::Right)];
    columns.extend(limits.then_some(("calls left", Align::Right)));
    columns.extend(waits.then_some(("next try", Align::Left)));
    columns.extend([("about", Align::Left), ("last error", Align::Left)]);
    let mut table = Table::new(&columns, "nothing is connected").without_first(&["calls left", "next try"]);
    let or_none = |text: Option<String>| Cell::new(text.unwrap_or_else(|| NONE.to_owned()));
    for connection in all {
        let (word, tone) = if connection.up { ("up", Tone::Good) } else { ("DOWN", Tone::Bad) };
        let error = connection.last_error.as_ref();
        let mut row = vec![
            Cell::new(&connection.name),
            Cell::new(word).tone(tone),
            or_none(connection.latency_ms.map(|ms| format!("{ms} ms"))),
        ];
        row.extend(limits.then(|| or_none(connection.limit_left.map(|left| left.to_string()))));
        row.extend(waits.then(|| or_none(connection.retry_at.map(|at| time(at, zone)))));
        let stopped = connection.prices_stopped_at.map(|at| format!("; no prices since {}", time(at, zone)));
        row.push(Cell::new(format!("{}{}", connection.text, stopped.unwrap_or_default())));
        row.push(or_none(error.map(|(at, text)| format!("{} {text}", time(*at, zone)))));
        table.push(row);
    }
    table
}
