//! The HTTP side of an emulator: a router on loopback, what it was asked, and its faults.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::faults::{Fault, Faults};
use super::fuzz;
use super::line::Door;

/// Largest body of a request.
const BODY_MAX: usize = 1 << 20;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as it came, without `?`.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Recorded {
    /// The body as JSON; null when there is none.
    pub fn json(&self) -> serde_json::Value {
        if self.body.is_empty() {
            serde_json::Value::Null
        } else {
            serde_json::from_slice(&self.body).unwrap()
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
struct Watched {
    faults: Faults,
    requests: Arc<Mutex<Vec<Recorded>>>,
    /// Where exchanges that nothing was done to are written down.
    records: Option<Arc<Mutex<File>>>,
}

/// A file of its own for each emulator in the directory that `ARBION_RECORD` names: what `tests/oracle/openapi/check.py` reads.
#[allow(clippy::disallowed_methods, reason = "it is the oracle's, not the program's")]
fn records() -> Option<Arc<Mutex<File>>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let directory = std::env::var_os("ARBION_RECORD")?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}.jsonl", std::process::id());
    let file = File::create(std::path::Path::new(&directory).join(name)).unwrap();
    Some(Arc::new(Mutex::new(file)))
}

/// Writes an exchange down, where they are.
async fn record(watched: &Watched, asked: &Recorded, response: Response) -> Response {
    let Some(records) =
        watched.records.as_ref().filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS)
    else {
        return response;
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let read = |bytes: &Bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let row = serde_json::json!({
        "method": asked.method, "path": asked.path, "query": asked.query, "body": read(&asked.body),
        "status": parts.status.as_u16(), "answer": read(&body),
    });
    writeln!(records.lock().unwrap(), "{row}").unwrap();
    Response::from_parts(parts, Body::from(body))
}

/// A running emulator. It ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub faults: Faults,
    requests: Arc<Mutex<Vec<Recorded>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves a router on a port of 127.0.0.1; 0 for any.
    pub async fn start(router: Router, port: u16) -> Self {
        let watched = Watched { records: records(), ..Watched::default() };
        let router = router.layer(from_fn_with_state(watched.clone(), meddle));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Door::new(listener, watched.faults.lines.clone());
        let task = tokio::spawn(async move { axum::serve(door, router).await.unwrap() });
        Self { address, faults: watched.faults, requests: watched.requests, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `ws://127.0.0.1:PORT` and a path.
    pub fn stream_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// What was asked so far, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    /// What was asked since the last call.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Writes down what comes, lets go wrong what is to go wrong, and dates what is answered.
async fn meddle(State(watched): State<Watched>, request: Request, next: Next) -> Response {
    let faults = watched.faults.clone();
    let mut response = meddled(watched, request, next).await;
    if let Some(date) = faults.date() {
        response.headers_mut().entry("date").or_insert_with(|| date.parse().unwrap());
    }
    response
}

async fn meddled(watched: Watched, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    let recorded = Recorded {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    let fault = watched.faults.take(&recorded.method, &recorded.path);
    watched.requests.lock().unwrap().push(recorded.clone());
    let handled = || next.run(Request::from_parts(parts, Body::from(body)));
    match fault {
        None => {
            let response = handled().await;
            record(&watched, &recorded, response).await
        }
        Some(Fault::Delay(wait)) => {
            tokio::time::sleep(wait).await;
            handled().await
        }
        Some(Fault::Answer { status, headers, body }) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Some(Fault::AnswerAfter { status, body }) => {
            handled().await;
            let status = StatusCode::from_u16(status).unwrap();
            Response::builder().status(status).body(Body::from(body)).unwrap()
        }
        Some(Fault::Mangle(case)) => {
            let (parts, body) = handled().await.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let mangled = fuzz::mangle(&mut fuzz::Random::new(case), &body, &[]);
            let mut response = Response::from_parts(parts, Body::from(mangled));
            response.headers_mut().remove("content-length");
            response
        }
        Some(Fault::DropBefore) => hang_up(),
        Some(Fault::DropAfter) => {
            handled().await;
            hang_up()
        }
        Some(Fault::Truncate) => {
            let (parts, body) = handled().await.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            if body.is_empty() {
                // There is no half of nothing: the header is cut instead.
                return hang_up();
            }
            let half = body.slice(..body.len() / 2);
            let broken = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            let mut response = Response::from_parts(parts, Body::from_stream(broken));
            response.headers_mut().insert("content-length", body.len().into());
            response
        }
    }
}

/// Ends the task that serves the connection, and so the connection, without a word. Not a panic that anybody is told of.
fn hang_up() -> Response {
    std::panic::resume_unwind(Box::new("the emulator hangs up"))
}
