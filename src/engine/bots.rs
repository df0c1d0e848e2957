//! Bots in the engine: what was approved of them, their processes beside the strategies that they are the heads of, and what their processes
//! ask. Every order of theirs is the core's to decide.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use smol_str::SmolStr;
use tokio::sync::{mpsc, oneshot};

use crate::bots::approval::difference;
use crate::bots::cage::unenforced;
use crate::bots::house::FROM_MAX;
use crate::bots::manifest::Manifest;
use crate::bots::params::ParamSchema;
use crate::bots::protocol::{self, Asked};
use crate::bots::{ANSWERS_WITHIN, FromBot, House, PING_EVERY, Said, Start, Task, ToBot};
use crate::client::message::BotRequest;
use crate::client::{Reply, SessionError};
use crate::core::effect::BotTold;
use crate::core::input::{BotWord, Input};
use crate::domain::bot::{BotPlan, BotState, BotVersion, KIND_PREFIX, bot_of};
use crate::domain::order::OrderSubject;
use crate::domain::strategy::{KindView, StrategyChange, StrategyRules, StrategySpec};
use crate::store::{ApprovedBot, Store, StoreError};
use crate::strategies::BotWant;

use super::bot_files::{Answered, Found, Shown, answer, find};
use super::clock::{entropy, system_now};
use super::journal::Job;
use super::launch::Access;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Looks into directories that may be under way.
const LOOKS_MAX: usize = 16;

/// What a look into a bot's directory has found, for the request that wanted it.
pub(super) struct Looked {
    request: BotRequest,
    found: Box<Result<Found, String>>,
    reply: Answer,
}

/// A bot that has a person's word.
struct Approved {
    version: BotVersion,
    manifest: Manifest,
    params: ParamSchema,
}

/// The bots of the profile.
pub(super) struct Bots {
    /// Opened when the first process is needed.
    house: Option<House>,
    said_in: mpsc::Sender<FromBot>,
    pub(super) said: mpsc::Receiver<FromBot>,
    looked_in: mpsc::Sender<Looked>,
    pub(super) looked: mpsc::Receiver<Looked>,
    /// By bot.
    approved: BTreeMap<SmolStr, Approved>,
    /// Processes, by strategy, with what they were started with.
    pub(super) tasks: BTreeMap<SmolStr, (Task, StrategySpec)>,
    /// The newest of what is known of them, by strategy.
    states: BTreeMap<SmolStr, BotState>,
}

fn read(version: BotVersion, contents: &BTreeMap<String, Vec<u8>>) -> Option<Approved> {
    let manifest = Manifest::parse(&version.manifest).ok()?;
    let params = match &manifest.params_schema {
        None => ParamSchema::default(),
        Some(path) => ParamSchema::parse(std::str::from_utf8(contents.get(path)?).ok()?).ok()?,
    };
    Some(Approved { version, manifest, params })
}

impl Bots {
    /// What was approved, from the database.
    pub(super) fn load(store: &Store) -> Result<Self, StoreError> {
        let (said_in, said) = mpsc::channel(FROM_MAX);
        let (looked_in, looked) = mpsc::channel(LOOKS_MAX);
        let mut approved = BTreeMap::new();
        for version in store.approved_bots()? {
            let (bot, contents) = (version.bot.clone(), store.bot_contents(&version)?);
            match read(version, &contents) {
                Some(one) => drop(approved.insert(bot, one)),
                // A manifest that an older program allowed: it is approved anew.
                None => tracing::warn!(%bot, "its approved manifest is none of this program's"),
            }
        }
        let (tasks, states) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { house: None, said_in, said, looked_in, looked, approved, tasks, states })
    }

    /// Tells the process of a strategy; one that is not there needs to know nothing.
    pub(super) fn tell(&self, strategy: &SmolStr, told: BotTold) {
        let Some((task, _)) = self.tasks.get(strategy) else { return };
        match told {
            BotTold::News(news) => task.line().tell(ToBot::News(news)),
            // Nobody waits for it.
            BotTold::Answer { ask: 0, .. } => {}
            BotTold::Answer { ask, answer } => {
                let result = match &answer {
                    Ok(placed) => Ok(protocol::placed(placed)),
                    Err(refusal) => Err(protocol::refused(refusal)),
                };
                task.line().tell(ToBot::Answer { ask, result });
            }
        }
    }

    /// The kinds of strategies with the approved bots among them.
    pub(super) fn kinds(&self, mut kinds: Vec<KindView>) -> Vec<KindView> {
        kinds.extend(self.approved.iter().map(|(bot, approved)| KindView {
            name: format!("{KIND_PREFIX}{bot}"),
            about: format!("a bot of yours, version {}", approved.version.version),
            params: approved.params.views(),
        }));
        kinds
    }
}

