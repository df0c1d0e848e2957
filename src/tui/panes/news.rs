//! News: headlines on the instrument in view, on what is held and watched, or on everything, of the broker that has some.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use smol_str::SmolStr;

use super::sheet::cell;
use super::{ListFilter, Memory, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::{Reply, Request, SessionError};
use crate::domain::instrument::Instrument;
use crate::domain::news::{ARTICLES_MAX, Article, News};
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::{put, put_right};
use crate::tui::wish::{Purpose, Wish};

/// While it is in view, it is asked anew this often.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// The same while there is nothing to show.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Instruments of what is held and watched.
const OWN_MAX: usize = 50;
/// Columns of an age, of what an article is about, of who wrote it.
const AGE_WIDTH: u16 = 4;
const ABOUT_WIDTH: u16 = 14;
const SOURCE_WIDTH: u16 = 12;
/// From here on a row has who wrote it, and from here on what it is about.
const SOURCE_FROM: u16 = 60;
const ABOUT_FROM: u16 = 84;
/// Seconds for which a headline is new.
const NEW_FOR: i64 = 15 * 60;

/// What the headlines are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum About {
    /// The instrument in view.
    #[default]
    Symbol,
    /// What is held and watched.
    Own,
    /// Everything.
    All,
}

impl About {
    const fn next(self) -> Self {
        match self {
            Self::Symbol => Self::Own,
            Self::Own => Self::All,
            Self::All => Self::Symbol,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Own => "own",
            Self::All => "all",
        }
    }

    /// The instruments to ask for, empty for everything; none where there is nothing to ask about.
    fn instruments(self, at: &At<'_>) -> Option<Vec<Instrument>> {
        let mut own: Vec<Instrument> = match self {
            Self::Symbol => at.env.current.iter().cloned().collect(),
            Self::All => return Some(Vec::new()),
            Self::Own => {
                let held = at.snapshot.positions.iter().map(|position| &position.instrument);
                let watched = at.snapshot.watchlists.iter().flat_map(|list| &list.instruments);
                held.chain(watched).map(underlying).collect()
            }
        };
        let mut seen = std::collections::BTreeSet::new();
        own.retain(|instrument| seen.insert(instrument.clone()));
        own.truncate(OWN_MAX);
        (!own.is_empty()).then_some(own)
    }
}

/// What an instrument's news are about: of an option, the share behind it.
fn underlying(instrument: &Instrument) -> Instrument {
    match instrument {
        Instrument::Option(contract) => Instrument::Equity { symbol: contract.underlying.clone() },
        other => other.clone(),
    }
}

/// The news pane.
#[derive(Debug)]
pub struct NewsPane {
    about: About,
    /// What was asked for last, and when.
    asked: Option<(Vec<Instrument>, Duration)>,
    /// The number of that question: older answers are of something else.
    tag: u64,
    /// The answer to it, or why there is none.
    answer: Option<Result<News, String>>,
    list: ListState,
    /// The article under the cursor, once it was moved: it stays there when newer ones come.
    selected: Option<SmolStr>,
    filter: ListFilter,
}

impl Default for NewsPane {
    fn default() -> Self {
        Self {
            about: About::default(),
            asked: None,
            tag: 0,
            answer: None,
            list: ListState::full(),
            selected: None,
            filter: ListFilter::default(),
        }
    }
}

impl NewsPane {
    /// Shows the news on whatever is in view from now on.
    pub fn show_symbol(&mut self) {
        self.about = About::Symbol;
    }

    /// Shows all news.
    pub fn show_all(&mut self) {
        self.about = About::All;
    }

    fn articles(&self) -> &[Article] {
        match &self.answer {
            Some(Ok(news)) => &news.articles,
            _ => &[],
        }
    }

    /// The articles that pass the filter.
    fn rows(&self) -> Vec<&Article> {
        let passes = |article: &&Article| {
            self.filter.is_empty()
                || self.filter.passes(&format!(
                    "{} {} {}",
                    article.headline,
                    article.source,
                    symbols(article)
                ))
        };
        self.articles().iter().filter(passes).collect()
    }

    /// So long after the last question comes the next.
    fn pause(&self) -> Duration {
        match &self.answer {
            Some(Err(_)) => ASK_AGAIN,
            Some(Ok(news)) if news.unreached.is_some() => ASK_AGAIN,
            // One who never answers is not asked faster.
            _ => ASK_EVERY,
        }
    }

    fn select(&mut self) {
        let id = self.rows().get(self.list.index).map(|article| article.id.clone());
        self.selected = id.filter(|_| self.list.index > 0);
    }

