//! The top line: paper or live, whose account, its figures, the connections, the market's clock. Red all over when live.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::action::Action;
use super::super::env::Look;
use super::super::flash::Figure;
use super::super::format;
use super::super::sources::{Flow, beside, sources, stale, word};
use super::super::widgets::put;
use crate::domain::account::AccountMode;
use crate::domain::calendar::MarketPhase;
use crate::domain::instrument::AssetClass;
use crate::domain::limits::TradingState;
use crate::domain::quote::Feed;
use crate::domain::text::clean;

/// The top line's quotes leave before the account's figures do.
const TOP_LINE_RANK: u8 = 10;
/// What connections say of themselves leaves before anything else, then their names: their marks stay.
const CONNECTION_RANK: u8 = 40;
const CONNECTION_NAME_RANK: u8 = 30;
/// Columns of a connection's name, and of what it says of itself.
const CONNECTION_NAME_WIDTH: u16 = 16;
const CONNECTION_WIDTH: u16 = 18;

/// A piece of the line: text, style, and how early it leaves when there is no room (0 never).
struct Piece {
    text: String,
    style: Style,
    drop: u8,
    /// Columns before it.
    gap: u16,
}

/// Draws the line; `unseen` is of how many warnings and errors nobody has taken notice.
pub fn draw(look: &Look<'_>, unseen: usize, area: Rect, buf: &mut Buffer) {
    let live = look.snapshot.mode == AccountMode::Live;
    if live {
        buf.set_style(area, look.theme.live);
    }
    let mut left = badges(look);
    if unseen > 0 {
        let text = format!("{unseen} to read: {}", look.env.keymap.label(Action::Notices));
        left.push(Piece { text, style: look.theme.warning, drop: 3, gap: 1 });
    }
    left.extend(figures(look));
    left.extend(top_line(look));
    let mut right = connections(look);
    right.extend(clocks(look));
    fit(&mut left, &mut right, area.width);
    // On the red line only the line's own style is readable.
    let style = |piece: &Piece| if live && !is_badge(piece) { look.theme.live } else { piece.style };
    let mut x = area.x;
    for piece in &left {
        x = put(
            buf,
            x + piece.gap,
            area.y,
            &piece.text,
            style(piece),
            area.right().saturating_sub(x + piece.gap),
        );
    }
    let width: u16 = total(&right);
    let mut x = area.right().saturating_sub(width + 1).max(x);
    for piece in &right {
        x = put(
            buf,
            x + piece.gap,
            area.y,
            &piece.text,
            style(piece),
            area.right().saturating_sub(x + piece.gap),
        );
    }
}

const fn is_badge(piece: &Piece) -> bool {
    piece.drop == 0 || piece.drop == 1
}

fn total(pieces: &[Piece]) -> u16 {
    pieces.iter().map(|piece| piece.gap + format::width(&piece.text)).sum()
}

/// Drops pieces until the line fits, those of one rank and side together: a word never stays without its number.
fn fit(left: &mut Vec<Piece>, right: &mut Vec<Piece>, width: u16) {
    while total(left) + total(right) + 2 > width {
        let worst = left.iter().chain(right.iter()).map(|piece| piece.drop).max().unwrap_or(0);
        if worst == 0 {
            return;
        }
        let side = if right.iter().any(|piece| piece.drop == worst) { &mut *right } else { &mut *left };
        side.retain(|piece| piece.drop != worst);
    }
}

