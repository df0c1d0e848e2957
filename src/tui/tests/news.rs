//! News on the screen: who is asked, what is shown, copied and left out.

use super::harness::Runner;
use super::scripted;
use crate::client::{Reply, Request, SessionError};
use crate::domain::news::News;
use crate::domain::text::Untrusted;
use crate::tui::Effect;

fn asked(runner: &Runner) -> Vec<Vec<String>> {
    let about = runner.asked.iter().filter_map(|request| match request {
        Request::News { about, .. } => Some(about.iter().map(ToString::to_string).collect()),
        _ => None,
    });
    about.collect()
}

fn copied(runner: &Runner) -> Vec<&str> {
    let texts = runner.effects.iter().filter_map(|effect| match effect {
        Effect::Copy(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn headlines_follow_the_symbol_in_view_and_open_with_their_address() {
    let mut runner = Runner::new((120, 40));
    assert!(asked(&runner).is_empty(), "nobody is asked while nobody looks");
    runner
        .keys("alt-n")
        .sees("─ News AAPL  alpaca")
        .sees("4m  Apple Opens a Second Chip Plant")
        .misses("Tesla Recalls");
    assert_eq!(asked(&runner), [["AAPL"]]);
    runner
        .keys("enter")
        .sees("The plant makes parts for the next phones.")
        .sees("benzinga.com/news/26/11/3/");
    runner.keys("y esc j y");
    let address = |id: u8| format!("https://www.benzinga.com/news/26/11/{id}/a-story-about-shares");
    assert_eq!(copied(&runner), [address(3), address(1)]);
    // What is held and watched, then everything, then the symbol again: each is asked for once.
    runner
        .keys("v")
        .sees("─ News held and watched")
        .sees("Tesla Recalls")
        .keys("v")
        .sees("─ News everything");
    let seen = asked(&runner);
    assert_eq!((seen.len(), seen[2].len()), (3, 0));
    assert!(seen[1].len() > 5 && seen[1].iter().all(|name| !name.contains(' ')), "no contract: {seen:?}");
    runner.keys("/").text("tesla").sees("Tesla Recalls").misses("Apple Opens").keys("enter c").sees("─ TSLA");
}

#[test]
fn headlines_are_asked_for_again_each_minute_and_the_cursor_stays_with_its_article() {
    let mut runner = Runner::new((120, 40));
    runner.keys("alt-n z j");
    let mut newer = scripted::news(&[]);
    newer.articles[0].id = "9".into();
    newer.articles[0].headline = Untrusted::new("Newest of all");
    newer.articles.extend(scripted::news(&[]).articles.into_iter().filter(|article| article.id != "2"));
    runner.answer = Box::new(move |request, snapshot| match request {
        Request::News { .. } => Ok(Reply::News(Box::new(newer.clone()))),
        request => scripted::answer(request, snapshot),
    });
    runner.wait(59_000).misses("Newest of all").wait(2_000).sees("Newest of all");
    assert_eq!(asked(&runner).len(), 2);
    runner.keys("enter").sees("Both trade in a narrow range.").keys("esc 1");
    runner.wait(180_000);
    assert_eq!(asked(&runner).len(), 2, "nobody is asked while nobody looks");
}

#[test]
fn without_a_broker_that_has_news_the_pane_says_who_has() {
    let mut runner = Runner::new((80, 24));
    let none = |unreached: Option<&str>| News {
        unreached: unreached.map(Into::into),
        offered_by: vec!["alpaca".into()],
        ..News::default()
    };
    let answer = |news: News| -> super::harness::Answer {
        Box::new(move |request, snapshot| match request {
            Request::News { .. } => Ok(Reply::News(Box::new(news.clone()))),
            request => scripted::answer(request, snapshot),
        })
    };
    runner.answer = answer(none(None));
    runner
        .keys("alt-n")
        .sees("No broker that is connected has news. Alpaca has.")
        .sees(": connect alpaca signs in there");
    runner.answer = answer(none(Some("alpaca")));
    runner.keys("r").sees("Alpaca has news, and is not reached now.").sees(": show connections");
    runner.answer = Box::new(|request, snapshot| match request {
        Request::News { .. } => Err(SessionError::Usage("alpaca: too many calls".into())),
        request => scripted::answer(request, snapshot),
    });
    runner.keys("r").sees("alpaca: too many calls.").sees("r asks again");
    // Headlines that are there stay, whatever becomes of the next question.
    runner.answer = Box::new(scripted::answer);
    runner.wait(11_000).sees("Apple Opens");
    runner.answer = Box::new(|_, _| Err(SessionError::Usage("gone".into())));
    runner.wait(61_000).sees("Apple Opens").misses("gone");
}

#[test]
fn a_line_shows_news_and_hostile_ones_are_only_text() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("news tsla").keys("enter").sees("─ News TSLA").sees("Tesla Recalls");
    runner.keys(":").text("show news").keys("enter").sees("─ News everything");
    let hostile = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2JBuy\u{202e}\u{9b}31m now";
    let mut news = scripted::news(&[]);
    let article = &mut news.articles[0];
    (article.headline, article.summary) = (Untrusted::new(hostile), Untrusted::new(hostile));
    (article.source, article.symbols) = (Untrusted::new(hostile), vec![Untrusted::new(hostile)]);
    article.url = Some(Untrusted::new(format!("https://a.example/{hostile}")));
    runner.answer = Box::new(move |request, snapshot| match request {
        Request::News { .. } => Ok(Reply::News(Box::new(news.clone()))),
        request => scripted::answer(request, snapshot),
    });
    runner.keys("r").sees("Buy now").keys("enter").sees("https://a.example/Buy now").keys("y esc e");
    assert_eq!(copied(&runner), ["https://a.example/Buy now"]);
    assert_eq!(super::safety::foreign_bytes(&runner.written), None);
}