impl EngineTask {
    /// Tells the core what approved bots may do.
    pub(super) async fn tell_terms(&mut self) {
        let terms: Vec<_> = self
            .bots
            .approved
            .values()
            .map(|approved| approved.manifest.terms(approved.version.version))
            .collect();
        for terms in terms {
            self.step(Input::BotTerms(Box::new(terms))).await;
        }
    }

    /// Are a bot's parameters those of its schema.
    pub(super) fn check_bot_params(&self, change: &StrategyChange) -> Result<(), String> {
        let (kind, params) = match change {
            StrategyChange::Add { spec } => (spec.kind.clone(), spec.params.clone()),
            StrategyChange::Set { name, edit } => {
                let views = self.core.strategies();
                let Some(view) = views.into_iter().find(|view| view.spec.name == *name) else {
                    return Ok(());
                };
                let mut params = view.spec.params;
                params.extend(edit.params.clone());
                params.retain(|_, value| !value.is_empty());
                (view.spec.kind, params)
            }
            _ => return Ok(()),
        };
        let Some(approved) = bot_of(&kind).and_then(|bot| self.bots.approved.get(bot)) else { return Ok(()) };
        approved.params.read(&params).map(drop).map_err(|error| error.to_string())
    }

    /// A process for each strategy that is a bot and is to run, and for no other.
    pub(super) fn keep_bots(&mut self) {
        if self.access != Access::Trade || (self.bots.approved.is_empty() && self.bots.tasks.is_empty()) {
            return;
        }
        let core = &self.core;
        self.bots.tasks.retain(|strategy, (task, started)| {
            let wanted = core.bot_to_run(strategy).is_some_and(|(spec, ..)| {
                spec.kind == started.kind
                    && spec.instruments == started.instruments
                    && spec.interval == started.interval
            });
            if !wanted {
                task.stop();
            }
            wanted
        });
        let mut starts = Vec::new();
        for (strategy, bot) in core.bot_strategies() {
            let Some((spec, mode, memory)) = core.bot_to_run(strategy) else { continue };
            if let Some((task, started)) = self.bots.tasks.get_mut(strategy) {
                if started.params != spec.params {
                    started.params.clone_from(&spec.params);
                    task.line().tell(ToBot::Params(spec.params.clone()));
                }
                continue;
            }
            let Some(approved) = self.bots.approved.get(bot) else { continue };
            let start = Start {
                strategy: strategy.clone(),
                bot: bot.into(),
                profile: self.directory.clone(),
                fingerprint: approved.version.fingerprint.clone(),
                params: spec.params.clone(),
                mode,
                instruments: spec.instruments.clone(),
                interval: spec.interval,
                memory: memory.map(str::to_owned),
                runner: runner(),
                clock: Arc::new(system_now),
                seed: entropy(),
                ping_every: PING_EVERY,
                answers_within: ANSWERS_WITHIN,
            };
            starts.push((start, spec.clone()));
        }
        for (start, spec) in starts {
            let Some(house) = self.house() else { return };
            let (strategy, task) = (start.strategy.clone(), house.start(start));
            self.bots.tasks.insert(strategy, (task, spec));
        }
    }

    fn house(&mut self) -> Option<&House> {
        if self.bots.house.is_none() {
            match House::open(self.bots.said_in.clone()) {
                Ok(house) => self.bots.house = Some(house),
                Err(error) => tracing::error!(%error, "there is no thread for bots"),
            }
        }
        self.bots.house.as_ref()
    }

    /// A bot's process says something, or something has become of it.
    pub(super) async fn on_bot_said(&mut self, word: FromBot) {
        let FromBot { strategy, said } = word;
        let word = match said {
            Said::Ask { ask, asked: Asked::Want(want) } => {
                if let BotWant::Place { proposal, .. } = &want {
                    self.know_what_bot_orders(&strategy, &proposal.subject).await;
                }
                BotWord::Ask { ask, want }
            }
            Said::Ask { ask, asked: Asked::Query(query) } => {
                return self.bot_asks(&strategy, ask, query).await;
            }
            Said::State(state) => {
                self.bots.states.insert(strategy.clone(), state.clone());
                BotWord::State(state)
            }
            Said::Down { reason, cancels: true } => BotWord::Down(reason),
            Said::Down { reason, cancels: false } => {
                tracing::warn!(%strategy, reason, "a bot is down; its orders stay");
                return;
            }
            Said::Failed(reason) => BotWord::Failed(reason),
            Said::Finished => BotWord::Finished,
        };
        let ends = matches!(word, BotWord::Failed(_) | BotWord::Finished);
        self.step(Input::Bot { strategy, word }).await;
        if ends {
            self.keep_bots();
        }
    }

