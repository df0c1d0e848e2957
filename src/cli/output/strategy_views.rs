//! The tables of strategies, their kinds, plans and decisions.

use jiff::tz::TimeZone;

use super::format::{gain, money, quantity, time};
use super::table::{Align, Cell, Table, Tone};
use crate::domain::account::AccountMode;
use crate::domain::strategy::{
    Claim, DecisionRecord, KindView, RULES, StrategyPhase, StrategyPlan, StrategyView,
};

const fn mode(mode: AccountMode) -> &'static str {
    match mode {
        AccountMode::Paper => "paper",
        AccountMode::Live => "LIVE",
    }
}

fn phase(view: &StrategyView) -> Cell {
    let tone = match view.phase {
        StrategyPhase::Running => Tone::Good,
        StrategyPhase::Faulted => Tone::Bad,
        _ => Tone::Dim,
    };
    Cell::new(view.phase.as_str()).tone(tone)
}

/// Why a strategy stands where it stands, in a line.
fn why(view: &StrategyView) -> String {
    let lock = view.locks.first().map(|lock| format!("locked until {}: {}", lock.until, lock.reason));
    let decision = view.last_decision.as_ref().map(|decision| {
        let about = decision.instrument.as_ref().map(|i| format!(" {i}")).unwrap_or_default();
        format!("{}{about} {}", decision.code, decision.text)
    });
    let bot = view.bot.as_ref().map(crate::domain::bot::BotState::line);
    let proposal = view.proposals.last().map(|it| {
        let order = &it.request;
        format!(
            "{} proposes {} {} {}; confirm {}",
            view.spec.name, order.side, order.quantity, order.subject, it.number
        )
    });
    // One that has just begun says when it will have looked.
    let next = view.next_due.filter(|_| view.phase == StrategyPhase::Running);
    let next = next.map(|at| format!("no decision yet; it looks at {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    proposal.or_else(|| view.reason.clone()).or(lock).or(bot).or(decision).or(next).unwrap_or_default()
}

fn claims(claims: &[Claim]) -> String {
    let own = |claim: &Claim| format!("{} {}", quantity(claim.quantity), claim.instrument);
    claims.iter().map(own).collect::<Vec<_>>().join(", ")
}

/// Strategies, by name.
#[must_use]
pub fn strategies(views: &[StrategyView]) -> Table {
    let columns = [
        ("strategy", Align::Left),
        ("kind", Align::Left),
        ("state", Align::Left),
        ("account", Align::Left),
        ("bars", Align::Left),
        ("symbols", Align::Left),
        ("owns", Align::Left),
        ("orders", Align::Right),
        ("today", Align::Point),
        ("realized", Align::Point),
        ("open", Align::Point),
        ("why", Align::Left),
    ];
    let empty = "no strategies; arbion strategy add trend sma_cross AAPL --interval 1d";
    let mut table =
        Table::new(&columns, empty).without_first(&["bars", "open", "orders", "kind", "symbols", "why"]);
    for view in views {
        let account = match view.mode {
            AccountMode::Paper => view.spec.account.to_string(),
            AccountMode::Live => format!("{} {}", view.spec.account, mode(view.mode)),
        };
        table.push(vec![
            Cell::new(&view.spec.name),
            Cell::new(&view.spec.kind),
            phase(view),
            Cell::new(account),
            Cell::new(view.spec.interval.as_str()),
            Cell::new(view.symbols()),
            Cell::new(claims(&view.claims)),
            Cell::new(view.working_orders.to_string()),
            gain(view.day_pnl),
            gain(view.realized_pnl),
            gain(view.unrealized_pnl),
            Cell::new(why(view)),
        ]);
    }
    table
}

/// Why strategies did or did not act, newest first.
#[must_use]
pub fn decisions(records: &[DecisionRecord], zone: &TimeZone) -> Table {
    let columns = [
        ("time", Align::Left),
        ("strategy", Align::Left),
        ("state", Align::Left),
        ("code", Align::Left),
        ("instrument", Align::Left),
        ("numbers", Align::Left),
        ("order", Align::Left),
    ];
    let mut table = Table::new(&columns, "no decisions yet").without_first(&["order", "state"]);
    for record in records {
        table.push(vec![
            Cell::new(time(record.at, zone)).tone(Tone::Dim),
            Cell::new(&record.strategy),
            Cell::new(record.phase.as_str()),
            Cell::new(&record.code),
            Cell::new(record.instrument.as_ref().map(ToString::to_string).unwrap_or_default()),
            Cell::new(&record.text),
            Cell::new(record.proposal.map(|id| id.to_string()).unwrap_or_default()),
        ]);
    }
    table
}

/// The kinds of strategies; of a single one its parameters, and the limits that every strategy has.
#[must_use]
pub fn kinds(kinds: &[KindView]) -> Vec<Table> {
    if let [kind] = kinds {
        return of_kind(kind);
    }
    let mut table = Table::new(&[("kind", Align::Left), ("what it does", Align::Left)], "no kinds");
    for kind in kinds {
        table.push(vec![Cell::new(&kind.name), Cell::new(&kind.about)]);
    }
    vec![table]
}

fn of_kind(kind: &KindView) -> Vec<Table> {
    let head = |name| {
        [
            (name, Align::Left),
            ("default", Align::Left),
            ("allowed", Align::Left),
            ("what it does", Align::Left),
        ]
    };
    let mut params = Table::new(&head("parameter"), "no parameters");
    for param in &kind.params {
        params.push(vec![
            Cell::new(&param.name),
            Cell::new(&param.default),
            Cell::new(&param.allowed),
            Cell::new(&param.about),
        ]);
    }
    let mut limits = Table::new(&head("limit"), "no limits");
    let defaults = crate::domain::strategy::StrategyRules::default().words();
    for ((name, allowed, about), (_, default)) in RULES.iter().zip(defaults) {
        limits.push(vec![Cell::new(*name), Cell::new(default), Cell::new(*allowed), Cell::new(*about)]);
    }
    let mut exits = Table::new(
        &[("part of its exits", Align::Left), ("allowed", Align::Left), ("what it does", Align::Left)],
        "no exits",
    );
    for (name, allowed, about) in crate::domain::exit::PLAN_WORDS {
        exits.push(vec![Cell::new(*name), Cell::new(*allowed), Cell::new(*about)]);
    }
    vec![params, limits, exits]
}

/// What a strategy would do with whose money.
#[must_use]
pub fn plan(plan: &StrategyPlan) -> Table {
    let mut table = Table::new(&[("plan", Align::Left), ("", Align::Left)], "");
    let spec = &plan.spec;
    let symbols: Vec<String> = spec.instruments.iter().map(ToString::to_string).collect();
    let mut row = |name: &str, value: String| table.push(vec![Cell::new(name), Cell::new(value)]);
    row("strategy", format!("{} ({})", spec.name, spec.kind));
    row("account", format!("{} ({})", spec.account, mode(plan.mode)));
    row("trades", format!("{} on {} bars", symbols.join(", "), spec.interval));
    row("most capital at work", money(plan.worst_case_capital));
    for (name, value) in &plan.params {
        row(&format!("parameter {name}"), value.clone());
    }
    for (name, value) in &plan.limits {
        row(&format!("limit {name}"), value.clone());
    }
    table
}
