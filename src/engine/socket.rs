//! The door of an engine that runs in a process of its own: a Unix socket for front ends of the same user.
//!
//! Every front end has a task here and a line into the engine; none of them can slow it. A front end that reads slowly gets fewer pictures,
//! one that stops reading holds nothing but its own task.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::clock::{monotonic, system_now};
use super::rights::{Asker, Gate};
use super::session::{LocalSession, give};
use crate::client::frames::{FrameError, Reader, Writer};
use crate::client::remote::{AttachError, check_path};
use crate::client::status::ClientStatus;
use crate::client::wire::{
    ClientKind, FRAME_BYTES_MAX, HELLO_BYTES_MAX, Hello, PROTOCOL, PROTOCOL_MIN, ToClient, ToEngine,
    UNKNOWN_QUESTION, Update, Welcome, common_protocol,
};
use crate::client::{Reply, Request, Session, SessionError};
use crate::domain::role::Whose;
use crate::domain::snapshot::Snapshot;

/// Front ends at one time.
pub const CLIENTS_MAX: usize = 16;
/// How long one may take to say hello.
const HELLO_MAX: Duration = Duration::from_secs(30);
/// How long one that is refused may take to read why.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// How long answers that are on their way are waited for when the engine ends (reliability L5).
const IN_FLIGHT_MAX: Duration = Duration::from_secs(5);
/// Questions of one front end that may be open at a time.
const OPEN_MAX: usize = 64;
/// Messages from the front ends' tasks that may wait.
const NEWS_MAX: usize = 256;

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path cannot be a socket's.
    #[error(transparent)]
    Path(#[from] AttachError),
    /// The system's words.
    #[error("the socket {path} cannot be opened: {reason}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

/// The open door. The file goes when it is dropped.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    uid: u32,
}

