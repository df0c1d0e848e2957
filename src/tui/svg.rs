//! A frame as an SVG file: for the README and for showing a screen to somebody without a terminal. Text stays text.
//!
//! Every run of equal style is one `<text>` with its length pinned to its cells, so that columns stay columns in any monospace font.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Width of a cell in user units, tenths: 8.4 fits the fonts named below at 14 units.
const CELL_WIDTH_TENTHS: u32 = 84;
/// Height of a line in user units.
const LINE_HEIGHT: u32 = 18;
/// From the top of a line to its baseline.
const BASELINE: u32 = 14;
/// Around the screen.
const MARGIN: u32 = 12;
/// What a terminal's default colours are drawn as.
const FOREGROUND: Rgb = Rgb(213, 217, 224);
const BACKGROUND: Rgb = Rgb(22, 25, 32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgb(u8, u8, u8);

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// How a run of cells looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    foreground: Rgb,
    /// Absent where the screen's own background shows.
    background: Option<Rgb>,
    bold: bool,
    underlined: bool,
}

/// Cells of one line that look the same.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    column: u16,
    cells: u16,
    text: String,
    look: Look,
}

/// The buffer as an SVG document.
#[must_use]
pub(super) fn document(buffer: &Buffer) -> String {
    let area = buffer.area();
    let width = MARGIN * 2 + u32::from(area.width) * CELL_WIDTH_TENTHS / 10;
    let height = MARGIN * 2 + u32::from(area.height) * LINE_HEIGHT;
    let mut rects = String::new();
    let mut texts = String::new();
    for row in 0..area.height {
        for run in runs(buffer, row) {
            put(&mut rects, &mut texts, &run, row);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         {rects}<g font-family=\"'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n\
         {texts}</g>\n</svg>\n"
    )
}

/// Runs of a line, left to right. What nobody would see is left out.
fn runs(buffer: &Buffer, row: u16) -> Vec<Run> {
    let area = buffer.area();
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    while column < area.width {
        let cell = &buffer[(area.x + column, area.y + row)];
        let look = look(cell);
        // A wide character owns the cell behind it too.
        let cells = u16::try_from(cell.symbol().width()).unwrap_or(1).max(1);
        match runs.last_mut() {
            Some(run) if run.look == look => {
                run.text.push_str(cell.symbol());
                run.cells += cells;
            }
            _ => runs.push(Run { column, cells, text: cell.symbol().to_owned(), look }),
        }
        column += cells;
    }
    runs.retain(|run| run.look.background.is_some() || run.look.underlined || !run.text.trim().is_empty());
    runs
}

fn put(rects: &mut String, texts: &mut String, run: &Run, row: u16) {
    let x = tenths(MARGIN * 10 + u32::from(run.column) * CELL_WIDTH_TENTHS);
    let top = MARGIN + u32::from(row) * LINE_HEIGHT;
    let length = tenths(u32::from(run.cells) * CELL_WIDTH_TENTHS);
    if let Some(fill) = run.look.background {
        rects.push_str(&format!(
            "<rect x=\"{x}\" y=\"{top}\" width=\"{length}\" height=\"{LINE_HEIGHT}\" fill=\"{fill}\"/>\n"
        ));
    }
    if run.text.trim().is_empty() && !run.look.underlined {
        return;
    }
    let weight = if run.look.bold { " font-weight=\"bold\"" } else { "" };
    let line = if run.look.underlined { " text-decoration=\"underline\"" } else { "" };
    texts.push_str(&format!(
        "<text x=\"{x}\" y=\"{}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}{line}>{}</text>\n",
        top + BASELINE,
        run.look.foreground,
        escaped(&run.text),
    ));
}

/// A length in tenths of a user unit, as SVG writes it.
fn tenths(value: u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A plain space at the edge of a run could be folded away by a careless viewer; this one never is.
            ' ' => safe.push('\u{a0}'),
            other => safe.push(other),
        }
    }
    safe
}

fn look(cell: &Cell) -> Look {
    let mut foreground = rgb(cell.fg).unwrap_or(FOREGROUND);
    let mut background = rgb(cell.bg);
    if cell.modifier.contains(Modifier::REVERSED) {
        let behind = background.unwrap_or(BACKGROUND);
        background = Some(foreground);
        foreground = behind;
    }
    if cell.modifier.contains(Modifier::DIM) {
        foreground = halfway(foreground, background.unwrap_or(BACKGROUND));
    }
    Look {
        foreground,
        background,
        bold: cell.modifier.contains(Modifier::BOLD),
        underlined: cell.modifier.contains(Modifier::UNDERLINED),
    }
}

