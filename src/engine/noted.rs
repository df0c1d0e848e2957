//! What an engine notes in the audit log about itself as it starts: a database that it brought to another version, limits that are not those
//! of the last time.

use std::path::Path;

use serde_json::{Map, Value};

use crate::domain::audit::AuditAction;
use crate::domain::limits::RiskLimits;
use crate::keeping::Recorder;
use crate::store::{Store, StoreError};

/// Where the limits of the last time stand in the state table.
pub(super) const LIMITS: &str = "limits_in_force";

/// Notes a migration, by the versions found before and after the database was opened.
pub(super) fn migration(audit: Option<&Recorder>, before: Option<(i64, i64)>, database: &Path) {
    if let Some((audit, (found, known))) = audit.zip(before)
        && found < known
    {
        let text = format!("version {found} to {known}");
        audit.record(AuditAction::Migrated, "", &database.display().to_string(), &text);
    }
}

/// Notes which limits are others than when an engine last started, and keeps them for the next time.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) fn limits(audit: Option<&Recorder>, store: &Store, limits: &RiskLimits) -> Result<(), StoreError> {
    let now = serde_json::to_value(limits).unwrap_or_default();
    let before = store.get_state(LIMITS)?;
    let before: Option<Value> = before.and_then(|text| serde_json::from_str(&text).ok());
    if before.as_ref() == Some(&now) {
        return Ok(());
    }
    store.put_state(LIMITS, &now.to_string())?;
    if let (Some(audit), Some(before)) = (audit, before) {
        audit.record(AuditAction::LimitsChanged, "", "limits", &differences(&before, &now));
    }
    Ok(())
}

/// `order_quantity_max 1000 to 500, allow_short true to false`.
fn differences(before: &Value, now: &Value) -> String {
    let none = Map::new();
    let (before, now) = (before.as_object().unwrap_or(&none), now.as_object().unwrap_or(&none));
    let shown = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let mut changed: Vec<String> = Vec::new();
    for name in before.keys().chain(now.keys().filter(|name| !before.contains_key(*name))) {
        let (old, new) = (before.get(name), now.get(name));
        if old != new {
            changed.push(format!("{name} {} to {}", shown(old), shown(new)));
        }
    }
    changed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_each_limit_that_changed_is_named_with_both_values() {
        let before = serde_json::json!({ "a": "1000", "b": true, "c": [], "gone": 1 });
        let now = serde_json::json!({ "a": "500", "b": true, "c": ["KO"], "new": 2 });
        assert_eq!(
            differences(&before, &now),
            r#"a 1000 to 500, c [] to ["KO"], gone 1 to nothing, new nothing to 2"#
        );
    }
}
