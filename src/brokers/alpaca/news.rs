//! News: `/v1beta1/news`, for shares, funds and coins.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;

use super::feed::AlpacaFeed;
use super::rest::DATA;
use crate::brokers::http::Call;
use crate::brokers::{BrokerError, NewsSource};
use crate::domain::instrument::Instrument;
use crate::domain::news::{ARTICLES_MAX, Article, article_text, web_address};

const NEWS: Call = Call::history("news", DATA);
/// Symbols of one call.
const SYMBOLS_MAX: usize = 100;

/// A page of the service's answer.
#[derive(Deserialize)]
pub(super) struct Page {
    /// Null where there is nothing.
    #[serde(default)]
    news: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    headline: Option<String>,
    summary: Option<String>,
    source: Option<String>,
    url: Option<String>,
    symbols: Option<Vec<String>>,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
}

/// What the service calls an instrument: coins without their slash, options by what they are on. None where it has nothing on such a thing.
fn name(instrument: &Instrument) -> Option<String> {
    match instrument {
        Instrument::Equity { symbol } => Some(symbol.to_string()),
        Instrument::Option(contract) => Some(contract.underlying.to_string()),
        Instrument::Crypto { base, quote } => Some(format!("{base}{quote}")),
        _ => None,
    }
}

fn article(row: Row) -> Article {
    let text = |text: &Option<String>| article_text(text.as_deref().unwrap_or_default());
    Article {
        id: row.id.to_string().into(),
        headline: text(&row.headline),
        summary: text(&row.summary),
        source: text(&row.source),
        url: row.url.as_deref().and_then(web_address),
        symbols: row.symbols.iter().flatten().map(|symbol| article_text(symbol)).collect(),
        created_at: row.created_at,
        updated_at: row.updated_at.unwrap_or(row.created_at),
    }
}

impl Page {
    /// What of it can be shown, newest first, at most `limit`.
    pub(super) fn articles(self, limit: usize) -> Vec<Article> {
        let mut articles: Vec<Article> = self.news.into_iter().flatten().map(article).collect();
        articles.retain(|article| !article.headline.clean().trim().is_empty());
        articles.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)));
        articles.dedup_by(|a, b| a.id == b.id);
        articles.truncate(limit);
        articles
    }
}

#[async_trait]
impl NewsSource for AlpacaFeed {
    async fn articles(&self, about: &[Instrument], limit: usize) -> Result<Vec<Article>, BrokerError> {
        let mut names: Vec<String> = about.iter().filter_map(name).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(SYMBOLS_MAX);
        if names.is_empty() && !about.is_empty() {
            return Ok(Vec::new());
        }
        let limit = limit.clamp(1, ARTICLES_MAX as usize);
        let mut query = vec![
            ("limit", limit.to_string()),
            ("sort", "desc".to_owned()),
            ("include_content", "false".to_owned()),
        ];
        if !names.is_empty() {
            query.push(("symbols", names.join(",")));
        }
        let page: Page = self.rest.data(NEWS, "/v1beta1/news", &query).await?;
        Ok(page.articles(limit))
    }
}
