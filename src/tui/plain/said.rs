//! What there is, in lines that are read from the first word on: what it is about stands first, and numbers come with their names.

use jiff::civil::Date;

use super::Plain;
use crate::command::types::ShowTopic;
use crate::domain::chain::{Chain, ChainRow};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::{Order, Pricing};
use crate::domain::quote::Quote;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::dialogs::report::two_decimals;
use crate::tui::env::At;
use crate::tui::format;
use crate::tui::narrowed::Narrowed;
use crate::tui::panes::orders::{price_decimals, price_text, status_word};
use crate::tui::sources;

/// Lines said at a time.
const PAGE: usize = 40;
/// Strikes of a chain on either side of the price.
const STRIKES: usize = 8;
/// Lines of the log.
const LOG: usize = 20;

impl Plain {
    /// The first of these lines, and how many more there are.
    pub fn page(&mut self, mut lines: Vec<String>) -> Vec<String> {
        self.rest = if lines.len() > PAGE { lines.split_off(PAGE) } else { Vec::new() };
        if !self.rest.is_empty() {
            lines.push(format!("{} more lines: type more.", self.rest.len()));
        }
        lines
    }

    /// The next of a long answer.
    pub(super) fn more(&mut self) -> Vec<String> {
        if self.rest.is_empty() {
            return vec!["That was all.".to_owned()];
        }
        let rest = std::mem::take(&mut self.rest);
        self.page(rest)
    }

    pub(super) fn quotes(&self) -> Vec<String> {
        let Some(list) = self.snapshot.watchlists.first() else { return vec!["No watchlist.".to_owned()] };
        let mut lines = vec![format!("Watchlist {}", clean(&list.name))];
        let of = |instrument| self.quote_line(instrument, self.snapshot.quotes.get(instrument));
        lines.extend(list.instruments.iter().map(of));
        lines
    }

    /// An instrument and what is known of its price.
    pub(super) fn quote_line(&self, instrument: &Instrument, quote: Option<&Quote>) -> String {
        let price = |price: Option<Price>| self.price(instrument, price);
        let change = quote.and_then(|q| q.change_percent()).map(format::percent).unwrap_or_default();
        let (last, bid, ask) =
            (quote.and_then(|q| q.last), quote.and_then(|q| q.bid), quote.and_then(|q| q.ask));
        let source = quote.and_then(|quote| sources::beside(quote.feed, &self.snapshot));
        let source = source.map(|word| format!(" {word}")).unwrap_or_default();
        let at = At { env: &self.app.env, snapshot: &self.snapshot };
        let old = quote.and_then(|quote| sources::stale(quote, &at));
        let old = old.map(|age| format!(", {}", sources::stale_words(age))).unwrap_or_default();
        format!(
            "{instrument} last {} {change} bid {} ask {}{source}{old}",
            price(last),
            price(bid),
            price(ask)
        )
    }

    fn price(&self, instrument: &Instrument, price: Option<Price>) -> String {
        let decimals = || format::decimals_of(&self.snapshot, instrument);
        price.map_or_else(|| "none".to_owned(), |price| format::price(price, decimals()))
    }

    /// Alerts that wait, and those that rang.
    pub(super) fn alerts(&self) -> Vec<String> {
        let zone = &self.app.env.zone;
        let lines: Vec<String> = self
            .snapshot
            .alerts
            .iter()
            .map(|alert| {
                let state = match alert.fired_at {
                    Some(at) => format!("rang {}", format::near(at, self.snapshot.now, zone)),
                    None => "waits".to_owned(),
                };
                format!("alert {} {}, {state}", alert.id, alert.words())
            })
            .collect();
        if lines.is_empty() { vec!["No alerts.".to_owned()] } else { lines }
    }

    /// A chain of several expiries: which there are, and the first around the price. All of one that was asked for alone.
    pub(super) fn chain(&self, chain: &Chain) -> Vec<String> {
        let mut expiries: Vec<Date> = chain.rows.iter().map(|row| row.contract.expiry).collect();
        expiries.sort_unstable();
        expiries.dedup();
        let (Some(first), several) = (expiries.first().copied(), expiries.len() > 1) else {
            return vec![format!("No options of {}.", chain.underlying)];
        };
        let mut rows: Vec<&ChainRow> =
            chain.rows.iter().filter(|row| !several || row.contract.expiry == first).collect();
        rows.sort_by_key(|row| (row.contract.expiry, row.contract.strike));
        let mut lines = Vec::new();
        if let Some(spot) = chain.spot {
            lines.push(format!("{} {}", chain.underlying, format::price(spot, 2)));
        }
        if several {
            // Those too whose strikes did not come along.
            let listed = if chain.expiries.is_empty() { &expiries } else { &chain.expiries };
            let days: Vec<String> =
                listed.iter().map(|day| day.strftime("%-d %b %y").to_string().to_lowercase()).collect();
            lines.push(format!("Expiries: {}.", days.join(", ")));
            let next = days.get(1).map(String::as_str).unwrap_or_default();
            lines.push(format!(
                "Here the first around the price; another one by its day: chain {} {next}.",
                chain.underlying.as_str().to_lowercase()
            ));
            if let Some(spot) = chain.spot {
                let below = rows.iter().filter(|row| row.contract.strike < spot).count();
                let two = 2 * STRIKES;
                rows = rows.into_iter().skip(below.saturating_sub(two)).take(2 * two).collect();
            }
        }
        lines.extend(rows.into_iter().map(contract));
        lines
    }

