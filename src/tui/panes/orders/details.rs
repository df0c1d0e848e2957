//! Everything known about an order: its terms, where it stands, and which other orders it has to do with.

use jiff::Timestamp;

use super::{price_decimals, price_text, status_word, waits_for};
use crate::domain::ids::ClientOrderId;
use crate::domain::order::{Order, Origin, OriginKind, TradingSession};
use crate::domain::refusal::readable;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::tui::about::{note_line, notes_about};
use crate::tui::env::At;
use crate::tui::format;

type Pairs = Vec<(String, String)>;

fn say(pairs: &mut Pairs, name: &str, text: Option<String>) {
    pairs.extend(text.map(|text| (name.to_owned(), text)));
}

/// A line for each thing known; what there is not is left out.
#[must_use]
pub fn details(order: &Order, look: &At<'_>) -> Pairs {
    let mut pairs = Pairs::new();
    terms(order, look, &mut pairs);
    standing(order, look, &mut pairs);
    others(order, look.snapshot, &mut pairs);
    ends(order, &mut pairs);
    for note in notes_about(order.request.subject.instruments(), look) {
        say(
            &mut pairs,
            &format!("note on {}", note.instrument),
            Some(note_line(note, &note.instrument, look)),
        );
    }
    pairs
}

fn decimals(order: &Order, look: &At<'_>) -> u32 {
    order.request.subject.instrument().map_or(2, |i| price_decimals(i, order, look.snapshot))
}

fn terms(order: &Order, look: &At<'_>, pairs: &mut Pairs) {
    let request = &order.request;
    let decimals = decimals(order, look);
    let side = request.side.as_str().replace('_', " ");
    say(pairs, "order", Some(format!("{side} {} {}", request.quantity, request.subject)));
    say(pairs, "for money", request.cash_order_quantity.map(|money| format::grouped(money, 2)));
    let price = price_text(request.pricing, decimals);
    say(pairs, "type", Some(format!("{} {price}", request.pricing.order_type().abbreviation())));
    say(pairs, "which is", order.native_type.as_ref().map(|native| clean(native).into_owned()));
    let until = request.expire_date.map(|date| format!(" until {date}")).unwrap_or_default();
    let hours = if request.session == TradingSession::Extended { ", extended hours" } else { "" };
    let duration = format!("{}{until}{hours}", request.time_in_force.as_str().to_uppercase());
    say(pairs, "duration", Some(duration));
    let mut wishes = Vec::new();
    wishes.extend(request.post_only.then_some("post only"));
    wishes.extend(request.reduce_only.then_some("reduce only"));
    say(pairs, "only", (!wishes.is_empty()).then(|| wishes.join(", ")));
}

fn standing(order: &Order, look: &At<'_>, pairs: &mut Pairs) {
    let request = &order.request;
    let decimals = decimals(order, look);
    let status = match waits_for(order, look.snapshot) {
        Some(parent) => format!("{}, waits for #{parent} to fill", status_word(order.status)),
        None => status_word(order.status).to_owned(),
    };
    say(pairs, "status", Some(status));
    say(pairs, "filled", Some(format!("{} of {}", order.filled_quantity, request.quantity)));
    say(pairs, "average", order.average_price.map(|p| format::price(p, decimals)));
    say(pairs, "stop now", order.trailing_stop.map(|p| format::price(p, decimals)));
    say(pairs, "account", Some(clean(request.account.as_str()).into_owned()));
    say(pairs, "from", Some(asker(&request.origin)));
    say(pairs, "created", Some(when(order.created_at, look)));
    say(pairs, "updated", Some(when(order.updated_at, look)));
    say(pairs, "our id", Some(request.client_order_id.to_string()));
    say(pairs, "broker's id", order.broker_order_id.as_ref().map(|id| clean(id.as_str()).into_owned()));
}

/// The orders that it stands in the place of, follows, or is canceled by; and its own exits.
fn others(order: &Order, snapshot: &Snapshot, pairs: &mut Pairs) {
    let request = &order.request;
    let numbered = |id: ClientOrderId| {
        let known = snapshot.orders.iter().find(|other| other.request.client_order_id == id);
        known.map_or_else(|| id.to_string(), |other| format!("#{}", other.number))
    };
    say(pairs, "in place of", order.replaces.map(numbered));
    say(pairs, "exit of", request.contingency.parent.map(numbered));
    let group = |other: &&Order| {
        other.request.client_order_id != request.client_order_id
            && request.contingency.oco_group.is_some()
            && other.request.contingency.oco_group == request.contingency.oco_group
    };
    let canceled: Vec<String> =
        snapshot.orders.iter().filter(group).map(|other| format!("#{}", other.number)).collect();
    say(pairs, "cancels", (!canceled.is_empty()).then(|| canceled.join(" ")));
    let instrument = request.subject.instrument();
    let decimals = instrument.map_or(2, |i| price_decimals(i, order, snapshot));
    say(pairs, "take profit", request.take_profit.as_ref().map(|exit| format::price(exit.price, decimals)));
    say(pairs, "stop loss", request.stop_loss.as_ref().map(|exit| format::price(exit.price, decimals)));
    say(pairs, "exits", request.exit_plan.as_ref().map(|plan| plan.words()));
}

/// Why it ended, or was never sent.
fn ends(order: &Order, pairs: &mut Pairs) {
    say(pairs, "reason", order.reason.as_ref().map(|reason| clean(reason).into_owned()));
    for denial in &order.denials {
        let words = readable(&denial.text);
        // The code, as the log and the command line name it.
        let code =
            if words.contains(denial.code.as_str()) { String::new() } else { format!(" ({})", denial.code) };
        say(pairs, "denied", Some(clean(&format!("{words}{code}")).into_owned()));
    }
}

/// `13:45:02 EST`, with the day before it on any other than today.
fn when(at: Timestamp, look: &At<'_>) -> String {
    let zone = &look.env.zone;
    let day = |at: Timestamp| at.to_zoned_datetime(zone.clone()).date();
    let clock = format::clock_zoned(at, zone);
    match day(at) == day(look.snapshot.now) {
        true => clock,
        false => format!("{} {clock}", day(at).strftime("%d %b %Y")),
    }
}

/// Who asked for it: a door of the user's, or an automation by its name.
fn asker(origin: &Origin) -> String {
    let door = match origin.kind {
        OriginKind::Ticket => "the ticket",
        OriginKind::Command => "the command bar",
        OriginKind::Cli => "the command line",
        OriginKind::Strategy => "strategy",
        OriginKind::Bot => "bot",
        OriginKind::Agent => "agent",
        OriginKind::Mcp => "tool client",
        OriginKind::Exit => "an exit plan",
        OriginKind::External => "elsewhere, at the broker",
    };
    match &origin.name {
        Some(name) => format!("{door} {}", clean(name)),
        None => door.to_owned(),
    }
}
