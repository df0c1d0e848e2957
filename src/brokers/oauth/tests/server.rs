//! An authorization server whose answers a test lays out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

/// What was asked: the form, and the `Authorization` header.
pub type Asked = (BTreeMap<String, String>, String);

#[derive(Clone, Default)]
pub struct Server {
    /// Laid out answers; without one, a token is given.
    pub answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// How long each answer takes.
    pub delay: Arc<Mutex<Duration>>,
    /// The refresh token that is good now; a used one is refused.
    pub good: Arc<Mutex<String>>,
    /// Does each refresh give another one.
    pub rotates: bool,
}

async fn token(
    State(server): State<Server>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> (StatusCode, String) {
    let who =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let number = {
        let mut asked = server.asked.lock().unwrap();
        asked.push((form.clone(), who));
        asked.len()
    };
    let delay = *server.delay.lock().unwrap();
    let laid_out = server.answers.lock().unwrap().pop_front();
    let answer = laid_out.map_or_else(
        || {
            let mut good = server.good.lock().unwrap();
            if form["grant_type"] == "refresh_token" && form["refresh_token"] != *good {
                return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#.to_owned());
            }
            if server.rotates {
                *good = format!("R{number}");
            }
            let body = format!(
                r#"{{"expires_in":1800,"token_type":"Bearer","scope":"api","refresh_token":"{good}","access_token":"A{number}","id_token":"x"}}"#
            );
            (StatusCode::OK, body)
        },
        |(status, body)| (StatusCode::from_u16(status).unwrap(), body),
    );
    tokio::time::sleep(delay).await;
    answer
}

impl Server {
    /// Starts it; the address is returned.
    pub async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/token", post(token))
            .route("/revoke", post(async || StatusCode::OK))
            .with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    pub fn answer(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push_back((status, body.to_owned()));
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}
