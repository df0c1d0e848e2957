//! The chain's picture: expiries, strikes with both sides, and under them the legs picked with what they are worth at expiry.

use jiff::civil::Date;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::builder::{Builder, Picked};
use super::facts::facts;
use super::smile;
use super::{ChainPane, Strike};
use crate::client::message::{Chain, ChainRow};
use crate::domain::instrument::InstrumentSpec;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::greeks::USUAL_RATE;
use crate::quant::payoff::{LiveLeg, PayoffLeg, payoff, payoff_at_first_expiry, profit_before};
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::panes::draw_empty;
use crate::tui::widgets::candles::{Candle, Candles, Overlay};
use crate::tui::widgets::{put, put_right};

/// Rows of the payoff's curve.
const CURVE_HEIGHT: u16 = 5;
/// Rows from which the expiry's facts have one.
const FACTS_FROM: u16 = 12;
/// Columns of a strike with its marks.
const STRIKE_WIDTH: u16 = 13;
/// Strikes in view, with the line that more are below, from which the legs may take all the room they like.
const ROWS_GOOD: u16 = 9;

/// The parts of the pane, from the top.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    expiries: Rect,
    /// What the expiry says as a whole; empty where it is low.
    facts: Rect,
    header: Rect,
    /// The strikes.
    pub rows: Rect,
    legs: Rect,
    /// The legs stand two on a line, and what they make on fewer.
    dense: bool,
    curve: Rect,
}

impl Places {
    /// Shares an area out: the legs take what they need, less where few strikes are left beside them and they fit two on a line, the curve
    /// only what is left beside eight strikes.
    #[must_use]
    pub fn new(area: Rect, builder: &Builder) -> Self {
        let count = builder.legs().len() as u16;
        let half = area.width.saturating_sub(2) / 2;
        let fits = || builder.legs().iter().all(|leg| format::width(&leg_text(leg)) + 1 < half);
        let dense = count > 1 && area.height < 2 + count + 5 + ROWS_GOOD && fits();
        let legs = match (count, dense) {
            (0, _) => 0,
            (count, true) => count.div_ceil(2) + 4,
            (count, false) => count + 5,
        };
        let legs = legs.min(area.height.saturating_sub(5));
        let facts = u16::from(area.height >= FACTS_FROM + legs);
        let left = area.height.saturating_sub(2 + facts + legs);
        let curve = if legs > 0 && left >= CURVE_HEIGHT + 8 { CURVE_HEIGHT } else { 0 };
        let rows = left.saturating_sub(curve);
        let strip = |y: u16, height: u16| Rect { y: area.y + y, height, ..area }.intersection(area);
        Self {
            expiries: strip(0, 1),
            facts: strip(1, facts),
            header: strip(1 + facts, 1),
            rows: strip(2 + facts, rows),
            legs: strip(2 + facts + rows, legs),
            dense,
            curve: strip(2 + facts + rows + legs, curve),
        }
    }
}

/// A column of one side; on the other side they stand in mirror image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Figure {
    Volume,
    Interest,
    Iv,
    Delta,
    Gamma,
    Theta,
    Vega,
    Bid,
    Ask,
    Mid,
}

impl Figure {
    const fn title(self) -> &'static str {
        match self {
            Self::Volume => "vol",
            Self::Interest => "oi",
            Self::Iv => "iv%",
            Self::Delta => "delta",
            Self::Gamma => "gamma",
            Self::Theta => "theta",
            Self::Vega => "vega",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Mid => "mid",
        }
    }

    const fn width(self) -> u16 {
        match self {
            Self::Iv | Self::Delta => 5,
            Self::Volume | Self::Interest | Self::Gamma | Self::Theta | Self::Vega => 6,
            Self::Bid | Self::Ask | Self::Mid => 7,
        }
    }

    fn text(self, row: &ChainRow) -> String {
        let price = |price: Option<Price>| price.map_or_else(|| "-".to_owned(), |p| format::price(p, 2));
        let float = |value: Option<f64>, decimals: u32| {
            let value = value.filter(|v| v.is_finite()).and_then(Decimal::from_f64);
            value.map_or_else(|| "-".to_owned(), |v| format::grouped(v, decimals))
        };
        match self {
            Self::Interest => {
                row.open_interest.map_or_else(|| "-".to_owned(), |n| format::compact(Decimal::from(n)))
            }
            Self::Volume => format::compact(row.quote.volume.get()),
            Self::Iv => float(row.iv.map(|iv| iv * 100.0), 1),
            Self::Delta => float(row.delta, 2),
            Self::Gamma => float(row.gamma, 4),
            Self::Theta => float(row.theta, 3),
            Self::Vega => float(row.vega, 3),
            Self::Bid => price(row.quote.bid),
            Self::Ask => price(row.quote.ask),
            Self::Mid => price(row.quote.mid()),
        }
    }
}