    pub(super) fn order_line(&self, order: &Order) -> String {
        let request = &order.request;
        let decimals = request.subject.instrument().map_or(2, |i| price_decimals(i, order, &self.snapshot));
        let price = match request.pricing {
            Pricing::Market => String::new(),
            pricing => format!("{} ", price_text(pricing, decimals)),
        };
        let average = order.average_price.map(|price| format!(" at {}", format::price(price, decimals)));
        let text = format!(
            "order {} {} {} {}: {}, filled {}{}, {} {price}{}",
            order.number,
            request.side.as_str().replace('_', " "),
            request.quantity,
            request.subject,
            status_word(order.status).to_lowercase(),
            order.filled_quantity,
            average.unwrap_or_default(),
            request.pricing.order_type().as_str().replace('_', " "),
            request.time_in_force.as_str(),
        );
        let reason = order.reason.as_deref().map(|reason| format!(" ({})", clean(reason)));
        ascii_escaped(&format!("{text}{}", reason.unwrap_or_default())).into_owned()
    }

    pub(super) fn shown(&self, what: ShowTopic, narrowed: &Narrowed) -> Vec<String> {
        let lines = match what {
            ShowTopic::Positions => self.positions(narrowed),
            ShowTopic::Orders => {
                let meant = narrowed.orders(&self.snapshot);
                meant.iter().filter(|order| order.is_working()).map(|order| self.order_line(order)).collect()
            }
            ShowTopic::Watchlist => self.quotes(),
            ShowTopic::Log => {
                let log = &self.snapshot.log;
                let latest = log.iter().skip(log.len().saturating_sub(LOG));
                latest
                    .map(|line| {
                        let time = format::near(line.at, self.snapshot.now, &self.app.env.zone);
                        format!("{time} {}", clean(&line.text))
                    })
                    .collect()
            }
            ShowTopic::Connections => {
                let line = |name: &str, up: bool, text: &str| {
                    format!("{} {} {}", clean(name), if up { "up" } else { "down" }, clean(text))
                };
                let connections = self.snapshot.connections.iter();
                connections.map(|c| line(&c.name, c.up, &c.text)).collect()
            }
            ShowTopic::Strategies => vec![elsewhere("strategies", "strategy list")],
            ShowTopic::Bots => vec![elsewhere("bots", "bot list")],
            ShowTopic::Agents | ShowTopic::Wallets => vec!["Of those nothing is said here.".to_owned()],
            ShowTopic::Audit => vec![elsewhere("the audit log", "audit")],
            ShowTopic::Risk => vec![elsewhere("limits and their use", "risk")],
            ShowTopic::Balances
            | ShowTopic::BuyingPower
            | ShowTopic::Fills
            | ShowTopic::History
            | ShowTopic::News
            | ShowTopic::Pnl => self.balances(narrowed),
        };
        if lines.is_empty() { vec!["Nothing.".to_owned()] } else { lines }
    }

    fn positions(&self, narrowed: &Narrowed) -> Vec<String> {
        let several = self.snapshot.accounts.len() > 1;
        let line = |p: &crate::domain::position::Position| {
            let gain = p.unrealized_pnl.map_or_else(|| "unknown".to_owned(), |pnl| format::signed(pnl, 2));
            let account = if several {
                format!(", account {}", ascii_escaped(p.account.as_str()))
            } else {
                String::new()
            };
            format!("{} {} at {}, open gain {gain}{account}", p.quantity, p.instrument, p.average_price)
        };
        narrowed.positions(&self.snapshot).iter().map(line).collect()
    }

    fn balances(&self, narrowed: &Narrowed) -> Vec<String> {
        let accounts = self.snapshot.accounts.iter().map(|view| &view.account);
        let accounts = accounts.filter(|account| narrowed.is_of(&account.account));
        let money = |value| format::grouped(value, 2);
        accounts
            .map(|a| {
                format!(
                    "{} equity {} cash {} buying power {} day {} {}",
                    ascii_escaped(a.account.as_str()),
                    money(a.net_liquidation),
                    money(a.cash),
                    money(a.buying_power),
                    format::signed(a.day_pnl, 2),
                    a.currency
                )
            })
            .collect()
    }
}

/// Where that stands which has no lines here.
fn elsewhere(what: &str, command: &str) -> String {
    format!("Of {what} nothing is said here; beside it, in another terminal: arbion {command}")
}

fn contract(row: &ChainRow) -> String {
    let price = |price: Option<Price>| price.map_or_else(|| "none".to_owned(), |p| format::price(p, 2));
    let mut text = format!("{} bid {} ask {}", row.contract, price(row.quote.bid), price(row.quote.ask));
    let iv = row.iv.map(|iv| format!(" iv {:.1}%", iv * 100.0));
    let delta = row.delta.map(|delta| format!(" delta {}", two_decimals(delta)));
    let open = row.open_interest.map(|open| format!(" open {open}"));
    text.extend([iv, delta, open].into_iter().flatten());
    text
}