impl Door {
    /// Opens the door at `path`, for this user alone. Only the holder of the profile's lock may call it: what lies there is of an engine that
    /// has gone, and is removed.
    ///
    /// # Errors
    /// When the path is too long, or the system refuses.
    pub fn open(path: &Path) -> Result<Self, SocketError> {
        check_path(path)?;
        let io = |error: std::io::Error| SocketError::Io { path: path.to_owned(), reason: error.to_string() };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(io)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        Ok(Self { listener, path: path.to_owned(), uid: rustix::process::getuid().as_raw() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn knock(&self) -> Option<UnixStream> {
        match self.listener.accept().await {
            // Not a byte is read of what another user says.
            Ok((stream, _)) => match stream.peer_cred() {
                Ok(peer) if peer.uid() == self.uid => Some(stream),
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "another user knocked");
                    None
                }
                Err(error) => {
                    tracing::warn!(%error, "a front end has no user");
                    None
                }
            },
            Err(error) => {
                // Out of file descriptors, most likely: it must not spin.
                tracing::error!(%error, "no front end can be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket's file is gone already");
        }
    }
}

/// What front ends' tasks tell the door's keeper.
#[derive(Debug)]
pub(super) enum News {
    /// One has said hello; its task.
    Came(tokio::task::Id, ClientStatus),
    /// A question was taken in.
    Asked,
    /// It was answered: which, how long it took, whether well.
    Answered(&'static str, Duration, bool),
    /// Somebody asks how the engine is.
    Status(oneshot::Sender<Result<Reply, SessionError>>),
    /// Somebody asks it to end.
    Stop(bool, oneshot::Sender<Result<Reply, SessionError>>),
}

/// The front ends that are in.
pub(super) struct Clients {
    door: Door,
    session: LocalSession,
    gate: Gate,
    tasks: JoinSet<()>,
    known: BTreeMap<tokio::task::Id, ClientStatus>,
    news_in: mpsc::Sender<News>,
    /// Why all are sent away, once they are.
    farewell: watch::Sender<Option<String>>,
}

impl Clients {
    pub(super) fn new(door: Door, session: LocalSession, gate: Gate) -> (Self, mpsc::Receiver<News>) {
        let (news_in, news) = mpsc::channel(NEWS_MAX);
        let clients = Self {
            door,
            session,
            gate,
            tasks: JoinSet::new(),
            known: BTreeMap::new(),
            news_in,
            farewell: watch::Sender::new(None),
        };
        (clients, news)
    }

    /// Lets the next one in, or sees one off. Nothing is lost when the future is dropped.
    pub(super) async fn turn(&mut self) {
        tokio::select! {
            biased;
            Some(gone) = self.tasks.join_next_with_id() => {
                let id = match gone {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                self.known.remove(&id);
            }
            stream = self.door.knock() => if let Some(stream) = stream {
                self.let_in(stream);
            },
        }
    }

    fn let_in(&mut self, stream: UnixStream) {
        let full = self.tasks.len() >= CLIENTS_MAX;
        let client = Client {
            session: self.session.clone(),
            gate: self.gate.clone(),
            news: self.news_in.clone(),
            farewell: self.farewell.subscribe(),
        };
        self.tasks.spawn(async move {
            let (from, to) = stream.into_split();
            let (reader, mut writer) = (Reader::new(from, HELLO_BYTES_MAX), Writer::new(to, FRAME_BYTES_MAX));
            let served = if full {
                let reason = format!("{CLIENTS_MAX} front ends are attached already, more are not let in");
                refuse(&mut writer, reason).await
            } else {
                client.serve(reader, writer).await
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a front end has gone");
            }
        });
    }

    pub(super) fn came(&mut self, task: tokio::task::Id, status: ClientStatus) {
        self.known.insert(task, status);
    }

    /// Those that have said hello.
    pub(super) fn list(&self) -> Vec<ClientStatus> {
        let mut list: Vec<ClientStatus> = self.known.values().copied().collect();
        list.sort_by_key(|status| status.since);
        list
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn path(&self) -> &Path {
        self.door.path()
    }

    /// Sends everybody away who is still in, and hands the door back.
    pub(super) fn into_door(self) -> Door {
        self.door
    }

    /// Tells all of them why it ends, and waits a moment until they have heard it.
    pub(super) async fn dismiss(&mut self, reason: &str) {
        self.farewell.send_replace(Some(reason.to_owned()));
        let gone = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(IN_FLIGHT_MAX, gone).await.is_err() {
            // Whoever does not read cannot be told.
            self.tasks.abort_all();
        }
    }
}

/// One front end's task.
struct Client {
    session: LocalSession,
    gate: Gate,
    news: mpsc::Sender<News>,
    farewell: watch::Receiver<Option<String>>,
}

type Answered = (u64, Result<Reply, SessionError>);

impl Client {
    async fn serve(
        mut self,
        mut reader: Reader<OwnedReadHalf>,
        mut writer: Writer<OwnedWriteHalf>,
    ) -> Result<(), FrameError> {
        let hello = match timeout(HELLO_MAX, reader.next::<ToEngine>()).await {
            Ok(Ok(ToEngine::Hello(hello))) => hello,
            Ok(Ok(ToEngine::Ask { .. })) => return refuse(&mut writer, "hello comes first".into()).await,
            Ok(Err(error)) => return Err(error),
            Err(_) => return refuse(&mut writer, "nobody said hello".into()).await,
        };
        let Some(protocol) = common_protocol(hello.protocol) else {
            return refuse(&mut writer, other_version(&hello)).await;
        };
        let build = env!("CARGO_PKG_VERSION").to_owned();
        let welcome = Welcome { protocol, build, nonce: hello.nonce, pid: std::process::id() };
        writer.send(&ToClient::Welcome(welcome)).await?;
        let status = ClientStatus { client: hello.client, pid: hello.pid, since: system_now() };
        tell(&self.news, News::Came(tokio::task::id(), status)).await;
        reader.allow(FRAME_BYTES_MAX);
        let kind = match hello.client {
            ClientKind::Screen => "screen",
            ClientKind::Command => "command",
        };
        let door = format!("{kind} {}", hello.pid);
        self.session = self.session.through(&door);
        let asker = self.gate.asker(hello.actor);
        self.converse(reader, writer, &Visitor { asker, door }).await
    }

    /// Pictures out, questions in, answers out.
    async fn converse(
        &mut self,
        mut reader: Reader<OwnedReadHalf>,
        mut writer: Writer<OwnedWriteHalf>,
        visitor: &Visitor,
    ) -> Result<(), FrameError> {
        let foreign = visitor.asker.whose != Whose::Own;
        let mut pictures = self.session.snapshots();
        let mut shown = for_eyes_of(foreign, &pictures.borrow_and_update());
        writer.send(&ToClient::Update(Box::new(Update::whole(&shown)))).await?;
        let mut open: JoinSet<Answered> = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                reason = sent_away(&mut self.farewell) => {
                    // What was asked before is still answered.
                    while let Some(answered) = open.join_next().await {
                        if let Ok((id, answer)) = answered {
                            writer.send(&ToClient::Answer { id, answer: Box::new(answer) }).await?;
                        }
                    }
                    return writer.send(&ToClient::Bye { reason }).await;
                }
                Some(answered) = open.join_next() => if let Ok((id, answer)) = answered {
                    writer.send(&ToClient::Answer { id, answer: Box::new(answer) }).await?;
                },
                bytes = reader.next_bytes(), if open.len() < OPEN_MAX => match bytes.and_then(|bytes| read(&bytes)) {
                    Ok(Err(id)) => {
                        let unknown = SessionError::Usage(UNKNOWN_QUESTION.to_owned());
                        writer.send(&ToClient::Answer { id, answer: Box::new(Err(unknown)) }).await?;
                    }
                    Ok(Ok(ToEngine::Ask { id, ask })) => match self.gate.check(&visitor.asker, &visitor.door, &ask) {
                        Ok(()) => {
                            let (session, news) = (self.session.clone(), self.news.clone());
                            open.spawn(async move { (id, ask_engine(&session, &news, ask).await) });
                        }
                        Err(refusal) => {
                            writer.send(&ToClient::Answer { id, answer: Box::new(Err(refusal)) }).await?;
                        }
                    },
                    Ok(Ok(ToEngine::Hello(_))) => {}
                    Err(FrameError::Closed) => return Ok(()),
                    Err(error) => {
                        let reason = error.to_string();
                        return writer.send(&ToClient::Bye { reason }).await;
                    }
                },
                changed = pictures.changed(), if !foreign => {
                    if changed.is_err() {
                        let reason = "the engine has stopped".to_owned();
                        return writer.send(&ToClient::Bye { reason }).await;
                    }
                    let next = for_eyes_of(foreign, &pictures.borrow_and_update());
                    // Behind the veil little changes but the time.
                    if next.locked && shown.locked && looks_the_same(&shown, &next) {
                        continue;
                    }
                    writer.send(&ToClient::Update(Box::new(Update::between(&shown, &next)))).await?;
                    shown = next;
                }
            }
        }
    }
}

/// What a front end sent, or the number of a question that is none of ours: a front end of a newer program may ask it, and keeps its line.
fn read(bytes: &[u8]) -> Result<Result<ToEngine, u64>, FrameError> {
    /// All that there must be of a question to answer it.
    #[derive(serde::Deserialize)]
    struct Question {
        message: String,
        id: u64,
    }
    match serde_json::from_slice(bytes) {
        Ok(message) => Ok(Ok(message)),
        Err(error) => match serde_json::from_slice::<Question>(bytes) {
            Ok(question) if question.message == "ask" => Ok(Err(question.id)),
            _ => Err(error.into()),
        },
    }
}

/// Who a front end is.
struct Visitor {
    asker: Asker,
    /// As the audit log names it.
    door: String,
}

/// A picture as somebody may see it: of a locked profile, and of another's, next to nothing is shown.
fn for_eyes_of(foreign: bool, picture: &Arc<Snapshot>) -> Arc<Snapshot> {
    if foreign || picture.locked { Arc::new(picture.veiled()) } else { Arc::clone(picture) }
}

fn looks_the_same(one: &Snapshot, other: &Snapshot) -> bool {
    one.alerts == other.alerts && one.trading_state == other.trading_state && one.market == other.market
}

/// Waits until everybody is sent away, and says why.
async fn sent_away(farewell: &mut watch::Receiver<Option<String>>) -> String {
    match farewell.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        Err(_) => "the engine has gone".to_owned(),
    }
}

async fn tell(to: &mpsc::Sender<News>, news: News) {
    if to.send(news).await.is_err() {
        tracing::trace!("the door is closing");
    }
}

/// What is about the process is answered by the door's keeper, all else by the engine.
async fn ask_engine(
    session: &LocalSession,
    news: &mpsc::Sender<News>,
    ask: Request,
) -> Result<Reply, SessionError> {
    let (answer, answered) = oneshot::channel();
    match ask {
        Request::EngineStatus => tell(news, News::Status(answer)).await,
        Request::StopEngine { force } => tell(news, News::Stop(force, answer)).await,
        ask => {
            let (name, began) = (ask.name(), monotonic());
            tell(news, News::Asked).await;
            let result = session.request(ask).await;
            tell(news, News::Answered(name, began.elapsed(), result.is_ok())).await;
            give(answer, result);
        }
    }
    answered.await.map_err(|_| SessionError::Gone)?
}

/// Says why somebody is not let in. Who does not read it is gone all the same.
async fn refuse(writer: &mut Writer<OwnedWriteHalf>, reason: String) -> Result<(), FrameError> {
    tracing::warn!(%reason, "a front end is refused");
    let sent = timeout(FAREWELL_MAX, writer.send(&ToClient::Refused { reason })).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::debug!("it has not read why");
    }
    Ok(())
}

fn other_version(hello: &Hello) -> String {
    let (from, to) = hello.protocol;
    format!(
        "it is build {} and speaks protocol {PROTOCOL_MIN} to {PROTOCOL}, this program is build {} and speaks {from} to {to}; run: arbion engine restart",
        env!("CARGO_PKG_VERSION"),
        crate::domain::text::clean(&hello.build),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_a_newer_program_is_told_from_noise() {
        let asks = |text: &str| match read(text.as_bytes()) {
            Ok(Err(id)) => Some(id),
            _ => None,
        };
        let known = br#"{"message":"ask","id":4,"ask":{"request":"groups"}}"#;
        assert!(matches!(read(known), Ok(Ok(ToEngine::Ask { id: 4, .. }))));
        assert_eq!(
            asks(r#"{"message":"ask","id":7,"ask":{"request":"what_nobody_knows","of":["a"]}}"#),
            Some(7)
        );
        for noise in [
            "",
            "{}",
            r#"{"message":"ask"}"#,
            r#"{"message":"hello","id":1}"#,
            r#"{"message":"ask","id":-1}"#,
        ] {
            assert_eq!(asks(noise), None, "{noise}");
            assert!(matches!(read(noise.as_bytes()), Err(FrameError::Unreadable(_))), "{noise}");
        }
    }
}