    /// What it may order is known and priced before it is judged: a contract out of a chain nobody may have looked at yet.
    async fn know_what_bot_orders(&mut self, strategy: &SmolStr, subject: &OrderSubject) {
        let bot = self.bots.tasks.get(strategy).and_then(|(_, spec)| bot_of(&spec.kind));
        let Some(manifest) = bot.and_then(|bot| self.bots.approved.get(bot)).map(|it| it.manifest.clone())
        else {
            return;
        };
        for instrument in subject.instruments().filter(|instrument| manifest.knows(instrument)) {
            if self.ensure(instrument).await {
                self.tell_average_volume(instrument).await;
            }
        }
    }

    /// What is asked about bots. What needs a look into a directory is answered once somebody else has looked.
    pub(super) async fn bot(&mut self, request: BotRequest, reply: Answer) {
        match request {
            BotRequest::Add { .. } => self.add_bot(request, reply).await,
            BotRequest::Remove { name } => self.remove_bot(name, reply).await,
            request => self.look(request, reply),
        }
    }

    fn look(&self, request: BotRequest, reply: Answer) {
        let (profile, looked, may_write) =
            (self.directory.clone(), self.bots.looked_in.clone(), self.access != Access::Read);
        let shown = self.shown_bots();
        tokio::spawn(async move {
            let (asked, at) = (request.clone(), profile.clone());
            let found = tokio::task::spawn_blocking(move || match &asked {
                BotRequest::Plan { name } | BotRequest::Approve { name, .. } => {
                    find(&at, name).map(|found| Answered::Found(Box::new(found)))
                }
                other => answer(&at, other, shown, may_write).map(Answered::Reply),
            })
            .await
            .unwrap_or_else(|error| Err(error.to_string()));
            let found = match found {
                Ok(Answered::Reply(answer)) => return give(reply, Ok(answer)),
                Ok(Answered::Found(found)) => Ok(*found),
                Err(reason) => return give(reply, Err(SessionError::Usage(reason))),
            };
            // The engine may have gone.
            drop(looked.send(Looked { request, found: Box::new(found), reply }).await);
        });
    }

    fn shown_bots(&self) -> Vec<Shown> {
        let of = |bot: &SmolStr| -> Vec<SmolStr> {
            self.core.bot_strategies().filter(|(_, of)| of == bot).map(|(name, _)| name.clone()).collect()
        };
        self.bots
            .approved
            .iter()
            .map(|(bot, approved)| {
                let strategies = of(bot);
                let state = strategies.iter().find_map(|name| self.bots.states.get(name)).cloned();
                (bot.clone(), approved.version.clone(), strategies, state)
            })
            .collect()
    }

    /// Somebody has looked into a bot's directory.
    pub(super) async fn on_looked(&mut self, looked: Looked) {
        let Looked { request, found, reply } = looked;
        let found = match *found {
            Ok(found) => found,
            Err(reason) => return give(reply, Err(SessionError::Usage(reason))),
        };
        match request {
            BotRequest::Approve { fingerprint, .. } => self.approve_bot(found, &fingerprint, reply).await,
            _ => give(reply, Ok(Reply::BotPlan(Box::new(self.bot_plan(&found))))),
        }
    }

    fn bot_plan(&self, found: &Found) -> BotPlan {
        let name: SmolStr = found.scan.manifest.name.as_str().into();
        let approved = self.bots.approved.get(&name).map(|approved| &approved.version);
        let same = approved.is_some_and(|version| version.fingerprint == found.scan.fingerprint);
        let before = approved.and_then(|version| {
            let store = Store::open_reader(&self.directory).ok()?;
            Some((version, store.bot_contents(version).ok()?))
        });
        let before = before.as_ref().map(|(version, contents)| (version.manifest.as_str(), contents));
        BotPlan {
            version: if same { found.newest } else { found.newest + 1 },
            diff: difference(before, &found.scan),
            fingerprint: found.scan.fingerprint.clone(),
            unenforced: unenforced(found.scan.manifest.network),
            name,
        }
    }

