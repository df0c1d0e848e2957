//! Rows of the table: a code, a value, a verdict, what the message says.

use super::case::*;

/// What one value did.
pub(super) struct Row {
    pub(super) code: Code,
    pub(super) what: &'static str,
    pub(super) value: &'static str,
    pub(super) expect: Verdict,
    pub(super) says: &'static str,
    pub(super) found: RiskCheck,
    pub(super) denied: bool,
}

#[derive(Default)]
pub(super) struct Table(pub(super) Vec<Row>);

impl Table {
    /// `set` puts each value into a fresh case; the check of `code` must end as the row says and, where it fails, say so with its numbers.
    pub(super) fn check(
        &mut self,
        code: Code,
        what: &'static str,
        set: impl Fn(&mut Case, &str),
        rows: &[(&'static str, Verdict, &'static str)],
    ) {
        for (value, expect, says) in rows {
            let mut case = Case::new();
            set(&mut case, value);
            let outcome = case.run();
            let found = outcome.checks.iter().find(|check| check.code == code).cloned();
            let found = found.unwrap_or_else(|| panic!("{code} did not run for {what} {value}"));
            let denied = outcome.result.is_err_and(|all| all.iter().any(|denial| denial.code == code));
            self.0.push(Row { code, what, value, expect: *expect, says, found, denied });
        }
    }
}