fn badges(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let badge = |text: &str, style, drop| Piece { text: format!(" {text} "), style, drop, gap: 0 };
    let mut pieces = vec![match look.snapshot.mode {
        AccountMode::Paper => badge("PAPER", theme.paper, 0),
        AccountMode::Live => badge("LIVE", theme.live, 0),
    }];
    let sources = sources(&look.at());
    let several = sources.len() > 1;
    for source in sources {
        let real = matches!(source.feed, Feed::RealTime | Feed::Frozen);
        // Prices of a market need no word, unless others stand beside them or they do not come.
        if real && !several && source.flow == Flow::Comes {
            continue;
        }
        let style = match source.flow {
            Flow::Comes if real => theme.paper,
            Flow::Comes | Flow::Stale(_) => theme.simulated,
            Flow::Down(_) => theme.halted,
        };
        pieces.push(badge(&format!("{}{}", word(source.feed), source.flow.words()), style, 1));
        if !source.kinds.is_empty() {
            // Which badge the words belong to must be seen without its colour.
            let text = format!("{} ", source.kinds.join(" "));
            pieces.push(Piece { text, style: theme.dim, drop: 4, gap: 0 });
        }
    }
    match look.snapshot.trading_state {
        TradingState::Active => {}
        TradingState::ReducingOnly => pieces.push(badge("REDUCING ONLY", theme.halted, 1)),
        TradingState::Halted => pieces.push(badge("HALTED", theme.halted, 1)),
    }
    if look.env.has_no_engine(look.snapshot) {
        pieces.push(badge("NO ENGINE", theme.halted, 1));
    }
    pieces
}

fn figures(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let piece = |text: String, style, drop, gap| Piece { text, style, drop, gap };
    let mut pieces = vec![piece(clean(&look.snapshot.profile).into_owned(), theme.text, 6, 1)];
    let Some(view) = look.snapshot.default_account() else { return pieces };
    let account = &view.account;
    let flashed = |figure, style: Style| match look.env.flashes.figure(figure, look.env.now) {
        Some(true) => style.patch(theme.flash_up),
        Some(false) => style.patch(theme.flash_down),
        None => style,
    };
    pieces.push(piece("equity".into(), theme.dim, 8, 3));
    pieces.push(piece(
        format::grouped(account.net_liquidation, 2),
        flashed(Figure::Equity, theme.strong),
        2,
        1,
    ));
    pieces.push(piece("day".into(), theme.dim, 8, 2));
    let day = theme.money(account.day_pnl.round_dp(2));
    pieces.push(piece(format::signed(account.day_pnl, 2), flashed(Figure::Day, day), 3, 1));
    if !account.day_start_equity.is_zero() {
        let percent = account.day_pnl / account.day_start_equity * rust_decimal::Decimal::ONE_HUNDRED;
        pieces.push(piece(format::percent(percent), day, 5, 1));
    }
    pieces.push(piece("bp".into(), theme.dim, 7, 3));
    let power = format::grouped(account.buying_power, 2);
    pieces.push(piece(power, flashed(Figure::BuyingPower, theme.text), 7, 1));
    pieces
}

/// What tells of the market as a whole: the first to leave where there is no room, from its end.
fn top_line(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let piece = |text: String, style, drop, gap| Piece { text, style, drop, gap };
    let mut pieces = Vec::new();
    for (instrument, drop) in look.env.top_line.iter().zip(TOP_LINE_RANK..) {
        let Some(quote) = look.snapshot.quotes.get(instrument) else { continue };
        let Some(last) = quote.last.or_else(|| quote.mid()) else { continue };
        let old = stale(quote, &look.at()).is_some();
        let last = format::price(last, format::decimals_of(look.snapshot, instrument));
        pieces.push(piece(instrument.to_string(), theme.dim, drop, 3));
        pieces.push(piece(last, if old { theme.dim } else { theme.text }, drop, 1));
        if let Some(change) = quote.change_percent() {
            let style = if old { theme.dim } else { theme.money(change.round_dp(2)) };
            pieces.push(piece(format::percent(change), style, drop, 1));
        }
        let source = beside(quote.feed, look.snapshot);
        pieces.extend(source.map(|word| piece(word.to_owned(), theme.dim, drop, 1)));
    }
    pieces
}

fn connections(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let mut pieces = Vec::new();
    for connection in look.snapshot.connections.iter() {
        let (dot, style) = if connection.up {
            (theme.glyphs.connected, theme.ok)
        } else {
            (theme.glyphs.disconnected, theme.error)
        };
        pieces.push(Piece { text: dot.to_owned(), style, drop: 5, gap: 1 });
        let (name, text) = (clean(&connection.name), clean(&connection.text));
        let said = [
            (name.as_ref(), CONNECTION_NAME_WIDTH, CONNECTION_NAME_RANK),
            (connection_words(&name, &text), CONNECTION_WIDTH, CONNECTION_RANK),
        ];
        for (words, width, drop) in said.into_iter().filter(|(words, ..)| !words.is_empty()) {
            let text = format::fit(words, width, theme.glyphs.ellipsis).to_string();
            pieces.push(Piece { text, style: theme.dim, drop, gap: 1 });
        }
    }
    pieces
}

