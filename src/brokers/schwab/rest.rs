//! Calls: the bearer token, the headers, what an answer means.

use std::sync::Arc;

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

/// An answer that is not what the sheet says.
pub fn unreadable(call: &'static str, reason: impl Into<String>) -> BrokerError {
    BrokerError::Unreadable { broker: NAME.to_owned(), call, reason: reason.into() }
}
