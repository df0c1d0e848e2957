//! Limits changed while the engine runs: what tightens holds at once, what loosens needs the limit's name typed, and both are kept in the
//! configuration before they hold (reliability K5). Strategies, bots and agents have no such request.

use crate::client::{Reply, SessionError};
use crate::config::{ConfigError, ConfigFiles, Loaded};
use crate::core::input::Input;
use crate::domain::account::AccountMode;
use crate::domain::ids::AccountId;
use crate::domain::limits::RiskLimits;
use crate::domain::snapshot::Severity;

use super::journal::Job;
use super::noted;
use super::task::EngineTask;

/// What is said of an option that is no limit.
const TABLE: &str = "risk.";

fn unread(error: &ConfigError) -> SessionError {
    SessionError::Usage(error.to_string())
}

impl EngineTask {
    /// Sets a limit, or lets its default hold again; `typed` is what a person typed to confirm that it lets more through.
    pub(super) async fn set_limit(
        &mut self,
        name: &str,
        value: Option<&str>,
        typed: Option<&str>,
    ) -> Result<Reply, SessionError> {
        let Some(files) = self.config.clone() else {
            return Err(SessionError::Usage(
                "nothing of this run is kept, and so its limits stay".to_owned(),
            ));
        };
        let edit = with_limit(&files, name, value)?;
        let changed = self.changed_by(&edit.loaded);
        let loosened: Vec<&str> =
            changed.iter().flat_map(|(_, before, after)| before.loosened_by(after)).collect();
        if !loosened.is_empty() && typed.map(str::trim) != Some(name) {
            let text =
                format!("{name} would let more through than now; to confirm it its name has to be typed");
            return Err(SessionError::Clarify(text));
        }
        let shown = shown(&edit.loaded, name);
        let file = edit.write().map_err(|error| unread(&error))?;
        for (account, _, limits) in changed {
            self.step(Input::Limits { account, limits: Box::new(limits) }).await;
        }
        self.keep_limits().await;
        let text = format!("{name} is {shown}, in {}", file.display());
        self.step(Input::Note { severity: Severity::Info, code: "LIMIT_SET", text: text.clone() }).await;
        Ok(Reply::Done(text))
    }

    /// Whose limits a configuration changes: the account, what holds, what would hold.
    fn changed_by(&mut self, loaded: &Loaded) -> Vec<(AccountId, RiskLimits, RiskLimits)> {
        let snapshot = self.core.snapshot();
        let mut changed = Vec::new();
        for view in snapshot.accounts.iter() {
            let after = match view.account.mode {
                AccountMode::Live => loaded.config.risk.clone(),
                AccountMode::Paper if view.account.account == self.paper_account => {
                    loaded.risk_over(RiskLimits::simulated(self.paper_cash))
                }
                AccountMode::Paper => loaded.config.risk.clone(),
            };
            if after != view.limits {
                changed.push((view.account.account.clone(), view.limits.clone(), after));
            }
        }
        changed
    }

    /// Accounts that are opened later get them too, and the next start compares with them.
    async fn keep_limits(&mut self) {
        let Some(Ok(loaded)) = self.config.as_ref().map(ConfigFiles::read) else { return };
        self.live.limits = loaded.config.risk.clone();
        let paper = loaded.risk_over(RiskLimits::simulated(self.paper_cash));
        if let Ok(text) = serde_json::to_string(&paper) {
            self.write(Job::State(noted::LIMITS, text)).await;
        }
    }
}

/// The configuration with the limit set. A word and a list of symbols may be written without the quotes that a file needs.
fn with_limit(
    files: &ConfigFiles,
    name: &str,
    value: Option<&str>,
) -> Result<crate::config::OptionEdit, SessionError> {
    let loaded = files.read().map_err(|error| unread(&error))?;
    let path = format!("{TABLE}{name}");
    if !loaded.options().iter().any(|option| option.path == path) {
        let names: Vec<String> = loaded
            .options()
            .iter()
            .filter_map(|option| option.path.strip_prefix(TABLE).map(str::to_owned))
            .collect();
        let text = format!("limit: found '{}', allowed {}", name.escape_default(), names.join(", "));
        return Err(SessionError::Usage(text));
    }
    let value = value.map(|text| as_toml(name, text));
    files.with(&path, value.as_deref()).map_err(|error| unread(&error))
}

fn as_toml(name: &str, text: &str) -> String {
    let text = text.trim();
    let quoted = |word: &str| toml::Value::String(word.trim().to_owned()).to_string();
    let lists = ["restricted", "allowed"].contains(&name);
    match text {
        _ if lists && !text.starts_with('[') => {
            let words: Vec<String> =
                text.split(',').filter(|word| !word.trim().is_empty()).map(quoted).collect();
            format!("[{}]", words.join(", "))
        }
        _ if name == "day_trade_rule" && !text.starts_with('"') => quoted(text),
        _ => text.to_owned(),
    }
}

/// What holds, as the file would say it.
fn shown(loaded: &Loaded, name: &str) -> String {
    let path = format!("{TABLE}{name}");
    let value = loaded.options().into_iter().find(|option| option.path == path).map(|option| option.value);
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_written_as_a_person_would() {
        for (name, text, toml) in [
            ("order_notional_max", "5000", "5000"),
            ("restricted", "GME, AMC", r#"["GME", "AMC"]"#),
            ("restricted", "", "[]"),
            ("allowed", r#"["KO"]"#, r#"["KO"]"#),
            ("day_trade_rule", "pdt", r#""pdt""#),
            ("day_trade_rule", r#""pdt""#, r#""pdt""#),
            ("allow_short", " false ", "false"),
        ] {
            assert_eq!(as_toml(name, text), toml, "{name} {text}");
        }
    }
}
