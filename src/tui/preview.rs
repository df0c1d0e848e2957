//! An order's preview as lines: cost, fees, buying power, and every risk check with its number.

use ratatui::text::{Line, Span};

use super::format;
use super::theme::Theme;
use crate::domain::denial::{DenialCode, RiskCheck, Verdict};
use crate::domain::money::Price;
use crate::domain::order::{OrderPreview, Pricing, TradingSession, Trail};
use crate::domain::text::{ascii_escaped, clean};

/// Cost, fees and buying power.
#[must_use]
pub fn money_lines(preview: &OrderPreview, theme: &Theme) -> Vec<Line<'static>> {
    let cost = match preview.estimated_cost {
        Some(cost) if cost.is_sign_negative() => ("brings", format::grouped(-cost, 2)),
        Some(cost) => ("cost", format::grouped(cost, 2)),
        None => ("cost", "no quote".to_owned()),
    };
    let mut first = pair(cost.0, &cost.1, theme);
    first.extend(pair("   fee", &format::grouped(preview.estimated_fees, 2), theme));
    if let Some(price) = preview.estimated_price {
        first.extend(pair(
            "   at",
            &format::price(price, price.get().normalize().scale().clamp(2, 6)),
            theme,
        ));
    }
    let power = format!(
        "{} {} {}",
        format::grouped(preview.buying_power_before, 2),
        theme.glyphs.arrow,
        format::grouped(preview.buying_power_after, 2)
    );
    vec![Line::from(first), Line::from(pair("buying power", &power, theme))]
}

fn pair(name: &str, value: &str, theme: &Theme) -> Vec<Span<'static>> {
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

/// The checks that matter most first: failed, then passed with a number, then the rest as one count.
#[must_use]
pub fn check_lines(preview: &OrderPreview, theme: &Theme) -> Vec<Line<'static>> {
    let of = |verdict| preview.checks.iter().filter(move |check| check.verdict == verdict);
    let mut lines: Vec<Line<'static>> = of(Verdict::Fail).map(|check| check_line(check, theme)).collect();
    lines.extend(
        of(Verdict::Pass).filter(|check| check.measured.is_some()).map(|check| check_line(check, theme)),
    );
    let plain = of(Verdict::Pass).filter(|check| check.measured.is_none()).count();
    let skipped = of(Verdict::Skip).count();
    if plain + skipped > 0 {
        let text = format!("{} {plain} more passed, {skipped} not concerned", theme.glyphs.pass);
        lines.push(Line::styled(text, theme.dim));
    }
    lines
}

/// One line for all checks: which failed, else how many passed.
#[must_use]
pub fn check_summary(preview: &OrderPreview, theme: &Theme) -> Line<'static> {
    let failed: Vec<&str> = preview.denials.iter().map(|denial| denial.code.as_str()).collect();
    if failed.is_empty() {
        let passed = preview.checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
        return Line::styled(format!("{} {passed} risk checks", theme.glyphs.pass), theme.up);
    }
    Line::styled(format!("{} {}", theme.glyphs.fail, failed.join(", ")), theme.error)
}

fn check_line(check: &RiskCheck, theme: &Theme) -> Line<'static> {
    let (mark, style) = match check.verdict {
        Verdict::Pass => (theme.glyphs.pass, theme.up),
        Verdict::Fail => (theme.glyphs.fail, theme.error),
        Verdict::Skip => (theme.glyphs.skip, theme.dim),
    };
    let mut text = format!("{mark} {}", name(check.code));
    let number = |value: rust_decimal::Decimal| {
        format::grouped(value.round_dp(4), value.round_dp(4).normalize().scale().min(4))
    };
    match (check.measured, check.limit) {
        (Some(measured), Some(limit)) => {
            text.push_str(&format!("  {} of {}", number(measured), number(limit)))
        }
        (Some(measured), None) => text.push_str(&format!("  {}", number(measured))),
        _ => {}
    }
    let mut spans = vec![Span::styled(text, style)];
    if let Some(note) = &check.note {
        spans.push(Span::styled(format!("  {}", clean(note)), theme.dim));
    }
    Line::from(spans)
}

/// `MAX_ORDER_NOTIONAL` as `max order notional`.
fn name(code: DenialCode) -> String {
    code.as_str().to_lowercase().replace('_', " ")
}
