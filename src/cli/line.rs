//! A command's line to an engine: the newest picture, requests, and replies turned into answers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::error::{CliError, EXIT_NETWORK};
use super::output::{Named, Output, bot_views, market_views, strategy_views, views};
use crate::client::message::HistoryQuery;
use crate::client::{Reply, Request, Session};
use crate::domain::calendar::{instant, plus_days};
use crate::domain::ids::AccountId;
use crate::domain::instrument::{Instrument, SymbolLookup};
use crate::domain::snapshot::Snapshot;

/// Longest wait for an engine's first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// A line to an engine, with what is needed to read words and to show times.
pub struct Line<'a> {
    /// The session.
    pub session: Arc<dyn Session>,
    /// The symbol universe.
    pub lookup: &'a dyn SymbolLookup,
    /// The zone of shown times.
    pub zone: TimeZone,
}

impl Line<'_> {
    /// The newest picture, once there is one with accounts.
    ///
    /// # Errors
    /// When the engine ends before, or takes too long.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, CliError> {
        let mut snapshots = self.session.snapshots();
        let first = snapshots.wait_for(|snapshot| !snapshot.accounts.is_empty());
        match tokio::time::timeout(FIRST_PICTURE, first).await {
            Ok(Ok(snapshot)) => Ok(Arc::clone(&snapshot)),
            Ok(Err(_)) => Err(crate::client::SessionError::Gone.into()),
            Err(_) => Err(CliError::new(
                "ENGINE_GONE",
                EXIT_NETWORK,
                "the engine shows no account; look into its log",
            )),
        }
    }

    /// The account that this name means ([`AccountId::meant`]), or the default one.
    ///
    /// # Errors
    /// When it means none, or could mean several; names those there are.
    pub async fn account(&self, name: Option<&str>) -> Result<AccountId, CliError> {
        let snapshot = self.snapshot().await?;
        let Some(name) = name else { return Ok(snapshot.default_account.clone()) };
        let known =
            snapshot.accounts.iter().map(|view| (&view.account.account, view.standing.broker.as_deref()));
        AccountId::meant(name, known.clone()).cloned().ok_or_else(|| {
            let known: Vec<&str> = known.map(|(id, _)| id.as_str()).collect();
            CliError::usage(format!("account: found '{name}', allowed {}", known.join(", ")))
        })
    }

    /// The account of that name; none where none is named.
    ///
    /// # Errors
    /// As `account`.
    pub async fn named_account(&self, name: Option<&str>) -> Result<Option<AccountId>, CliError> {
        match name {
            Some(name) => self.account(Some(name)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Asks the engine.
    ///
    /// # Errors
    /// What the engine refuses.
    pub async fn ask(&self, request: Request) -> Result<Reply, CliError> {
        Ok(self.session.request(request).await?)
    }

    /// Asks the engine and shows what it says.
    ///
    /// # Errors
    /// What the engine refuses.
    pub async fn answer(&self, request: Request) -> Result<Output, CliError> {
        let reply = self.ask(request).await?;
        self.show(&reply)
    }

    /// What a reply looks like.
    ///
    /// # Errors
    /// When the reply is a command that only a screen can carry out.
    pub fn show(&self, reply: &Reply) -> Result<Output, CliError> {
        let zone = &self.zone;
        Ok(match reply {
            Reply::Done(text) => Output::message(text)?,
            Reply::Preview(preview) => {
                let denied = (!preview.denials.is_empty())
                    .then(|| crate::client::SessionError::Denied(preview.denials.clone()).into());
                Output::new(preview)?
                    .line(&preview.words)
                    .table(views::preview(preview))
                    .table(views::checks(&preview.checks))
                    .failing(denied)
            }
            Reply::Orders(orders) => {
                let failure = orders.iter().find_map(CliError::of_order);
                let empty = "no orders; try: arbion order place buy 10 AAPL --limit 100";
                Output::new(&Named("orders", orders))?
                    .table(views::orders(orders, zone, empty))
                    .failing(failure)
            }
            Reply::Executions(fills) => {
                Output::new(&Named("executions", fills))?.table(views::executions(fills, zone))
            }
            Reply::Positions(positions) => {
                Output::new(&Named("positions", positions))?.table(views::positions(positions))
            }
            Reply::Accounts(accounts) => {
                accounts.iter().fold(Output::new(&Named("accounts", accounts))?, |out, account| {
                    out.table(views::account(account))
                })
            }
            Reply::Quotes(quotes) => {
                Output::new(&Named("quotes", quotes))?.table(views::quotes(quotes, zone))
            }
            Reply::Bars(bars) | Reply::History { bars, .. } => {
                Output::new(&Named("bars", bars))?.table(views::bars(bars, zone))
            }
            Reply::Chain(chain) => Output::new(chain)?.table(views::chain(chain)),
            Reply::Listings(listings) => {
                Output::new(&Named("listings", listings))?.table(views::listings(listings))
            }
            Reply::Pnl(report) => views::pnl(report).into_iter().fold(Output::new(report)?, Output::table),
            Reply::RiskDesk(desk) => {
                market_views::desk(desk).into_iter().fold(Output::new(desk)?, Output::table)
            }
            Reply::Engine(status) => super::output::engine::engine(status, zone)
                .into_iter()
                .fold(Output::new(status)?, Output::table),
            Reply::DepositAddresses(addresses) => {
                Output::new(&Named("addresses", addresses))?.table(views::deposit_addresses(addresses, zone))
            }
            Reply::VenueSettings(settings) => {
                Output::new(&Named("settings", settings))?.table(views::venue_settings(settings))
            }
            Reply::Book(book) => Output::new(book)?
                .table(market_views::depth(book))
                .table(market_views::tape(&book.prints, zone)),
            Reply::News(news) => {
                let shown = Output::new(news)?;
                match news.why_none() {
                    Some(why) => shown.line(why),
                    None => shown.table(market_views::news(news, zone)),
                }
            }
            Reply::Groups(groups) => {
                let json: Vec<serde_json::Value> = groups
                    .iter()
                    .map(|(group, count)| {
                        serde_json::json!({ "kind": group.kind, "name": group.name, "listings": count })
                    })
                    .collect();
                Output::new(&Named("groups", &json))?.table(market_views::groups(groups))
            }
            Reply::Equity(points) => {
                Output::new(&Named("equity", points))?.table(market_views::equity(points, zone))
            }
            Reply::Notes(notes) => Output::new(&Named("notes", notes))?.table(market_views::notes(notes)),
            Reply::Strategies(views) => {
                Output::new(&Named("strategies", views))?.table(strategy_views::strategies(views))
            }
            Reply::StrategyKinds(kinds) => strategy_views::kinds(kinds)
                .into_iter()
                .fold(Output::new(&Named("kinds", kinds))?, Output::table),
            Reply::StrategyPlan(plan) => Output::new(plan)?.table(strategy_views::plan(plan)),
            Reply::Bots(views) => Output::new(&Named("bots", views))?.table(bot_views::bots(views)),
            Reply::BotPlan(plan) => bot_views::plan(plan).into_iter().fold(Output::new(plan)?, Output::line),
            Reply::BotVersions(versions) => {
                Output::new(&Named("versions", versions))?.table(bot_views::versions(versions, zone))
            }
            Reply::Lines(lines) => {
                lines.iter().fold(Output::new(&Named("lines", lines))?, |out, line| out.line(line.clone()))
            }
            Reply::Decisions(records) => {
                Output::new(&Named("decisions", records))?.table(strategy_views::decisions(records, zone))
            }
            Reply::FrontEnd(command) => {
                let words = super::language::words(command);
                return Err(CliError::usage(format!("'{words}' is for the screen; open it with: arbion")));
            }
        })
    }
}

/// Which rows of history.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of this instrument only.
    pub instrument: Option<Instrument>,
    /// From this day on.
    pub since: Option<Date>,
    /// Up to and with this day.
    pub until: Option<Date>,
    /// At most so many, 0 for all.
    pub limit: u32,
    /// Skip so many.
    pub offset: u32,
}

impl From<Range> for HistoryQuery {
    fn from(range: Range) -> Self {
        let midnight = |day: Date| -> Timestamp { instant(day, Time::midnight()) };
        Self {
            account: range.account,
            instrument: range.instrument,
            order: None,
            since: range.since.map(midnight),
            until: range.until.map(|day| midnight(plus_days(day, 1))),
            limit: range.limit,
            offset: range.offset,
        }
    }
}