fn halfway(a: Rgb, b: Rgb) -> Rgb {
    let middle = |a: u8, b: u8| a.midpoint(b);
    Rgb(middle(a.0, b.0), middle(a.1, b.1), middle(a.2, b.2))
}

/// The colour's value; `None` for the terminal's default. The 16 named ones as xterm draws them.
fn rgb(color: Color) -> Option<Rgb> {
    let indexed = |index: u8| Some(table(index));
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some(Rgb(r, g, b)),
        Color::Indexed(index) => indexed(index),
        Color::Black => indexed(0),
        Color::Red => indexed(1),
        Color::Green => indexed(2),
        Color::Yellow => indexed(3),
        Color::Blue => indexed(4),
        Color::Magenta => indexed(5),
        Color::Cyan => indexed(6),
        Color::Gray => indexed(7),
        Color::DarkGray => indexed(8),
        Color::LightRed => indexed(9),
        Color::LightGreen => indexed(10),
        Color::LightYellow => indexed(11),
        Color::LightBlue => indexed(12),
        Color::LightMagenta => indexed(13),
        Color::LightCyan => indexed(14),
        Color::White => indexed(15),
    }
}

/// The red, green and blue of one of xterm's 256 colours.
#[must_use]
pub(super) fn xterm(index: u8) -> (u8, u8, u8) {
    let Rgb(r, g, b) = table(index);
    (r, g, b)
}

/// xterm's 256 colours: 16 named, a cube of six steps a side, 24 greys.
fn table(index: u8) -> Rgb {
    const NAMED: [Rgb; 16] = [
        Rgb(0, 0, 0),
        Rgb(205, 0, 0),
        Rgb(0, 205, 0),
        Rgb(205, 205, 0),
        Rgb(0, 0, 238),
        Rgb(205, 0, 205),
        Rgb(0, 205, 205),
        Rgb(229, 229, 229),
        Rgb(127, 127, 127),
        Rgb(255, 0, 0),
        Rgb(0, 255, 0),
        Rgb(255, 255, 0),
        Rgb(92, 92, 255),
        Rgb(255, 0, 255),
        Rgb(0, 255, 255),
        Rgb(255, 255, 255),
    ];
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..=15 => NAMED[usize::from(index)],
        16..=231 => {
            let at = usize::from(index - 16);
            Rgb(STEPS[at / 36], STEPS[at / 6 % 6], STEPS[at % 6])
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn picture() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "P&L", Style::new().fg(Color::Indexed(71)).add_modifier(Modifier::BOLD));
        buffer.set_string(4, 0, "<-5>", Style::new().fg(Color::Rgb(232, 88, 80)));
        buffer.set_string(0, 1, "日本", Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn runs_are_cells_that_look_alike() {
        let buffer = picture();
        let seen: Vec<(u16, u16, String)> =
            runs(&buffer, 0).into_iter().map(|run| (run.column, run.cells, run.text)).collect();
        assert_eq!(seen, [(0, 3, "P&L".to_owned()), (4, 4, "<-5>".to_owned())]);
        let wide = &runs(&buffer, 1)[0];
        assert_eq!((wide.cells, wide.text.as_str()), (4, "日本"));
        assert_eq!((wide.look.foreground, wide.look.background), (BACKGROUND, Some(FOREGROUND)));
    }

    #[test]
    fn the_document_escapes_what_it_shows_and_pins_its_columns() {
        let text = document(&picture());
        assert!(text.contains("fill=\"#5faf5f\" font-weight=\"bold\">P&amp;L</text>"), "{text}");
        assert!(text.contains("x=\"45.6\" y=\"26\" textLength=\"33.6\""), "{text}");
        assert!(text.contains("fill=\"#e85850\">&lt;-5&gt;</text>"), "{text}");
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn the_table_is_xterms() {
        assert_eq!(
            [table(16), table(231), table(232), table(255)].map(|c| c.to_string()),
            ["#000000", "#ffffff", "#080808", "#eeeeee"]
        );
        assert_eq!(table(71).to_string(), "#5faf5f");
    }
}
