//! The loopback listener that a browser's redirect ends on (reliability O4): this machine alone, one exact path and host, a header of at most
//! 8 KiB within five seconds, and one constant page with nothing of the request in it.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::callback::Callback;
use super::state::LIFE;
use super::{OauthError, RedirectUri};
use crate::brokers::clock::wall;

/// Longest header.
const HEADER_MAX: usize = 8 << 10;
/// For TLS and the header together.
const READ_MAX: Duration = Duration::from_secs(5);
/// Connections at a time; a further one waits.
const CONNECTIONS_MAX: usize = 16;
/// Answers that wait to be looked at.
const ANSWERS_MAX: usize = 8;
/// Days before and after today that the certificate is good for: clocks differ.
const CERTIFICATE_DAYS: i64 = 2;

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Arbion</title></head><body><p>Arbion has received \
the answer. Go back to your terminal; this page can be closed.</p></body></html>\n";
const ELSEWHERE: &str = "Nothing is here.\n";

/// A listener for one sign-in. Dropped, it is closed.
pub struct Listener {
    tcp: TcpListener,
    redirect: RedirectUri,
    tls: Option<TlsAcceptor>,
    until: Instant,
    read_max: Duration,
    room: Arc<Semaphore>,
    connections: JoinSet<()>,
    answers: (mpsc::Sender<Callback>, mpsc::Receiver<Callback>),
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("redirect", &self.redirect).finish_non_exhaustive()
    }
}

impl Listener {
    /// Listens for the answer of a sign-in, for five minutes.
    ///
    /// # Errors
    /// `Listen` when the port is not to be had, `Certificate` when TLS is wanted and none can be made.
    pub async fn bind(redirect: &RedirectUri) -> Result<Self, OauthError> {
        Self::bind_for(redirect, LIFE.unsigned_abs(), READ_MAX).await
    }

    pub(super) async fn bind_for(
        redirect: &RedirectUri,
        life: Duration,
        read_max: Duration,
    ) -> Result<Self, OauthError> {
        let failed = |error: std::io::Error| OauthError::Listen {
            address: redirect.address().to_string(),
            reason: error.to_string(),
        };
        let tls = if redirect.is_encrypted() { Some(acceptor(redirect)?) } else { None };
        let tcp = TcpListener::bind(redirect.address()).await.map_err(failed)?;
        let port = tcp.local_addr().map_err(failed)?.port();
        Ok(Self {
            tcp,
            redirect: redirect.on_port(port),
            tls,
            until: Instant::now() + life,
            read_max,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            connections: JoinSet::new(),
            answers: mpsc::channel(ANSWERS_MAX),
        })
    }

    /// The redirect URI, with its port where the system chose one.
    #[must_use]
    pub const fn redirect(&self) -> &RedirectUri {
        &self.redirect
    }

    /// The next answer. Whoever it does not belong to is told the same as everybody, and the caller asks again.
    ///
    /// # Errors
    /// `Late` when five minutes have passed.
    pub async fn next(&mut self) -> Result<Callback, OauthError> {
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.until) => {
                    return Err(OauthError::Late { minutes: LIFE.unsigned_abs().as_secs() / 60 });
                }
                Some(callback) = self.answers.1.recv() => return Ok(callback),
                Some(_) = self.connections.join_next(), if !self.connections.is_empty() => {}
                accepted = self.tcp.accept(), if self.room.available_permits() > 0 => {
                    let (Ok((socket, peer)), Ok(permit)) = (accepted, Arc::clone(&self.room).try_acquire_owned()) else {
                        continue;
                    };
                    // The address that is bound lets nobody else in; this costs nothing.
                    if !peer.ip().is_loopback() {
                        continue;
                    }
                    let (tls, redirect, answers) = (self.tls.clone(), self.redirect.clone(), self.answers.0.clone());
                    let read_max = self.read_max;
                    self.connections.spawn(async move {
                        let served = tokio::time::timeout(read_max, serve(socket, tls, &redirect)).await;
                        if let Ok(Some(callback)) = served {
                            answers.send(callback).await.ok();
                        }
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// TLS with a certificate of its own, made now, whose key is in memory alone.
fn acceptor(redirect: &RedirectUri) -> Result<TlsAcceptor, OauthError> {
    let wrong = |error: &dyn std::fmt::Display| OauthError::Certificate(error.to_string());
    let key = rcgen::KeyPair::generate().map_err(|error| wrong(&error))?;
    let names = vec![redirect.address().ip().to_string(), "localhost".to_owned()];
    let mut wanted = rcgen::CertificateParams::new(names).map_err(|error| wrong(&error))?;
    let day = |days: i64| {
        let date =
            jiff::tz::Offset::UTC.to_datetime(wall()).date().saturating_add(jiff::Span::new().days(days));
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    (wanted.not_before, wanted.not_after) = (day(-CERTIFICATE_DAYS), day(CERTIFICATE_DAYS));
    wanted.distinguished_name.push(rcgen::DnType::CommonName, "Arbion sign-in on this machine");
    let certificate = wanted.self_signed(&key).map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(|error| wrong(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// One connection: reads, answers, and returns what came if it is an answer of a sign-in.
async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, redirect: &RedirectUri) -> Option<Callback> {
    match tls {
        // Browsers look at the certificate and hang up before a person lets them go on.
        Some(tls) => exchange(tls.accept(socket).await.ok()?, redirect).await,
        None => exchange(socket, redirect).await,
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    redirect: &RedirectUri,
) -> Option<Callback> {
    let header = read_header(&mut stream).await?;
    let (status, page, callback) = match header
        .as_deref()
        .map_or(Err("431 Request Header Fields Too Large"), |header| judge(header, redirect))
    {
        Ok(callback) => ("200 OK", PAGE, Some(callback)),
        Err(status) => (status, ELSEWHERE, None),
    };
    let kind = if callback.is_some() { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok();
    callback
}

/// The header up to its empty line; `Some(None)` when it is too long, `None` when nothing whole comes.
async fn read_header<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Option<Vec<u8>>> {
    let mut header = Vec::new();
    let mut piece = [0_u8; 1_024];
    loop {
        if header.len() > HEADER_MAX {
            return Some(None);
        }
        if header.windows(4).any(|end| end == b"\r\n\r\n") {
            return Some(Some(header));
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => header.extend_from_slice(&piece[..read]),
        }
    }
}

/// What a request is, or the status of its refusal.
fn judge(header: &[u8], redirect: &RedirectUri) -> Result<Callback, &'static str> {
    const BAD: &str = "400 Bad Request";
    let text = std::str::from_utf8(header).map_err(|_| BAD)?;
    let mut lines = text.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (request.next(), request.next(), request.next());
    if request.next().is_some() || !matches!(version, Some("HTTP/1.1" | "HTTP/1.0")) {
        return Err(BAD);
    }
    let mut hosts = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim());
    // A page of somebody else whose name was pointed at this machine sends its own name (DNS rebinding).
    if hosts.next() != Some(redirect.host().as_str()) || hosts.next().is_some() {
        return Err("421 Misdirected Request");
    }
    let (path, query) =
        target.unwrap_or_default().split_once('?').unwrap_or((target.unwrap_or_default(), ""));
    if path != redirect.path() {
        return Err("404 Not Found");
    }
    if method != Some("GET") {
        return Err("405 Method Not Allowed");
    }
    Callback::from_query(query).ok_or(BAD)
}
