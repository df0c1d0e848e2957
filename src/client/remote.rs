//! The `Session` to an engine in another process: one task owns the socket, keeps the picture, and attaches again when the engine comes
//! back.
//!
//! A question that was on its way when the line broke is answered: with "unknown" where it may have sent an order, never with "failed".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::frames::{FrameError, Reader, Writer};
use super::wire::{
    ClientKind, FRAME_BYTES_MAX, Hello, PROTOCOL, PROTOCOL_MIN, SOCKET_PATH_BYTES_MAX, ToClient, ToEngine,
    UNKNOWN_QUESTION, Welcome,
};
use super::{Reply, Request, Session, SessionError};
use crate::domain::snapshot::{Connection, Snapshot};

/// Questions that may wait for the line.
const ASKED_MAX: usize = 64;
/// How long an engine may take to greet and to send its first picture.
const GREETING_MAX: Duration = Duration::from_secs(3);
/// How often an engine that is starting is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often one that has gone is.
const REATTACH_EVERY: Duration = Duration::from_millis(500);
/// Name under which the line itself stands among the connections while it is down.
pub const LINE: &str = "engine";

/// Why a front end could not attach.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Nobody listens: no engine runs.
    #[error("no engine runs for this profile")]
    NoEngine,
    /// The path does not fit into a socket's address.
    #[error(
        "the socket's path {path} has {length} bytes, allowed are {SOCKET_PATH_BYTES_MAX}; set ARBION_HOME to a shorter directory"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
    /// Somebody else listens there.
    #[error("{path} belongs to user {uid}, not to us; remove it if no engine runs")]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// Whose process it is.
        uid: u32,
    },
    /// The engine does not take us.
    #[error("the engine refuses this program: {0}")]
    Refused(String),
    /// It is about to be gone.
    #[error("the engine is ending: {0}")]
    Ending(String),
    /// It listens and does not greet.
    #[error("the engine does not answer within {} s; arbion engine status, or arbion engine restart", GREETING_MAX.as_secs())]
    Silent,
    /// The stream broke.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Checks that a socket's path can be one.
///
/// # Errors
/// When it is too long for the system.
pub fn check_path(path: &Path) -> Result<(), AttachError> {
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_BYTES_MAX {
        return Err(AttachError::PathTooLong { path: path.to_owned(), length });
    }
    Ok(())
}

/// How a line comes about.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The engine's socket.
    pub path: PathBuf,
    /// What we are.
    pub client: ClientKind,
    /// Our build.
    pub build: String,
    /// Our user: the engine's process must be of the same.
    pub uid: u32,
    /// The profile on whose behalf we ask; absent means the engine's own.
    pub actor: Option<String>,
    /// How long an engine that is being started is waited for; none where nobody starts one.
    pub patience: Option<Duration>,
}

/// A question with the way back.
type Asked = (Request, oneshot::Sender<Result<Reply, SessionError>>);

/// A front end's line to an engine in another process.
#[derive(Clone, Debug)]
pub struct RemoteSession {
    asked: mpsc::Sender<Asked>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

#[async_trait]
impl Session for RemoteSession {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.asked.send((request, reply)).await.map_err(|_| SessionError::Gone)?;
        answer.await.map_err(|_| SessionError::Gone)?
    }
}

/// Attaches to an engine that runs, and returns once its picture is there. The line of a command does not come back once it broke.
///
/// # Errors
/// When no engine runs, or it does not take us.
pub async fn attach(terms: Terms) -> Result<RemoteSession, AttachError> {
    let line = Line::open(&terms).await?;
    let (asked, inbox) = mpsc::channel(ASKED_MAX);
    let (pictures, snapshots) = watch::channel(Arc::clone(&line.picture));
    tokio::spawn(Keeper { terms, inbox, pictures, ahead: 0 }.keep(line));
    Ok(RemoteSession { asked, snapshots })
}

