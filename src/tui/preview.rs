//! An order's preview as lines: cost, fees, buying power, and every risk check with its number.

use super::format;
use super::theme::Theme;
use crate::domain::denial::{Denial, DenialCode, RiskCheck, Verdict};
use crate::domain::money::Price;
use crate::domain::order::{BrokerPreview, OrderPreview, OrderRequest, Pricing, TradingSession, Trail};
use crate::domain::refusal::{readable, reading};
use crate::domain::text::{ascii_escaped, clean};
use ratatui::text::{Line, Span};

/// A few words with one style each that stay together on a line.
pub type Part = Vec<Span<'static>>;

/// Puts parts on lines of at most `columns`, with a gap between; lines after the first are set in by `indent`. A part is never cut.
pub fn pack(parts: Vec<Part>, gap: u16, indent: u16, columns: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut used = 0;
    for part in parts {
        let width: u16 = part.iter().map(|span| format::width(&span.content)).sum();
        match lines.last_mut() {
            Some(line) if used + gap + width <= columns => {
                line.push_span(Span::raw(" ".repeat(usize::from(gap))));
                line.extend(part);
                used += gap + width;
            }
            Some(_) => {
                let mut line = Line::raw(" ".repeat(usize::from(indent)));
                line.extend(part);
                lines.push(line);
                used = indent + width;
            }
            None => {
                lines.push(Line::from(part));
                used = width;
            }
        }
    }
    lines
}

/// Cost, fees and buying power, in so many columns.
#[must_use]
pub fn money_lines(preview: &OrderPreview, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let cost = match preview.estimated_cost {
        Some(cost) if cost.is_sign_negative() => ("brings", format::grouped(-cost, 2)),
        Some(cost) => ("cost", format::grouped(cost, 2)),
        None => ("cost", "no quote".to_owned()),
    };
    let fees = format::grouped(preview.estimated_fees, 2);
    let mut parts = vec![pair(cost.0, &cost.1, theme), pair("fee", &fees, theme)];
    if let Some(price) = preview.estimated_price {
        let price = format::price(price, price.get().normalize().scale().clamp(2, 6));
        parts.push(pair("at", &price, theme));
    }
    let mut lines = pack(parts, 3, 0, columns);
    let name = if columns < 36 { "bp" } else { "buying power" };
    let before = pair(name, &format::grouped(preview.buying_power_before, 2), theme);
    let after = pair(theme.glyphs.arrow, &format::grouped(preview.buying_power_after, 2), theme);
    lines.extend(pack(vec![before, after], 1, 1, columns));
    if let Some(broker) = &preview.broker {
        lines.extend(broker_lines(broker, None, theme, columns));
    }
    lines
}

/// What the broker itself says an order would cost, and how long ago it said so.
pub fn broker_lines(
    broker: &BrokerPreview,
    age: Option<&str>,
    theme: &Theme,
    columns: u16,
) -> Vec<Line<'static>> {
    let who = age.map_or_else(|| "broker".to_owned(), |age| format!("broker, {age}"));
    let warnings = broker.warnings.iter().flat_map(|warning| {
        let text = format!("{who}: {}", ascii_escaped(warning));
        format::wrap(&text, columns).into_iter().map(|line| Line::styled(line, theme.warning))
    });
    let mut warnings: Vec<Line<'static>> = warnings.collect();
    // Beside a form there is room for little: what warns comes first there, and says whose words they are.
    let short = age.is_some();
    let mut whose = if short && !warnings.is_empty() { String::new() } else { format!("{who}: ") };
    let mut said: Vec<Part> = Vec::new();
    for (name, money) in [("cash", broker.cash), ("fee", broker.fee)] {
        let Some(money) = money else { continue };
        let value = format!("{} {}", format::grouped(money.amount, 2), money.currency);
        said.push(pair(&format!("{}{name}", std::mem::take(&mut whose)), &value, theme));
    }
    // The review puts it in the place of ours.
    if let Some(after) = broker.buying_power_after.filter(|_| short) {
        said.push(pair("bp after", &format::grouped(after, 2), theme));
    }
    let mut amounts = if said.is_empty() { Vec::new() } else { pack(said, 3, 0, columns) };
    if short {
        warnings.append(&mut amounts);
        return warnings;
    }
    amounts.append(&mut warnings);
    amounts
}

fn pair(name: &str, value: &str, theme: &Theme) -> Part {
    vec![Span::styled(format!("{name} "), theme.dim), Span::styled(value.to_owned(), theme.text)]
}

/// The words of an order, safe to confirm by: ASCII only.
#[must_use]
pub fn words(preview: &OrderPreview) -> String {
    ascii_escaped(&preview.words).into_owned()
}