    async fn approve_bot(&mut self, found: Found, fingerprint: &str, reply: Answer) {
        let Found { scan, newest } = found;
        let name: SmolStr = scan.manifest.name.as_str().into();
        if scan.fingerprint != fingerprint {
            let text =
                format!("bot {name} has changed since it was shown; look again: arbion bot approve {name}");
            return give(reply, Err(SessionError::Usage(text)));
        }
        if let Some(approved) = self.bots.approved.get(&name)
            && approved.version.fingerprint == fingerprint
        {
            let text = format!("bot {name} is approved already, version {}", approved.version.version);
            return give(reply, Ok(Reply::Done(text)));
        }
        let version = BotVersion {
            bot: name.clone(),
            version: newest + 1,
            approved_at: self.clock.now(),
            fingerprint: scan.fingerprint,
            manifest: scan.text,
            files: scan.files.iter().map(|(path, (hash, _))| (path.clone(), hash.clone())).collect(),
        };
        let contents: BTreeMap<String, Vec<u8>> = scan.files.into_values().collect();
        let approved = Approved { version: version.clone(), manifest: scan.manifest, params: scan.params };
        self.write(Job::Bot(Box::new(ApprovedBot { version: version.clone(), contents }))).await;
        let (done, flushed) = oneshot::channel();
        self.write(Job::Flush(done)).await;
        self.step(Input::BotTerms(Box::new(approved.manifest.terms(version.version)))).await;
        self.bots.approved.insert(name.clone(), approved);
        // What runs was started from the version before: it begins anew.
        self.bots.tasks.retain(|_, (_, spec)| bot_of(&spec.kind) != Some(name.as_str()));
        self.keep_bots();
        tokio::spawn(async move {
            // On the disk before it is said; a journal that has stopped says so itself.
            let answer = match flushed.await {
                Ok(Ok(())) => Ok(Reply::Done(format!("bot {name} is approved, version {}", version.version))),
                Ok(Err(reason)) => Err(SessionError::Storage(reason)),
                Err(_) => Err(SessionError::Gone),
            };
            give(reply, answer);
        });
    }

    async fn add_bot(&mut self, request: BotRequest, reply: Answer) {
        let BotRequest::Add { name, account, instruments, interval, params, rules: typed } = request else {
            return;
        };
        let refuse = |reason: String| Err(SessionError::Usage(reason));
        let Some(approved) = self.bots.approved.get(&name) else {
            let name = name.escape_default();
            return give(
                reply,
                refuse(format!("bot {name} has no approved version; see: arbion bot approve {name}")),
            );
        };
        let instruments = match (instruments.is_empty(), &approved.manifest.instruments) {
            (false, _) => instruments,
            (true, Some(list)) => list.clone(),
            (true, None) => {
                return give(
                    reply,
                    refuse("its manifest names everything; say what it trades: --symbol".to_owned()),
                );
            }
        };
        let mut rules = StrategyRules::default();
        for (rule, value) in &typed {
            if let Err(error) = rules.set(rule, value) {
                return give(reply, refuse(error.to_string()));
            }
        }
        let spec = StrategySpec {
            kind: format!("{KIND_PREFIX}{name}").into(),
            name,
            account,
            instruments,
            interval: interval.unwrap_or_else(|| approved.manifest.interval()),
            params,
            adopt: Vec::new(),
            rules,
            exits: None,
        };
        self.change_strategy(StrategyChange::Add { spec: Box::new(spec) }, reply).await;
    }

    /// Takes the approval away. What a strategy of it owns is looked after first, by the person.
    async fn remove_bot(&mut self, name: SmolStr, reply: Answer) {
        let strategies: Vec<SmolStr> = self
            .core
            .bot_strategies()
            .filter(|(_, bot)| *bot == name)
            .map(|(name, _)| name.clone())
            .collect();
        let views = self.core.strategies();
        let busy = views.iter().find(|view| strategies.contains(&view.spec.name) && view.spec.name != name);
        if let Some(view) = busy {
            let text = format!(
                "strategy {} is of it; remove that first: arbion strategy remove {0}",
                view.spec.name
            );
            return give(reply, Err(SessionError::Usage(text)));
        }
        if !self.bots.approved.contains_key(&name) && strategies.is_empty() {
            let text = format!("bot {} has no approved version", name.escape_default());
            return give(reply, Err(SessionError::Usage(text)));
        }
        let (told, answer) = oneshot::channel();
        if strategies.is_empty() {
            give(told, Ok(Reply::Done(String::new())));
        } else {
            let request = self.expect(told, None);
            self.step(Input::Strategy { request, change: StrategyChange::Remove { name: name.clone() } })
                .await;
        }
        // Refused at once, or on its way to the disk.
        let mut answer = answer;
        if let Ok(Err(error)) = answer.try_recv() {
            return give(reply, Err(error));
        }
        self.bots.approved.remove(&name);
        self.write(Job::BotGone(name.clone())).await;
        self.step(Input::BotGone(name.clone())).await;
        self.keep_bots();
        let text = format!("bot {name} is removed; its files stay in bots/{name}");
        give(reply, Ok(Reply::Done(text)));
    }
}

/// This program, which cages and becomes the bot.
fn runner() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("arbion"))
}