/// What it says of itself beside its name: its first words where it says more, and the name not again. The whole of it is on the connections pane.
fn connection_words<'a>(name: &str, text: &'a str) -> &'a str {
    let first = text.split(", ").next().unwrap_or_default();
    first.strip_prefix(name).unwrap_or(first).trim()
}

/// The market's name, state and time to the next bell; nothing before the engine's first word, when it is not known.
fn market(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let market = &look.snapshot.market;
    if look.snapshot.seq == 0 {
        return Vec::new();
    }
    let piece = |text: String, style, drop, gap| Piece { text, style, drop, gap };
    // Open goes without saying where room is short; closed does not.
    let (word, drop) = match market.open {
        true => ("open", 7),
        false => (around(look), 4),
    };
    let mut pieces = vec![
        piece(clean(&market.name).into_owned(), theme.dim, 4, 3),
        piece(word.into(), theme.dim, drop, 1),
    ];
    if let Some(changes) = market.changes_at {
        let left = changes.duration_since(look.env.clock(look.snapshot)).as_secs();
        pieces.push(piece(format::countdown(left), theme.text, 4, 1));
    }
    pieces
}

/// The word for hours that are no regular session: shares may trade in them all the same.
fn around(look: &Look<'_>) -> &'static str {
    match look.snapshot.market.calendar.phase(AssetClass::Equity, look.env.clock(look.snapshot)) {
        MarketPhase::PreMarket => "pre-market",
        MarketPhase::PostMarket => "after-hours",
        MarketPhase::Closed | MarketPhase::Regular => "closed",
    }
}

fn clocks(look: &Look<'_>) -> Vec<Piece> {
    let theme = look.theme;
    let clock = look.env.clock(look.snapshot);
    let piece = |text: String, style, drop, gap| Piece { text, style, drop, gap };
    let mut pieces = market(look);
    if let Some(replay) = &look.snapshot.replay {
        let state = if replay.paused {
            "paused".to_owned()
        } else {
            format!("{}{}", theme.glyphs.times, replay.speed)
        };
        let day = clock.to_zoned_datetime(look.env.zone.clone()).strftime("%d %b %Y").to_string();
        pieces.push(piece(format!("{day} {state}"), theme.warning, 3, 3));
        if let Some(text) = format::progress(replay.from, replay.at, replay.until, replay.speed) {
            pieces.push(piece(text, theme.dim, 6, 1));
        }
    }
    pieces.push(piece(format::clock(clock, &look.env.zone), theme.text, 2, 3));
    // A time without its zone may be read wrongly: it goes before the time itself, and after nearly all else.
    pieces.push(piece(format::zone_name(clock, &look.env.zone), theme.dim, 3, 1));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_says_its_name_once_and_its_first_words() {
        for (name, text, expected) in [
            ("paper", "paper venue, reconciled", "venue"),
            ("alpaca", "38ms", "38ms"),
            ("schwab", "", ""),
            ("sim", "market data", "market data"),
        ] {
            assert_eq!(connection_words(name, text), expected);
        }
    }

    #[test]
    fn a_word_never_stays_without_its_number() {
        let piece = |text: &str, drop| Piece { text: text.into(), style: Style::new(), drop, gap: 1 };
        for (width, expected) in
            [(40, "PAPER bp 200,000.00 open 2:25"), (29, "PAPER bp 200,000.00 2:25"), (22, "PAPER 2:25")]
        {
            let mut left = vec![piece("PAPER", 0), piece("bp", 7), piece("200,000.00", 7)];
            let mut right = vec![piece("open", 7), piece("2:25", 4)];
            fit(&mut left, &mut right, width);
            let words: Vec<&str> = left.iter().chain(&right).map(|piece| piece.text.as_str()).collect();
            assert_eq!(words.join(" "), expected, "{width}");
        }
    }
}