/// Type, prices, duration and exits, from the order itself and not from its words.
#[must_use]
pub fn terms(preview: &OrderPreview) -> String {
    let request = &preview.request;
    let price = |p: Price| format::price(p, p.get().normalize().scale().clamp(2, 6));
    let mut text = request.pricing.order_type().as_str().replace('_', " ");
    text.push_str(&match request.pricing {
        Pricing::Market => String::new(),
        Pricing::Limit { limit_price } => format!(" {}", price(limit_price)),
        Pricing::Stop { stop_price } => format!(" {}", price(stop_price)),
        Pricing::StopLimit { stop_price, limit_price } => {
            format!(" {}, then {}", price(stop_price), price(limit_price))
        }
        Pricing::TrailingStop { trail: Trail::Amount(amount) } => format!(" {} behind", price(amount)),
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => {
            format!(" {}% behind", percent.normalize())
        }
        Pricing::Twap(slices) => {
            let times = if slices.randomize { "random" } else { "even" };
            let worst = slices.limit_price.map_or_else(String::new, |limit| format!(" {}", price(limit)));
            format!("{worst} over {} minutes, slices at {times} times", slices.minutes)
        }
        Pricing::Oco { limit_price, stop_price } => {
            format!(" {}, or stop {}", price(limit_price), price(stop_price))
        }
    });
    text.push_str(&format!(", {}", request.time_in_force.as_str().to_uppercase()));
    if let Some(date) = request.expire_date {
        text.push_str(&format!(" until {date}"));
    }
    if request.session == TradingSession::Extended {
        text.push_str(", extended hours");
    }
    for (name, exit) in [("profit", &request.take_profit), ("stop", &request.stop_loss)] {
        if let Some(exit) = exit {
            text.push_str(&format!(", {name} at {}", price(exit.price)));
        }
    }
    text
}

/// The checks that matter most first: failed, then those with something to say, then the rest as one count.
#[must_use]
pub fn check_lines(preview: &OrderPreview, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let of = |verdict| preview.checks.iter().filter(move |check| check.verdict == verdict);
    // A check with a note has something to say, such as what it could not measure.
    let says = |check: &&RiskCheck| check.measured.is_some() || check.note.is_some();
    let mut lines: Vec<Line<'static>> = of(Verdict::Fail)
        .chain(of(Verdict::Pass).filter(says))
        .chain(of(Verdict::Skip).filter(says))
        .flat_map(|check| pack(check_parts(check, &preview.request, theme), 3, 2, columns))
        .collect();
    let plain = of(Verdict::Pass).filter(|check| !says(check)).count();
    let skipped = of(Verdict::Skip).filter(|check| !says(check)).count();
    if plain + skipped > 0 {
        let text = format!("{} {plain} more passed, {skipped} not concerned", theme.glyphs.pass);
        lines.push(Line::styled(text, theme.dim));
    }
    lines
}

/// One line for all checks: which failed, else how many passed.
#[must_use]
pub fn check_summary(preview: &OrderPreview, theme: &Theme) -> Line<'static> {
    let failed: Vec<_> = preview.denials.iter().map(|denial| reading(denial.code).0).collect();
    if failed.is_empty() {
        let passed = preview.checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
        return Line::styled(format!("{} {passed} risk checks", theme.glyphs.pass), theme.ok);
    }
    Line::styled(format!("{} {}", theme.glyphs.fail, failed.join("; ")), theme.error)
}

/// A refusal in words, with its numbers where it has some.
#[must_use]
pub fn said(denial: &Denial) -> String {
    let text = readable(&denial.text);
    let text = if text == denial.code.as_str() { reading(denial.code).0 } else { text };
    clean(&text).into_owned()
}

fn check_parts(check: &RiskCheck, request: &OrderRequest, theme: &Theme) -> Vec<Part> {
    let (mark, style) = match check.verdict {
        Verdict::Pass => (theme.glyphs.pass, theme.ok),
        Verdict::Fail => (theme.glyphs.fail, theme.error),
        Verdict::Skip => (theme.glyphs.skip, theme.dim),
    };
    let (name, unit) = reading(check.code);
    let mut parts = vec![vec![Span::styled(format!("{mark} {name}"), style)]];
    let numbers = match (check.measured, check.limit) {
        (Some(measured), Some(limit)) => {
            Some(format!("{}{}{}", unit.number(measured), between(check, request), unit.number(limit)))
        }
        (measured, _) => measured.map(|measured| unit.number(measured)),
    };
    parts.extend(numbers.map(|numbers| vec![Span::styled(numbers, style)]));
    if check.verdict == Verdict::Fail {
        // The code, as the log and the command line name it.
        parts.push(vec![Span::styled(check.code.as_str(), theme.dim)]);
    }
    parts.extend(check.note.as_ref().map(|note| vec![Span::styled(clean(note).into_owned(), theme.dim)]));
    parts
}

/// How what was measured stands to what is allowed: most limits are a most; a price has its worse side, and a stop the market on its other.
fn between(check: &RiskCheck, request: &OrderRequest) -> &'static str {
    if check.code != DenialCode::PriceCollar {
        return " of ";
    }
    let is = |price: Option<Price>| price.map(Price::get) == check.measured;
    let stop = is(request.pricing.stop_price()) && !is(request.pricing.limit_price());
    match (stop, request.side.is_buy()) {
        (true, true) => ", to be above ",
        (true, false) => ", to be below ",
        (false, true) => ", at most ",
        (false, false) => ", at least ",
    }
}