/// The largest set of figures for which a side has room, outermost first.
fn figures(greeks: bool, width: u16) -> &'static [Figure] {
    use Figure::{Ask, Bid, Delta, Gamma, Interest, Iv, Mid, Theta, Vega, Volume};
    const PRICES: [&[Figure]; 6] = [
        &[Volume, Interest, Iv, Theta, Delta, Bid, Ask],
        &[Interest, Iv, Delta, Bid, Ask],
        &[Iv, Delta, Bid, Ask],
        &[Delta, Bid, Ask],
        &[Bid, Ask],
        &[Mid],
    ];
    const GREEKS: [&[Figure]; 5] = [
        &[Volume, Interest, Iv, Vega, Theta, Gamma, Delta, Bid, Ask],
        &[Iv, Vega, Theta, Gamma, Delta, Mid],
        &[Vega, Theta, Gamma, Delta],
        &[Theta, Gamma, Delta],
        &[Delta],
    ];
    let sets: &'static [&'static [Figure]] = if greeks { &GREEKS } else { &PRICES };
    let room = width.saturating_sub(STRIKE_WIDTH) / 2;
    let needed = |set: &[Figure]| set.iter().map(|figure| figure.width() + 1).sum::<u16>();
    sets.iter().find(|set| needed(set) <= room).or(sets.last()).copied().unwrap_or_default()
}

/// Draws the pane.
pub fn draw(pane: &ChainPane, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let at = look.at();
    let Some(wanted) = super::underlying(&at) else {
        return draw_empty(&["No options are listed on this.", "Type {command} chain aapl"], look, area, buf);
    };
    let Some(chain) = pane.chain(&at) else {
        let reason =
            pane.failed.as_ref().filter(|(symbol, _)| *symbol == wanted).map(|(_, text)| text.as_str());
        return draw_empty(&[reason.unwrap_or("Loading the chain")], look, area, buf);
    };
    let places = Places::new(area, &pane.builder);
    draw_expiries(pane, chain, look, places.expiries, buf);
    draw_facts(pane, chain, look, places.facts, buf);
    let figures = figures(pane.greeks, area.width);
    draw_header(figures, look, places.header, buf);
    let strikes = pane.strikes(chain);
    if strikes.is_empty() {
        let loading = chain.rows.iter().all(|row| Some(row.contract.expiry) != pane.expiry(chain));
        let text =
            if loading { "Loading the strikes" } else { "No strike passes the filter. {back} takes it off." };
        draw_empty(&[text], look, places.rows, buf);
    }
    let money = at_the_money(&strikes, chain.spot);
    for (line, i) in pane.list.visible(strikes.len(), places.rows.height).enumerate() {
        let place = Rect { y: places.rows.y + line as u16, height: 1, ..places.rows };
        draw_strike(
            pane,
            &strikes[i],
            (i == pane.list.index, money == Some(i)),
            figures,
            chain,
            look,
            place,
            buf,
        );
    }
    let more = strikes.len() - pane.list.visible(strikes.len(), places.rows.height).end;
    let below = places.rows.y + pane.list.visible(strikes.len(), places.rows.height).len() as u16;
    if more > 0 && below < places.rows.bottom() {
        let text = format!("{} {more} more", look.theme.glyphs.ellipsis);
        put(buf, area.x + 1, below, &text, look.theme.dim, area.width);
    }
    if places.legs.height == 0 && more == 0 {
        let shown = strikes.len() as u16 + 1;
        let height = places.rows.height.saturating_sub(shown);
        let free = Rect { y: places.rows.y + places.rows.height - height, height, ..places.rows };
        smile::draw(&strikes, chain, look, free, buf);
    }
    draw_legs(pane, chain, look, places, buf);
}