/// The same at once, on a picture that shows nothing yet: a screen paints before the engine is there. The receiver tells how it went.
#[must_use]
pub fn attach_later(
    terms: Terms,
    first: Snapshot,
) -> (RemoteSession, oneshot::Receiver<Result<(), AttachError>>) {
    let (asked, inbox) = mpsc::channel(ASKED_MAX);
    let (pictures, snapshots) = watch::channel(Arc::new(first));
    let (attached_in, attached) = oneshot::channel();
    tokio::spawn(async move {
        let line = Line::open(&terms).await;
        let (line, outcome) = match line {
            Ok(line) => (Some(line), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // A screen that was closed meanwhile no longer asks.
        if attached_in.send(outcome).is_err() {
            return;
        }
        if let Some(line) = line {
            pictures.send_replace(Arc::clone(&line.picture));
            Keeper { terms, inbox, pictures, ahead: 0 }.keep(line).await;
        }
    });
    (RemoteSession { asked, snapshots }, attached)
}

/// An open line with its first picture.
struct Line {
    /// What both speak.
    protocol: u32,
    reader: Reader<OwnedReadHalf>,
    writer: Writer<OwnedWriteHalf>,
    picture: Arc<Snapshot>,
}

impl Line {
    /// Connects, where need be as soon as an engine that is starting listens.
    async fn open(terms: &Terms) -> Result<Self, AttachError> {
        check_path(&terms.path)?;
        let until = Instant::now() + terms.patience.unwrap_or_default();
        let stream = loop {
            match UnixStream::connect(&terms.path).await {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < until => sleep(LOOK_EVERY).await,
                Err(error) if is_absent(&error) => return Err(AttachError::NoEngine),
                Err(error) => return Err(FrameError::Io(error).into()),
            }
        };
        timeout(GREETING_MAX, Self::greet(terms, stream)).await.map_err(|_| AttachError::Silent)?
    }

    async fn greet(terms: &Terms, stream: UnixStream) -> Result<Self, AttachError> {
        let uid = stream.peer_cred().map_err(FrameError::Io)?.uid();
        if uid != terms.uid {
            return Err(AttachError::Foreign { path: terms.path.clone(), uid });
        }
        let (from, to) = stream.into_split();
        let (mut reader, mut writer) = (Reader::new(from, FRAME_BYTES_MAX), Writer::new(to, FRAME_BYTES_MAX));
        let nonce = u64::from(std::process::id());
        let hello = Hello {
            protocol: (PROTOCOL_MIN, PROTOCOL),
            build: terms.build.clone(),
            nonce,
            client: terms.client,
            pid: std::process::id(),
            actor: terms.actor.clone(),
        };
        // An engine that lets nobody in has said so and gone before it hears this: what it said is read all the same.
        let sent = writer.send(&ToEngine::Hello(hello)).await;
        let greeting = match message(&mut reader).await {
            Ok(greeting) => greeting,
            Err(error) => return Err(sent.err().unwrap_or(error).into()),
        };
        let protocol = match greeting {
            ToClient::Welcome(Welcome { nonce: theirs, protocol, .. }) if theirs == nonce => protocol,
            ToClient::Refused { reason } => return Err(AttachError::Refused(reason)),
            ToClient::Bye { reason } => return Err(AttachError::Ending(reason)),
            _ => return Err(AttachError::Refused("its greeting is not ours".to_owned())),
        };
        let picture = match message(&mut reader).await? {
            ToClient::Update(update) => update.applied_to(None),
            ToClient::Bye { reason } => return Err(AttachError::Ending(reason)),
            _ => None,
        };
        let picture = picture.ok_or_else(|| AttachError::Refused("it sends no picture first".to_owned()))?;
        Ok(Self { protocol, reader, writer, picture: Arc::new(picture) })
    }
}

/// The next message. Nothing is lost when the future is dropped before it is there.
async fn message(reader: &mut Reader<OwnedReadHalf>) -> Result<ToClient, FrameError> {
    Ok(ToClient::read(&reader.next_bytes().await?)?)
}

/// Does the error say that nobody listens.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused)
}

/// The task that owns the line.
struct Keeper {
    terms: Terms,
    inbox: mpsc::Receiver<Asked>,
    pictures: watch::Sender<Arc<Snapshot>>,
    /// Added to the numbers of this line's pictures: an engine that was started again counts from one, and whoever looks would take its
    /// pictures for older ones.
    ahead: u64,
}

/// Questions on their way: whether each may have moved an order, and the way back.
type Open = BTreeMap<u64, (bool, oneshot::Sender<Result<Reply, SessionError>>)>;

impl Keeper {
    async fn keep(mut self, mut line: Line) {
        loop {
            let reason = self.follow(line).await;
            let Some(reason) = reason else { return };
            if self.terms.client == ClientKind::Command {
                return;
            }
            self.show_down(&reason);
            line = match self.reattach().await {
                Some(line) => line,
                None => return,
            };
            self.ahead = self.pictures.borrow().seq;
            self.show(&line.picture);
        }
    }

    /// Shows a picture of the line, numbered on from those before.
    fn show(&self, picture: &Arc<Snapshot>) {
        let shown = match self.ahead {
            0 => Arc::clone(picture),
            ahead => Arc::new(Snapshot { seq: picture.seq + ahead, ..Snapshot::clone(picture) }),
        };
        self.pictures.send_replace(shown);
    }

    /// Carries questions and pictures until the line breaks, and says why it did. `None` when nobody is left who asks.
    async fn follow(&mut self, mut line: Line) -> Option<String> {
        let mut open = Open::new();
        let mut next = 1_u64;
        let reason = loop {
            tokio::select! {
                biased;
                message = message(&mut line.reader) => match message {
                    Ok(ToClient::Update(update)) => match update.applied_to(Some(&line.picture)) {
                        Some(picture) => {
                            line.picture = Arc::new(picture);
                            self.show(&line.picture);
                        }
                        // A gap: only a new line brings a whole picture.
                        None => break "a picture was missed".to_owned(),
                    },
                    Ok(ToClient::Answer { id, answer }) => {
                        if let Some((_, reply)) = open.remove(&id) {
                            give(reply, *answer);
                        }
                    }
                    Ok(ToClient::Bye { reason } | ToClient::Refused { reason }) => break reason,
                    Ok(ToClient::Welcome(_)) => {}
                    Err(error) => break error.to_string(),
                },
                asked = self.inbox.recv() => {
                    let (ask, reply) = asked?;
                    if line.protocol < ask.since() {
                        give(reply, Err(SessionError::Usage(UNKNOWN_QUESTION.to_owned())));
                        continue;
                    }
                    let moves = moves_orders(&ask);
                    let id = next;
                    next += 1;
                    open.insert(id, (moves, reply));
                    if let Err(error) = line.writer.send(&ToEngine::Ask { id, ask }).await {
                        break error.to_string();
                    }
                }
            }
        };
        for (moves, reply) in open.into_values() {
            give(reply, Err(lost(moves)));
        }
        Some(reason)
    }

    /// The picture stays, with the line among the connections that are down.
    fn show_down(&self, reason: &str) {
        self.pictures.send_modify(|picture| {
            let mut shown = Snapshot::clone(picture);
            let text = format!("{reason}; attaching again");
            let mut connections = vec![Connection::new(LINE, false, &text)];
            connections.extend(shown.connections.iter().filter(|known| known.name != LINE).cloned());
            shown.connections = Arc::new(connections);
            *picture = Arc::new(shown);
        });
    }

    /// Looks for the engine until it is there, or nobody is left who asks. Questions meanwhile are told that it is gone.
    async fn reattach(&mut self) -> Option<Line> {
        let terms = Terms { patience: None, ..self.terms.clone() };
        loop {
            tokio::select! {
                biased;
                asked = self.inbox.recv() => match asked {
                    Some((_, reply)) => give(reply, Err(SessionError::Gone)),
                    None => return None,
                },
                () = sleep(REATTACH_EVERY) => match Line::open(&terms).await {
                    Ok(line) => return Some(line),
                    Err(AttachError::NoEngine) => {}
                    Err(error) => self.show_down(&error.to_string()),
                },
            }
        }
    }
}

/// May the request have moved an order by the time the line broke.
const fn moves_orders(request: &Request) -> bool {
    matches!(
        request,
        Request::Execute { .. }
            | Request::Cancel { .. }
            | Request::Replace { .. }
            | Request::Settle { .. }
            | Request::Halt { .. }
            | Request::Resume
            | Request::Flatten { .. }
    )
}

fn lost(moves: bool) -> SessionError {
    if moves {
        let text = "the line to the engine broke before it answered; see arbion order list --all";
        SessionError::OutcomeUnknown(text.to_owned())
    } else {
        SessionError::Gone
    }
}

/// Answers somebody who may have gone meanwhile: that is no error.
fn give(to: oneshot::Sender<Result<Reply, SessionError>>, answer: Result<Reply, SessionError>) {
    if to.send(answer).is_err() {
        tracing::trace!("nobody waits for this answer any more");
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Update;
    use super::*;
    use crate::domain::ids::AccountId;
    use crate::domain::quote::Feed;

    #[tokio::test]
    async fn what_a_full_engine_said_is_read_though_it_has_gone_before_our_hello() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let refused = ToClient::Refused { reason: "16 front ends are attached already".to_owned() };
        Writer::new(theirs, FRAME_BYTES_MAX).send(&refused).await.unwrap();
        let terms = Terms {
            path: PathBuf::new(),
            client: ClientKind::Command,
            build: String::new(),
            uid: rustix::process::getuid().as_raw(),
            actor: None,
            patience: None,
        };
        let error = Line::greet(&terms, ours).await.err().unwrap();
        assert!(error.to_string().contains("16 front ends"), "{error}");
    }

    /// An engine of these pictures, one after the other, that then goes.
    async fn engine(listener: &tokio::net::UnixListener, pictures: &[Snapshot]) {
        let (stream, _) = listener.accept().await.unwrap();
        let (from, to) = stream.into_split();
        let (mut reader, mut writer) = (Reader::new(from, FRAME_BYTES_MAX), Writer::new(to, FRAME_BYTES_MAX));
        let hello = reader.next_bytes().await.unwrap();
        let Ok(ToEngine::Hello(hello)) = serde_json::from_slice(&hello) else { panic!("{hello:?}") };
        let welcome = Welcome { protocol: PROTOCOL, build: String::new(), nonce: hello.nonce, pid: 1 };
        writer.send(&ToClient::Welcome(welcome)).await.unwrap();
        let mut before: Option<&Snapshot> = None;
        for picture in pictures {
            let update = match before {
                None => Update::whole(picture),
                Some(before) => Update::between(before, picture),
            };
            writer.send(&ToClient::Update(Box::new(update))).await.unwrap();
            before = Some(picture);
        }
        sleep(Duration::from_millis(100)).await;
    }

    #[tokio::test]
    async fn an_engine_of_the_protocol_before_is_asked_nothing_that_it_would_hang_up_at() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        // Answers what it is asked with the name of the question, until it is asked for news.
        let engine = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (from, to) = stream.into_split();
            let (mut reader, mut writer) =
                (Reader::new(from, FRAME_BYTES_MAX), Writer::new(to, FRAME_BYTES_MAX));
            let Ok(ToEngine::Hello(hello)) = reader.next::<ToEngine>().await else { panic!("no hello") };
            assert_eq!(hello.protocol, (2, 3));
            let welcome = Welcome { protocol: 2, build: String::new(), nonce: hello.nonce, pid: 1 };
            writer.send(&ToClient::Welcome(welcome)).await.unwrap();
            let blank =
                Snapshot::blank(jiff::Timestamp::UNIX_EPOCH, "old", AccountId::new("paper"), Feed::Simulated);
            writer.send(&ToClient::Update(Box::new(Update::whole(&blank)))).await.unwrap();
            let mut asked = Vec::new();
            while let Ok(ToEngine::Ask { id, ask }) = reader.next::<ToEngine>().await {
                asked.push(ask.name());
                let answer = Box::new(Ok(Reply::Done(ask.name().to_owned())));
                writer.send(&ToClient::Answer { id, answer }).await.unwrap();
            }
            asked
        });
        let terms = Terms {
            path,
            client: ClientKind::Command,
            build: String::new(),
            uid: rustix::process::getuid().as_raw(),
            actor: None,
            patience: None,
        };
        let session = attach(terms).await.unwrap();
        let news = session.request(Request::News { about: Vec::new(), limit: 1 }).await.unwrap_err();
        assert!(
            news.to_string().contains("of an older program") && news.to_string().contains("engine restart")
        );
        let resumed = session.request(Request::Resume).await.unwrap();
        assert_eq!(resumed, Reply::Done("resume".to_owned()), "the line is as good as it was");
        drop(session);
        assert_eq!(engine.await.unwrap(), ["resume"]);
    }

    #[tokio::test]
    async fn an_engine_that_was_started_again_is_seen_though_it_counts_from_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let blank = Snapshot::blank(now, "old", AccountId::new("paper"), Feed::Simulated);
        let picture = |profile: &str, seq| Snapshot { profile: profile.into(), seq, ..blank.clone() };
        let (old, new) = (picture("old", 5_000), [picture("new", 1), picture("newer", 2)]);
        let engines = tokio::spawn(async move {
            engine(&listener, &[old]).await;
            engine(&listener, &new).await;
        });
        let terms = Terms {
            path,
            client: ClientKind::Screen,
            build: String::new(),
            uid: rustix::process::getuid().as_raw(),
            actor: None,
            patience: None,
        };
        let session = attach(terms).await.unwrap();
        let mut pictures = session.snapshots();
        let mut seen: Vec<(String, u64, bool)> = Vec::new();
        while seen.last().is_none_or(|(profile, ..)| profile != "newer") {
            let picture = Arc::clone(&pictures.borrow_and_update());
            seen.push((picture.profile.to_string(), picture.seq, picture.connections.iter().any(|c| !c.up)));
            timeout(GREETING_MAX, pictures.changed()).await.unwrap().unwrap();
        }
        assert!(seen.iter().any(|(profile, _, down)| profile == "old" && *down), "{seen:?}");
        assert!(
            seen.windows(2).all(|two| two[0].1 <= two[1].1),
            "no picture is taken for an old one: {seen:?}"
        );
        assert_eq!(seen.last().unwrap().1, 5_002);
        engines.await.unwrap();
    }
}
