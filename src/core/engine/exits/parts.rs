//! Which units of a position each of its plans covers: those of a strategy its own, one for what was added apart so many, the plan of the
//! position all that no other covers. Together they never cover more than is held.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use crate::core::engine::Engine;
use crate::core::engine::strategies::owner;
use crate::domain::execution::Execution;
use crate::domain::exit::ExitGroup;
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Quantity;

use super::Key;

/// Replacements of one order that are followed back.
pub(super) const REPLACES_MAX: usize = 64;

/// So many units with the sign of what is held.
fn signed(held: Quantity, units: Quantity) -> Quantity {
    if held.is_negative() { Quantity::ZERO - units } else { units }
}

impl Engine {
    /// Units that a plan covers, signed as the position is.
    pub(super) fn covered(&self, key: &Key) -> Quantity {
        let held = self.held(&key.0, &key.1);
        let group = self.exits.watches.get(key).map(|watch| &watch.group);
        match group.and_then(|group| self.own_units(group)) {
            Some(units) => signed(held, units.min(held.abs())),
            None => self.uncovered(key),
        }
    }

    /// Units that no plan but this one covers, signed as the position is.
    pub(super) fn uncovered(&self, key: &Key) -> Quantity {
        let held = self.held(&key.0, &key.1);
        let others = self.exits.parts(&key.0, &key.1).filter(|(other, _)| *other != key);
        let covered = others.filter_map(|(_, watch)| self.own_units(&watch.group));
        let free = held.abs() - covered.fold(Quantity::ZERO, |sum, units| sum + units);
        if free.is_positive() { signed(held, free) } else { Quantity::ZERO }
    }

    /// Units that a plan is for alone, positive; `None` for the plan of all the rest. What was added apart to a strategy's units has its own of
    /// them, in the order of its parts, and the strategy's plan the rest.
    fn own_units(&self, group: &ExitGroup) -> Option<Quantity> {
        let Some(name) = &group.owner else { return group.units };
        let mut left = self.units_of(name, group);
        for (_, watch) in self.exits.parts(&group.account, &group.instrument) {
            let other = &watch.group;
            let Some(units) = other.units.filter(|_| other.owner == group.owner) else { continue };
            let part = units.min(left);
            if other.part == group.part {
                return Some(part);
            }
            left -= part;
        }
        Some(left)
    }

    /// What a strategy owns on the side of a plan, positive.
    fn units_of(&self, name: &SmolStr, group: &ExitGroup) -> Quantity {
        let own = self.host.owned(name, &group.instrument);
        if own.is_negative() == group.long { Quantity::ZERO } else { own.abs() }
    }

    /// Is an order one of a plan's, or one that such an order has replaced.
    pub(super) fn is_order_of(&self, group: &ExitGroup, id: ClientOrderId) -> bool {
        [group.order, group.resting].into_iter().flatten().any(|own| {
            let mut next = Some(own);
            for _ in 0..REPLACES_MAX {
                let Some(known) = next else { return false };
                if known == id {
                    return true;
                }
                next = self.book.get(known).and_then(|order| order.replaces);
            }
            false
        })
    }

    /// So many units were closed: those of the plan whose order closed them, else of what was added last by whoever closed them.
    pub(super) fn shrink_parts(&mut self, execution: &Execution, closed: Quantity) {
        let keys = self.exits.of(std::iter::once(&execution.account), &execution.instrument);
        let by = execution.client_order_id.and_then(|id| self.book.get(id)).and_then(owner).cloned();
        let mut of: Vec<(bool, jiff::Timestamp, Key)> = Vec::new();
        let mut left = closed;
        for key in &keys {
            let Some(watch) = self.exits.watches.get(key) else { continue };
            let own = execution.client_order_id.is_some_and(|id| self.is_order_of(&watch.group, id));
            if own && watch.group.units.is_none() {
                left = Quantity::ZERO;
            }
            if watch.group.units.is_some() && watch.group.owner == by {
                of.push((own, watch.group.set_at, key.clone()));
            }
        }
        of.sort();
        for (_, _, key) in of.into_iter().rev() {
            let Some(watch) = self.exits.watches.get_mut(&key) else { continue };
            let Some(units) = watch.group.units.filter(|_| left.is_positive()) else { continue };
            let part = units.min(left);
            watch.group.units = Some(units - part);
            left -= part;
            self.exits.changed();
        }
        self.fit_parts(&keys);
    }

    /// What was added apart to a strategy's units is never more than it owns: where another hand took some, what was added last is fewer.
    fn fit_parts(&mut self, keys: &[Key]) {
        let mut apart: Vec<(jiff::Timestamp, &Key, SmolStr, Quantity)> = Vec::new();
        for key in keys {
            let Some(group) = self.exits.watches.get(key).map(|watch| &watch.group) else { continue };
            if let (Some(name), Some(units)) = (&group.owner, group.units) {
                apart.push((group.set_at, key, name.clone(), units));
            }
        }
        apart.sort();
        let mut left: BTreeMap<SmolStr, Quantity> = BTreeMap::new();
        for (_, key, name, units) in apart {
            let Some(group) = self.exits.watches.get(key).map(|watch| &watch.group) else { continue };
            let owned = self.units_of(&name, group);
            let left = left.entry(name).or_insert(owned);
            let fits = units.min(*left);
            *left -= fits;
            if fits != units
                && let Some(watch) = self.exits.watches.get_mut(key)
            {
                watch.group.units = Some(fits);
                self.exits.changed();
            }
        }
    }

    /// The next name of a plan for what was added apart to what the plan `of` covers.
    pub(super) fn next_part(&self, execution: &Execution, of: &str) -> SmolStr {
        let used = self.exits.parts(&execution.account, &execution.instrument);
        let number = |part: &str| part.strip_prefix(of)?.strip_prefix('+')?.parse::<u32>().ok();
        let numbers = used.filter_map(|(key, _)| number(&key.2));
        format_smolstr!("{of}+{}", numbers.max().unwrap_or(1).saturating_add(1))
    }

    /// More units are covered by a plan than when it was set: parts of its targets are of all of them.
    pub(super) fn extend_plan(&mut self, key: &Key, units: Quantity) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        group.entry_quantity += units;
        group.units = group.units.map(|known| known + units);
        self.exits.changed();
    }
}