/// The strike nearest to the price, by its place.
pub fn at_the_money(strikes: &[Strike<'_>], spot: Option<Price>) -> Option<usize> {
    let spot = spot?.get();
    let nearest = strikes.iter().enumerate().min_by_key(|(_, strike)| (strike.price.get() - spot).abs());
    nearest.map(|(i, _)| i)
}

/// The expiries with the days left, the chosen one always in view.
fn draw_expiries(pane: &ChainPane, chain: &Chain, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let today = look.env.clock(look.snapshot).to_zoned_datetime(jiff::tz::get!("America/New_York")).date();
    let label = |day: &Date| {
        let left = today.until(*day).map_or(0, |span| span.get_days());
        format!(" {} {left}d ", day.strftime("%d %b"))
    };
    let labels: Vec<String> = chain.expiries.iter().map(label).collect();
    let chosen =
        pane.expiry(chain).and_then(|day| chain.expiries.iter().position(|e| *e == day)).unwrap_or(0);
    // From the first label that leaves the chosen one in view.
    let mut first = 0;
    let width = |from: usize| labels[from..=chosen].iter().map(|text| format::width(text)).sum::<u16>();
    while first < chosen && width(first) > area.width.saturating_sub(10) {
        first += 1;
    }
    let mut x = area.x;
    for (i, text) in labels.iter().enumerate().skip(first) {
        if x + format::width(text) > area.right() {
            return;
        }
        let theme = look.theme;
        let style = if i == chosen { theme.accent.patch(theme.selected) } else { theme.dim };
        x = put(buf, x, area.y, text, style, area.right() - x);
    }
}

/// The facts that fit, each whole.
fn draw_facts(pane: &ChainPane, chain: &Chain, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let mut x = area.x + 1;
    for fact in facts(pane, chain, look) {
        if x + format::width(&fact) > area.right() {
            return;
        }
        x = put(buf, x, area.y, &fact, look.theme.dim, area.right() - x) + 3;
    }
}

/// Columns of the two sides: left edge of the calls, right edge of the puts' first column.
fn sides(figures: &[Figure], area: Rect) -> (u16, u16) {
    let side: u16 = figures.iter().map(|figure| figure.width() + 1).sum();
    let left = area.x + (area.width.saturating_sub(2 * side + STRIKE_WIDTH)) / 2;
    (left, left + side + STRIKE_WIDTH)
}

fn draw_header(figures: &[Figure], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let (mut x, mut right) = sides(figures, area);
    for figure in figures {
        put_right(buf, x + figure.width(), area.y, figure.title(), look.theme.dim, figure.width());
        x += figure.width() + 1;
    }
    put(buf, x, area.y, "calls   puts", look.theme.dim, STRIKE_WIDTH);
    for figure in mirrored(figures) {
        right += 1;
        put_right(buf, right + figure.width(), area.y, figure.title(), look.theme.dim, figure.width());
        right += figure.width();
    }
}

/// The figures of the puts, from the strike outwards: bid before ask on both sides.
fn mirrored(figures: &[Figure]) -> impl Iterator<Item = Figure> {
    figures.iter().rev().map(|figure| match figure {
        Figure::Bid => Figure::Ask,
        Figure::Ask => Figure::Bid,
        other => *other,
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "a row of the chain is drawn from all of these, and in one place"
)]
fn draw_strike(
    pane: &ChainPane,
    strike: &Strike<'_>,
    (selected, at_money): (bool, bool),
    figures: &[Figure],
    chain: &Chain,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let (calls, puts) = sides(figures, area);
    let spot = chain.spot.unwrap_or_default();
    let stale = pane.stale(&look.at()).is_some();
    let style = |right: Right| {
        let inside = match right {
            Right::Call => strike.price < spot,
            Right::Put => strike.price > spot,
        };
        // In the money is bold, out of it plain; an old price is neither.
        match (stale, inside) {
            (true, _) => theme.dim,
            (false, true) => theme.strong,
            (false, false) => theme.text,
        }
    };
    if selected && look.focused {
        let (x, end) =
            if pane.right == Right::Call { (area.x, puts - STRIKE_WIDTH) } else { (puts, area.right()) };
        buf.set_style(Rect { x, width: end.saturating_sub(x), ..area }, theme.selected);
    }
    let mut x = calls;
    for figure in figures {
        let text = strike.call.map(|row| figure.text(row)).unwrap_or_default();
        put_right(buf, x + figure.width(), area.y, &text, style(Right::Call), figure.width());
        x += figure.width() + 1;
    }
    draw_middle(pane, strike, (selected, at_money), look, Rect { x, width: STRIKE_WIDTH, ..area }, buf);
    let mut x = puts;
    for figure in mirrored(figures) {
        let text = strike.put.map(|row| figure.text(row)).unwrap_or_default();
        x += 1;
        put_right(buf, x + figure.width(), area.y, &text, style(Right::Put), figure.width());
        x += figure.width();
    }
}

/// A strike as it stands in the chain.
pub fn strike_text(strike: Price) -> String {
    format::price(strike, strike.get().normalize().scale().max(1))
}

/// The strike, with the legs picked beside it, the cursor, and marks where it is at the money.
fn draw_middle(
    pane: &ChainPane,
    strike: &Strike<'_>,
    (selected, at_money): (bool, bool),
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let text = strike_text(strike.price);
    let text = if at_money { format!("{0}{text}{0}", theme.glyphs.skip) } else { text };
    let style = if at_money { theme.accent.patch(theme.strong) } else { theme.text };
    let start = area.x + area.width.saturating_sub(format::width(&text)) / 2;
    let end = put(buf, start, area.y, &text, style, area.width);
    if selected {
        let (x, mark) = match pane.right {
            Right::Call => (start.saturating_sub(1), theme.glyphs.price_mark),
            Right::Put => (end, theme.glyphs.cursor),
        };
        put(buf, x, area.y, mark, theme.accent, 1);
    }
    for leg in pane.builder.legs() {
        let here = |row: Option<&ChainRow>| row.is_some_and(|row| row.contract == leg.contract);
        let text = format::signed(leg.signed(), 0);
        let style = if leg.side.is_buy() { theme.up } else { theme.down }.patch(theme.strong);
        if here(strike.call) {
            put(buf, area.x, area.y, &text, style, 3);
        } else if here(strike.put) {
            put_right(buf, area.right(), area.y, &text, style, 3);
        }
    }
}

fn draw_legs(pane: &ChainPane, chain: &Chain, look: &Look<'_>, places: Places, buf: &mut Buffer) {
    let (theme, area) = (look.theme, places.legs);
    if area.height == 0 {
        return;
    }
    let rule = if theme.glyphs.ascii { "-" } else { "─" };
    put(buf, area.x, area.y, &rule.repeat(usize::from(area.width)), theme.border, area.width);
    let (across, room) = if places.dense { (2, area.width / 2) } else { (1, area.width) };
    for (i, leg) in pane.builder.legs().iter().enumerate() {
        let (x, y) = (area.x + 1 + room * (i % across) as u16, area.y + 1 + (i / across) as u16);
        let style = if leg.side.is_buy() { theme.up } else { theme.down };
        if y < area.bottom() {
            let text = format::fit(&leg_text(leg), room.saturating_sub(1), theme.glyphs.ellipsis);
            put(buf, x, y, &text, style, room);
        }
    }
    let below = pane.builder.legs().len().div_ceil(across) as u16;
    let mut lines: Vec<(String, Style)> = Vec::new();
    let legs_chain = pane.legs_chain(chain);
    let net = pane.builder.net(&legs_chain);
    let price = match net {
        None => "no price of a leg here".to_owned(),
        Some(net) if net.is_sign_negative() => format!("credit {}", format::grouped(-net, 2)),
        Some(net) => format!("debit {}", format::grouped(net, 2)),
    };
    lines.push((
        format!("{} {} at {price}   Enter review", pane.builder.quantity(), theme.glyphs.times),
        theme.strong,
    ));
    let multiplier = pane.builder.legs().first().map_or(Decimal::ONE_HUNDRED, |leg| {
        let instrument = leg.contract.clone().into_instrument();
        let spec = look.snapshot.specs.get(&instrument).cloned();
        spec.unwrap_or_else(|| InstrumentSpec::standard(instrument)).multiplier
    });
    let now = look.env.clock(look.snapshot);
    let legs = pane.builder.live_legs(&legs_chain, multiplier, now);
    let spot = chain.spot.and_then(|spot| spot.get().to_f64()).unwrap_or_default();
    match &legs {
        Some((legs, paid)) => {
            let one_expiry = pane.builder.has_one_expiry();
            let (most, zeros) = ends(legs, *paid, spot, one_expiry);
            let both = format!("max gain {}  max loss {}  even {}", most[0], most[1], zeros.join(" "));
            if places.dense && format::width(&both) + 1 < area.width {
                lines.push((both, theme.text));
            } else {
                lines.push((format!("max gain {}   max loss {}", most[0], most[1]), theme.text));
                lines.push((format!("even at {}", zeros.join("  ")), theme.text));
            }
            lines.push((at_the_spot(legs, *paid, spot), theme.text));
        }
        None => lines.push(("no payoff: a leg has no price or no volatility".to_owned(), theme.dim)),
    }
    let first = area.y + 1 + below;
    for ((text, style), y) in lines.iter().zip(first..area.bottom()) {
        let text = format::fit(text, area.width.saturating_sub(2), theme.glyphs.ellipsis);
        put(buf, area.x + 1, y, &text, *style, area.width);
    }
    if let Some((legs, paid)) = legs {
        draw_curve(&legs, paid, spot, look, places.curve, buf);
    }
}

/// A leg as the builder lists it.
fn leg_text(leg: &Picked) -> String {
    let word = if leg.side.is_buy() { "buy " } else { "sell" };
    format!("{word} {} {}", leg.ratio, leg.contract)
}

/// What the legs are worth with the underlying where it is: today, and when the first of them expires.
fn at_the_spot(legs: &[LiveLeg], paid: f64, spot: f64) -> String {
    let money = |value: f64| Decimal::from_f64(value).map_or_else(String::new, |v| format::signed(v, 2));
    let today = money(profit_before(legs, paid, spot, 0.0, USUAL_RATE));
    let end = money(profit_before(legs, paid, spot, first_expiry(legs), USUAL_RATE));
    format!("at the price now: today {today}   at expiry {end}")
}

/// Years until the first leg expires.
fn first_expiry(legs: &[LiveLeg]) -> f64 {
    legs.iter().map(|live| live.years).fold(f64::INFINITY, f64::min)
}

/// Greatest gain and loss, and the breakevens.
fn ends(legs: &[LiveLeg], paid: f64, spot: f64, one_expiry: bool) -> ([String; 2], Vec<String>) {
    let found = if one_expiry {
        let legs: Vec<PayoffLeg> = legs.iter().map(|live| live.leg).collect();
        payoff(&legs, paid)
    } else {
        payoff_at_first_expiry(legs, paid, spot, USUAL_RATE)
    };
    let money = |value: f64| Decimal::from_f64(value).map_or_else(String::new, |v| format::signed(v, 2));
    let profit = found.max_profit.map_or_else(|| "unlimited".to_owned(), money);
    let loss = found.max_loss.map_or_else(|| "unlimited".to_owned(), money);
    let zeros: Vec<String> = found
        .breakevens
        .iter()
        .filter_map(|zero| Some(format::grouped(Decimal::from_f64(*zero)?, 2)))
        .collect();
    ([profit, loss], if zeros.is_empty() { vec!["none".to_owned()] } else { zeros })
}

/// The gain at the first expiry and today over prices around the strikes, with a line at zero and a mark at the price now.
fn draw_curve(legs: &[LiveLeg], paid: f64, spot: f64, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 || area.width < 8 {
        return;
    }
    let around = legs.iter().map(|live| live.leg.strike).chain((spot > 0.0).then_some(spot));
    let (low, high) = around.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let (low, high) = (low * 0.94, high * 1.06);
    let steps = f64::from(area.width - 1);
    let at = |elapsed: f64| -> Vec<f64> {
        let price = |x: u16| low + (high - low) * f64::from(x) / steps;
        (0..area.width).map(|x| profit_before(legs, paid, price(x), elapsed, USUAL_RATE)).collect()
    };
    let (end, today) = (at(first_expiry(legs)), at(0.0));
    let most = end.iter().chain(&today).map(|value| value.abs()).fold(0.0, f64::max) * 1.05;
    if most <= 0.0 || high <= low {
        return;
    }
    let theme = look.theme;
    let middle = area.y + area.height / 2;
    for x in area.left()..area.right() {
        put(buf, x, middle, theme.glyphs.skip, theme.dim, 1);
    }
    let places = vec![Candle { open: 0.0, high: 0.0, low: 0.0, close: 0.0, volume: 0.0 }; end.len()];
    let overlays =
        [Overlay { values: end, style: theme.accent }, Overlay { values: today, style: theme.overlays[0] }];
    Candles { theme, candles: &places, step: 1, low: -most, high: most, overlays: &overlays, bodies: false }
        .render(area, buf);
    let share = (spot - low) / (high - low);
    if (0.0..=1.0).contains(&share) {
        put(
            buf,
            area.x + (share * steps).round() as u16,
            area.bottom() - 1,
            theme.glyphs.up,
            theme.strong,
            1,
        );
    }
}
