//! News: articles as a news service lists them. Every text of them is from outside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::text::{Untrusted, clean};

/// Articles of one answer at most.
pub const ARTICLES_MAX: u32 = 50;
/// Characters of an address at most.
const ADDRESS_MAX: usize = 2_048;

/// An article as a list of headlines shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// What its service calls it.
    pub id: SmolStr,
    /// Its title.
    pub headline: Untrusted,
    /// What it says in short; often empty.
    pub summary: Untrusted,
    /// Who published it, such as `benzinga`.
    pub source: Untrusted,
    /// Where it can be read; absent where the service gives no address of the web.
    pub url: Option<Untrusted>,
    /// What it is about, as the service writes it, such as `AAPL` or `BTCUSD`.
    pub symbols: Vec<Untrusted>,
    /// When it came out.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What there is of news, and who has some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Whose articles they are; absent where no broker that is connected has any.
    pub source: Option<SmolStr>,
    /// A broker that has news and a login here, and is not reached at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached: Option<SmolStr>,
    /// Brokers that have news once they are connected.
    pub offered_by: Vec<SmolStr>,
    /// Newest first.
    #[serde(rename = "news")]
    pub articles: Vec<Article>,
}

impl News {
    /// Why there is no source, and what brings one; `None` where there is one.
    #[must_use]
    pub fn why_none(&self) -> Option<String> {
        if self.source.is_some() {
            return None;
        }
        Some(match (&self.unreached, self.offered_by.as_slice()) {
            (Some(broker), _) => format!("the news of {broker} are not reached now; see: arbion connections"),
            (None, []) => "no broker here has news".to_owned(),
            (None, brokers) => format!(
                "no broker that is connected has news; {} has: arbion connect {}",
                brokers.join(", "),
                brokers[0]
            ),
        })
    }
}

/// An address of the web as it came, where it is one: `http` or `https`, printable ASCII without spaces, so that what is copied or opened is what
/// is read.
#[must_use]
pub fn web_address(text: &str) -> Option<Untrusted> {
    let text = text.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = text.len() <= ADDRESS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !rest.is_empty()).then(|| Untrusted::new(text))
}

/// A text of an article as it may be kept: HTML's own writing of characters read, then cleaned, so that neither can hide in the other.
#[must_use]
pub fn article_text(text: &str) -> Untrusted {
    Untrusted::new(clean(&unescaped(text)).into_owned())
}

/// Longest name or number of a character between `&` and `;`.
const ENTITY_MAX: usize = 8;

/// A text with the characters that HTML writes as `&amp;` or `&#39;`. What is none of the usual ones stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let found = behind
            .bytes()
            .take(ENTITY_MAX + 1)
            .position(|byte| byte == b';')
            .and_then(|end| Some((character(&behind[..end])?, end)));
        match found {
            Some((c, end)) => {
                out.push(c);
                rest = &behind[end + 1..];
            }
            None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "hellip" => '…',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_html_are_read_and_hide_nothing() {
        for (text, shown) in [
            ("Apple&#39;s Q4 &amp; outlook", "Apple's Q4 & outlook"),
            ("&quot;Buy&quot; &lt;b&gt; AT&T; R&D & more &", "\"Buy\" <b> AT&T; R&D & more &"),
            ("&#27;[31mred&#x1b;]0;t&#7; end", "red end"),
            ("&amp;#27;[2J", "&#27;[2J"),
            ("a&#8238;b&#x200b;c&#xD800;", "abc&#xD800;"),
            ("&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};", "&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};"),
        ] {
            assert_eq!(article_text(text).clean(), shown, "{text}");
        }
    }

    #[test]
    fn an_address_is_one_of_the_web_and_nothing_else() {
        let read = |text: &str| web_address(text).map(|url| url.clean().into_owned());
        assert_eq!(read(" https://a.example/x?y=1#z ").as_deref(), Some("https://a.example/x?y=1#z"));
        for text in [
            "",
            "https://",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://a b",
            "https://\u{430}.example",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("https://{}", "a".repeat(ADDRESS_MAX))), None);
    }

    #[test]
    fn who_has_news_is_said() {
        let news = News { offered_by: vec!["alpaca".into()], ..News::default() };
        assert_eq!(
            news.why_none().unwrap(),
            "no broker that is connected has news; alpaca has: arbion connect alpaca"
        );
        let down = News { unreached: Some("alpaca".into()), ..news.clone() };
        assert_eq!(
            down.why_none().unwrap(),
            "the news of alpaca are not reached now; see: arbion connections"
        );
        assert_eq!(News { source: Some("alpaca".into()), ..news }.why_none(), None);
    }
}
