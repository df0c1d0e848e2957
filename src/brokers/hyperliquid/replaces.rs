//! Replaces on their way: the venue ends the old order and tells so as a cancel, which must not be taken for one.

use std::collections::VecDeque;

use crate::domain::ids::ClientOrderId;

/// Replaces that are remembered.
const REMEMBERED_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Sent, and no answer yet; the cancel of the old order may have come already.
    Sent { canceled: bool },
    /// The venue has done it.
    Done,
    /// No readable answer came.
    Doubtful,
}

#[derive(Clone, Copy, Debug)]
struct Replace {
    old: ClientOrderId,
    old_oid: Option<u64>,
    new: ClientOrderId,
    stage: Stage,
}

/// What a cancel that the venue tells is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A cancel.
    Cancel,
    /// The end of an order that another has replaced.
    Replaced(ClientOrderId),
    /// It cannot be said before the replace has been answered.
    Later,
}

/// What was replaced by what.
#[derive(Debug, Default)]
pub(super) struct Replaces(VecDeque<Replace>);

impl Replaces {
    /// A replace goes out.
    pub(super) fn sent(&mut self, old: ClientOrderId, old_oid: Option<u64>, new: ClientOrderId) {
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Replace { old, old_oid, new, stage: Stage::Sent { canceled: false } });
    }

    /// It was answered: done, not done, or nobody knows. Returns true when the old order's end had been told before, and has to be told on.
    pub(super) fn answered(&mut self, new: ClientOrderId, done: Option<bool>) -> bool {
        let Some(at) = self.0.iter().position(|replace| replace.new == new) else { return false };
        let had_ended = self.0[at].stage == Stage::Sent { canceled: true };
        match done {
            Some(true) => self.0[at].stage = Stage::Done,
            None => self.0[at].stage = Stage::Doubtful,
            Some(false) => {
                self.0.remove(at);
            }
        }
        had_ended
    }

    /// The venue tells the end of an order.
    pub(super) fn canceled(&mut self, oid: u64, client: Option<ClientOrderId>) -> Meaning {
        let of_it = |replace: &&mut Replace| match replace.old_oid {
            Some(old) => old == oid,
            None => Some(replace.old) == client,
        };
        let Some(replace) = self.0.iter_mut().rev().find(of_it) else { return Meaning::Cancel };
        match replace.stage {
            Stage::Sent { .. } => {
                replace.stage = Stage::Sent { canceled: true };
                Meaning::Later
            }
            Stage::Done => Meaning::Replaced(replace.new),
            // Whether the new one works is found out by asking; what is certain is that this one has ended.
            Stage::Doubtful => Meaning::Cancel,
        }
    }

    /// What an order was replaced by, and whether that is sure.
    pub(super) fn successor(&self, oid: u64, client: Option<ClientOrderId>) -> Option<(ClientOrderId, bool)> {
        let of_it = |replace: &&Replace| match replace.old_oid {
            Some(old) => old == oid,
            None => Some(replace.old) == client,
        };
        let found = self.0.iter().rev().find(of_it)?;
        Some((found.new, found.stage == Stage::Done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(bits: u128) -> ClientOrderId {
        ClientOrderId::from_u128(bits)
    }

    #[test]
    fn an_end_is_a_replace_once_that_is_sure() {
        let mut replaces = Replaces::default();
        assert_eq!(replaces.canceled(7, Some(id(1))), Meaning::Cancel);
        // The answer first.
        replaces.sent(id(1), Some(7), id(2));
        assert!(!replaces.answered(id(2), Some(true)));
        assert_eq!(replaces.canceled(7, Some(id(1))), Meaning::Replaced(id(2)));
        // The end first.
        replaces.sent(id(2), None, id(3));
        assert_eq!(replaces.canceled(8, Some(id(2))), Meaning::Later);
        assert!(replaces.answered(id(3), Some(true)));
        // Refused: the end that had come is a cancel, and so is a later one.
        replaces.sent(id(3), Some(9), id(4));
        assert_eq!(replaces.canceled(9, None), Meaning::Later);
        assert!(replaces.answered(id(4), Some(false)));
        assert_eq!(replaces.canceled(9, None), Meaning::Cancel);
        // Nobody knows.
        replaces.sent(id(3), Some(9), id(5));
        assert!(!replaces.answered(id(5), None));
        assert_eq!(
            (replaces.canceled(9, None), replaces.successor(9, None)),
            (Meaning::Cancel, Some((id(5), false)))
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut replaces = Replaces::default();
        for n in 0..(REMEMBERED_MAX as u128 + 5) {
            replaces.sent(id(n), Some(n as u64), id(n + 1));
        }
        assert_eq!(replaces.0.len(), REMEMBERED_MAX);
        assert_eq!(replaces.successor(0, None), None);
    }
}
