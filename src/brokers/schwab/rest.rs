//! Calls: the bearer token, the headers, what an answer means.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::{NAME, errors};
use crate::brokers::BrokerError;
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Answer, Call, Http};
use crate::brokers::oauth::keeper::Keeper;

/// Buckets of the limits.
pub const READS: &str = "reads";
/// Orders, replaces and cancels.
pub const ORDERS: &str = "orders";
/// What is asked to learn whether the login is good.
pub const NUMBERS_PATH: &str = "/accounts/accountNumbers";
const LOGIN: Call = Call::read("accountNumbers", READS);
/// How long prices are not asked for once the app turned out to lack them.
const WITHOUT_PRICES: Duration = Duration::from_secs(300);

/// The line of one login.
#[derive(Debug)]
pub struct Rest {
    /// The line.
    pub http: Arc<Http>,
    /// The login.
    pub keeper: Keeper,
    /// Accounts and orders.
    pub trader: Endpoint,
    /// Prices.
    pub data: Endpoint,
    /// Until when it is known that the app has no prices.
    pub no_prices: Mutex<Option<Instant>>,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Send<'a> {
    /// Nothing is: a read.
    Get,
    /// An order, or its preview.
    Post(&'a [u8]),
    /// An order in place of another.
    Put(&'a [u8]),
    /// A cancel.
    Delete,
}

impl Rest {
    /// Sends a call: the answer may be a refusal.
    ///
    /// # Errors
    /// As [`Keeper::send`]. A 401 was not processed (§4.2 of the sheet), so that it is sent once more with a fresh token.
    pub async fn send(&self, call: Call, url: &str, what: Send<'_>) -> Result<Answer, BrokerError> {
        self.keeper
            .send(&self.http, call, |client, token| {
                let request = match what {
                    Send::Get => client.get(url),
                    Send::Post(_) => client.post(url),
                    Send::Put(_) => client.put(url),
                    Send::Delete => client.delete(url),
                };
                let request = request.bearer_auth(token.expose_secret()).header("accept", "application/json");
                // A type without a body can be answered with 400.
                Ok(match what {
                    Send::Post(body) | Send::Put(body) => {
                        request.header("content-type", "application/json").body(body.to_vec())
                    }
                    Send::Get | Send::Delete => request,
                })
            })
            .await
    }

    /// Reads something.
    ///
    /// # Errors
    /// As [`Self::send`], and every refusal.
    pub async fn get(&self, call: Call, url: &str) -> Result<Answer, BrokerError> {
        let answer = self.send(call, url, Send::Get).await?;
        if answer.is_success() { Ok(answer) } else { Err(errors::of(&answer, call.name)) }
    }
}

impl Rest {
    /// Reads something of the market data, below its address. They are a product of their own, and an app without it is answered as a login that
    /// has ended is: what trades tells the two apart, so that no sound login is given up, nor refreshed over and over.
    ///
    /// # Errors
    /// As [`Self::get`]; `Refused` where the app lacks them.
    pub async fn prices(&self, call: Call, path: &str) -> Result<Answer, BrokerError> {
        let until = *self.no_prices.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return Err(errors::no_prices());
        }
        match self.get(call, &self.data.at(path)).await {
            Err(BrokerError::Unauthorized { .. }) => {
                self.get(LOGIN, &self.trader.at(NUMBERS_PATH)).await?;
                let until = Instant::now() + WITHOUT_PRICES;
                *self.no_prices.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                Err(errors::no_prices())
            }
            read => read,
        }
    }
}

/// An answer that is not what the sheet says.
pub fn unreadable(call: &'static str, reason: impl Into<String>) -> BrokerError {
    BrokerError::Unreadable { broker: NAME.to_owned(), call, reason: reason.into() }
}