    /// What stands there instead of headlines.
    fn empty(&self, look: &Look<'_>) -> [String; 2] {
        let other = "{group} looks at what you hold and watch, then at everything".to_owned();
        let news = match &self.answer {
            _ if self.about.instruments(&look.at()).is_none() => {
                return ["There is nothing in view that news could be about.".to_owned(), other];
            }
            None => return ["Asking for the news ...".to_owned(), String::new()],
            Some(Err(why)) => return [format!("{why}."), "{refresh} asks again".to_owned()],
            Some(Ok(news)) => news,
        };
        let first = |name: &SmolStr| {
            let name = clean(name);
            let mut letters = name.chars();
            letters.next().map(|c| c.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        };
        match (&news.source, &news.unreached, news.offered_by.first()) {
            (Some(_), ..) if !news.articles.is_empty() => {
                ["No headline matches.".to_owned(), "Esc takes the filter off".to_owned()]
            }
            (Some(source), ..) => {
                let about = match (self.about, &look.env.current) {
                    (About::Symbol, Some(current)) => format!(" on {}", underlying(current)),
                    _ => String::new(),
                };
                [format!("{} has no news{about}.", first(source)), other]
            }
            (None, Some(broker), _) => [
                format!("{} has news, and is not reached now.", first(broker)),
                "{command} show connections says why".to_owned(),
            ],
            (None, None, Some(broker)) => [
                format!("No broker that is connected has news. {} has.", first(broker)),
                format!("{{command}} connect {broker} signs in there and comes back"),
            ],
            (None, None, None) => ["No broker here has news.".to_owned(), String::new()],
        }
    }
}

/// What an article is about, as its service writes it.
fn symbols(article: &Article) -> String {
    let names: Vec<_> = article.symbols.iter().map(|symbol| symbol.clean()).collect();
    names.join(" ")
}

/// All of an article that is here.
fn whole(article: &Article, at: &At<'_>) -> Report {
    let near = |when| format::near(when, at.snapshot.now, &at.env.zone);
    let mut pairs = vec![
        ("headline".to_owned(), article.headline.to_string()),
        ("time".to_owned(), near(article.created_at)),
    ];
    if article.updated_at > article.created_at {
        pairs.push(("changed".to_owned(), near(article.updated_at)));
    }
    pairs.push(("source".to_owned(), article.source.to_string()));
    if !article.symbols.is_empty() {
        pairs.push(("about".to_owned(), symbols(article)));
    }
    let summary = article.summary.to_string();
    let summary = if summary.trim().is_empty() { "none".to_owned() } else { summary };
    pairs.push(("summary".to_owned(), summary));
    let url = article.url.as_ref().map(ToString::to_string);
    pairs.push(("address".to_owned(), url.clone().unwrap_or_else(|| "none".to_owned())));
    let report = Report::pairs("News", pairs);
    match url {
        Some(url) => report.copies(url),
        None => report,
    }
}

/// The instrument whose chart belongs to an article: the one in view where it is about that, else the first that is known here.
fn instrument_of(article: &Article, at: &At<'_>) -> Option<Instrument> {
    // A coin's pair is written without its dash.
    let quoted = |name: &str| {
        let called = |one: &&Instrument| one.to_string().replace('-', "") == name;
        at.snapshot.quotes.keys().find(called).cloned()
    };
    let listed = |name: &str| {
        let symbols = at.env.symbols.as_ref()?;
        let pair = name.strip_suffix("USD").map(|base| format!("{base}-USD"));
        symbols.listing(name).or_else(|| symbols.listing(&pair?)).map(|listing| listing.instrument)
    };
    let known = article.symbols.iter().filter_map(|name| {
        let name = name.clean();
        quoted(&name).or_else(|| listed(&name))
    });
    let known: Vec<Instrument> = known.collect();
    let current = at.env.current.as_ref().map(underlying);
    known.iter().find(|one| Some(*one) == current.as_ref()).or(known.first()).cloned()
}

impl Pane for NewsPane {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let about = match (self.about, &look.env.current) {
            (About::Symbol, Some(current)) => underlying(current).to_string(),
            (About::Symbol, None) => String::new(),
            (About::Own, _) => "held and watched".to_owned(),
            (About::All, _) => "everything".to_owned(),
        };
        let source = match &self.answer {
            Some(Ok(News { source: Some(source), .. })) => format!("  {}", clean(source)),
            _ => String::new(),
        };
        let filter = self.filter.label(look.theme.glyphs.caret);
        titled("News", &format!("{about}{source}{filter} "), look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows();
        if rows.is_empty() {
            let lines = self.empty(look);
            let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
            return draw_empty(&lines, look, area, buf);
        }
        let theme = look.theme;
        let source = if area.width >= SOURCE_FROM { SOURCE_WIDTH } else { 0 };
        let about = if area.width >= ABOUT_FROM { ABOUT_WIDTH } else { 0 };
        let x = area.x + AGE_WIDTH + 2;
        let room = area.width.saturating_sub(AGE_WIDTH + 2 + source + about);
        put_right(buf, area.x + AGE_WIDTH, area.y, "age", theme.dim, AGE_WIDTH);
        put(buf, x, area.y, "headline", theme.dim, room);
        put(buf, x + room, area.y, "about", theme.dim, about);
        put(buf, x + room + about, area.y, "source", theme.dim, source);
        let now = look.env.clock(look.snapshot);
        for (line, i) in self.list.visible(rows.len(), area.height.saturating_sub(1)).enumerate() {
            let (article, y) = (rows[i], area.y + 1 + line as u16);
            let age = now.duration_since(article.created_at).as_secs();
            let style = if age < NEW_FOR { theme.strong } else { theme.text };
            let cut =
                |text: &str, width: u16| format::fit(text, width.saturating_sub(1), theme.glyphs.ellipsis);
            put_right(buf, area.x + AGE_WIDTH, y, &format::age(age), theme.dim, AGE_WIDTH);
            put(buf, x, y, &cut(&article.headline.clean(), room), style, room);
            put(buf, x + room, y, &cut(&symbols(article), about), theme.dim, about);
            put(buf, x + room + about, y, &cut(&article.source.clean(), source), theme.dim, source);
            if look.focused && i == self.list.index {
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
            }
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        if self.list.act(action, self.rows().len()) {
            self.select();
            return true;
        }
        let current = self.rows().get(self.list.index).copied().cloned();
        match (action, current) {
            (Action::Group, _) => {
                self.about = self.about.next();
                (self.list, self.selected) = (ListState::full(), None);
            }
            (Action::Refresh, _) => self.asked = None,
            (Action::Filter, _) if !self.articles().is_empty() => self.filter.open(),
            (Action::Open, Some(article)) => {
                wishes.push(Wish::Open(Box::new(Dialog::Report(whole(&article, at)))));
            }
            (Action::Copy, Some(article)) => wishes.push(match article.url {
                Some(url) => Wish::Copy(url.to_string()),
                None => Wish::Say(Severity::Info, "It has no address of the web.".to_owned()),
            }),
            (Action::Chart, Some(article)) => match instrument_of(&article, at) {
                Some(instrument) => {
                    wishes.extend([Wish::Select(instrument), Wish::Focus(PaneKind::Chart)]);
                }
                None => wishes.push(Wish::Say(Severity::Info, "It is about no known symbol.".to_owned())),
            },
            _ => return false,
        }
        true
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows().len();
        if self.list.click(line, 1, count, area.height) {
            self.select();
        }
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::new();
        if self.about != About::default() {
            memory.insert("about".to_owned(), self.about.word().to_owned());
        }
        memory
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        let known = [About::Symbol, About::Own, About::All];
        let kept = memory.get("about").and_then(|word| known.into_iter().find(|about| about.word() == word));
        self.about = kept.unwrap_or_default();
    }

    fn sheet(&self, _at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["created_at", "headline", "summary", "source", "symbols", "url"]);
        for article in self.rows() {
            sheet.push(vec![
                article.created_at.to_string(),
                article.headline.to_string(),
                article.summary.to_string(),
                article.source.to_string(),
                symbols(article),
                cell(article.url.as_ref()),
            ]);
        }
        Some(sheet)
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        self.asked.as_ref().map(|(_, when)| *when + self.pause())
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let wanted = self.about.instruments(at);
        let same = self.asked.as_ref().is_some_and(|(about, _)| Some(about) == wanted.as_ref());
        if !same {
            self.answer = None;
        }
        let waits = same && self.asked.as_ref().is_some_and(|(_, when)| at.env.now < *when + self.pause());
        if let Some(about) = wanted.filter(|_| !waits) {
            self.tag += 1;
            self.asked = Some((about.clone(), at.env.now));
            let request = Request::News { about, limit: ARTICLES_MAX };
            wishes.push(Wish::Ask(request, Purpose::Pane(PaneKind::News, self.tag)));
        }
        let rows = self.rows();
        let count = rows.len();
        let found = self.selected.as_ref().and_then(|id| rows.iter().position(|article| article.id == *id));
        self.list.index = found.unwrap_or(if self.selected.is_some() { self.list.index } else { 0 });
        self.list.settle(count, area.height.saturating_sub(1));
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        if tag != self.tag {
            return;
        }
        self.answer = match reply {
            Ok(Reply::News(news)) => Some(Ok(*news)),
            Ok(_) => return,
            // Headlines that are there are worth more than a word on why none came just now.
            Err(_) if !self.articles().is_empty() => return,
            Err(error) => Some(Err(clean(&error.to_string()).into_owned())),
        };
    }
}
