//! The layouts of one user: which is shown, what was changed of it, which ones are the user's own.

use std::collections::BTreeMap;

use super::presets::{fallback, preset, usable};
use super::solve::{Seam, shift};
use super::tree::{Axis, Node};
use crate::domain::text::clean;
use crate::tui::panes::PaneKind;

/// Most layouts of the user's own.
pub const OWN_MAX: usize = 32;
/// Longest name, in characters.
const NAME_MAX: usize = 24;
/// What a name may be.
const NO_NAME: &str = "a name has 1 to 24 small letters, digits, '_' and '-'";
/// Panes in one layout at most.
const PANES_MAX: usize = 16;

/// The layouts.
#[derive(Clone, Debug)]
pub struct Desk {
    name: String,
    tree: Node,
    /// The user's own, by name.
    own: BTreeMap<String, Node>,
    /// Changed and not saved under a name, by the name of what was changed.
    changed: BTreeMap<String, Node>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { name: "trade".to_owned(), tree: fallback(), own: BTreeMap::new(), changed: BTreeMap::new() }
    }
}

impl Desk {
    /// The layouts as they were kept: the one shown, the user's own, and the changed ones. What does not read is left out, and told with what
    /// is wrong with it.
    #[must_use]
    pub fn restored(
        shown: &str,
        own: &BTreeMap<String, String>,
        changed: &BTreeMap<String, String>,
    ) -> (Self, Vec<String>) {
        let mut wrong = Vec::new();
        let mut read = |texts: &BTreeMap<String, String>| -> BTreeMap<String, Node> {
            let mut read = BTreeMap::new();
            for (name, text) in texts.iter().take(OWN_MAX) {
                match Node::parse(text) {
                    Ok(tree) if is_name(name) => drop(read.insert(name.clone(), tree)),
                    Ok(_) => wrong.push(format!("'{}' does not read: {NO_NAME}", clean(name))),
                    Err(error) => {
                        wrong.push(format!("'{}' does not read: {}", clean(name), clean(&error.to_string())));
                    }
                }
            }
            read
        };
        let (own, changed) = (read(own), read(changed));
        let mut desk = Self { own, changed, ..Self::default() };
        let default = desk.name.clone();
        if !desk.show(shown) {
            desk.show(&default);
        }
        (desk, wrong)
    }

    /// The layout shown.
    #[must_use]
    pub const fn tree(&self) -> &Node {
        &self.tree
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Was it changed since it was saved.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed.contains_key(&self.name)
    }

    /// The user's own layouts as text.
    #[must_use]
    pub fn own(&self) -> BTreeMap<String, String> {
        self.own.iter().map(|(name, tree)| (name.clone(), tree.to_string())).collect()
    }

    /// What was changed and not saved under a name, as text.
    #[must_use]
    pub fn changed(&self) -> BTreeMap<String, String> {
        self.changed.iter().map(|(name, tree)| (name.clone(), tree.to_string())).collect()
    }

    /// Every layout: those of the program, then the user's own.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let own = self.own.keys().filter(|name| preset(name).is_none()).cloned();
        usable().map(str::to_owned).chain(own).collect()
    }

    /// Shows a layout as it was last left; false when there is none of that name.
    pub fn show(&mut self, name: &str) -> bool {
        let tree = self.changed.get(name).cloned().or_else(|| self.saved(name));
        let known = tree.is_some();
        if let Some(tree) = tree {
            name.clone_into(&mut self.name);
            self.tree = tree;
        }
        known
    }

    /// As it was saved, or as it came with the program.
    fn saved(&self, name: &str) -> Option<Node> {
        self.own.get(name).cloned().or_else(|| preset(name))
    }

    /// Shows the next layout or the one before, around the end.
    pub fn step(&mut self, forward: bool) {
        let names = self.names();
        let at = names.iter().position(|name| *name == self.name).unwrap_or(0);
        let next = (at + if forward { 1 } else { names.len() - 1 }) % names.len().max(1);
        if let Some(name) = names.get(next) {
            let name = name.clone();
            self.show(&name);
        }
    }

    /// The panes of the layout in the order of their numbers, with the one that has the keys.
    #[must_use]
    pub fn panes(&self, focus: PaneKind) -> Vec<PaneKind> {
        PaneKind::ALL.iter().copied().filter(|kind| *kind == focus || self.tree.has(*kind)).collect()
    }

    fn change(&mut self, tree: Node) {
        if tree != self.tree {
            self.changed.insert(self.name.clone(), tree.clone());
            self.tree = tree;
        }
    }

    /// Puts a pane beside or below another; false when there is no more room for panes.
    pub fn add(&mut self, pane: PaneKind, at: PaneKind, axis: Axis) -> bool {
        if self.tree.leaves().len() >= PANES_MAX {
            return false;
        }
        self.change(self.tree.clone().with(pane, at, axis));
        self.tree.has(pane)
    }

    /// Takes a pane off; false for the last one, which stays.
    pub fn remove(&mut self, pane: PaneKind) -> bool {
        let rest = self.tree.clone().without(pane);
        let gone = rest.is_some() && self.tree.has(pane);
        if let Some(rest) = rest {
            self.change(rest);
        }
        gone
    }

    /// Two panes change places.
    pub fn swap(&mut self, a: PaneKind, b: PaneKind) {
        let mut tree = self.tree.clone();
        tree.swap(a, b);
        self.change(tree);
    }

    /// The pane gets the place of the one shown there, which takes the pane's own place or, where it has none, leaves the layout.
    pub fn put(&mut self, pane: PaneKind, instead_of: PaneKind) {
        self.swap(instead_of, pane);
    }

    /// Turns the split around a pane the other way.
    pub fn turn(&mut self, pane: PaneKind) {
        let mut tree = self.tree.clone();
        tree.turn(pane);
        self.change(tree);
    }

    /// Even sizes, as far as the panes' needs allow.
    pub fn even(&mut self) {
        let mut tree = self.tree.clone();
        tree.even();
        self.change(tree);
    }

    /// Moves the line between two parts.
    pub fn shift(&mut self, seam: &Seam, by: i32) {
        let mut tree = self.tree.clone();
        shift(&mut tree, seam, by);
        self.change(tree);
    }

    /// Puts a tree back that was shown before, as while a line is dragged.
    pub fn set(&mut self, tree: Node) {
        self.change(tree);
    }

    /// As it was saved, or as it came with the program.
    pub fn reset(&mut self) {
        self.changed.remove(&self.name);
        self.tree = self.saved(&self.name).unwrap_or_else(fallback);
    }

    /// Saves what is shown under a name.
    ///
    /// # Errors
    /// A line that says what a name may be, or that there are too many.
    pub fn save(&mut self, name: &str) -> Result<(), String> {
        let name = name.trim();
        if !is_name(name) {
            return Err(format!("'{name}' is no name ({NO_NAME})"));
        }
        if !self.own.contains_key(name) && self.own.len() >= OWN_MAX {
            return Err(format!("there are {OWN_MAX} layouts; delete one first"));
        }
        self.changed.remove(&self.name);
        self.changed.remove(name);
        self.own.insert(name.to_owned(), self.tree.clone());
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Deletes the layout shown, if it is the user's own; false when it came with the program and stays.
    pub fn delete(&mut self) -> bool {
        self.changed.remove(&self.name);
        let own = self.own.remove(&self.name).is_some();
        let name = self.name.clone();
        if !self.show(&name) {
            self.show("trade");
        }
        own
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stay_with_their_layout_until_they_are_saved_or_undone() {
        let mut desk = Desk::default();
        let trade = desk.tree().clone();
        assert!(desk.remove(PaneKind::Positions));
        assert!(desk.is_changed());
        desk.step(true);
        assert_eq!((desk.name(), desk.is_changed()), ("chart", false));
        desk.step(false);
        assert!(!desk.tree().has(PaneKind::Positions), "it is as it was left");
        desk.save("mine").unwrap();
        assert_eq!((desk.name(), desk.is_changed()), ("mine", false));
        assert_eq!(desk.names().last().map(String::as_str), Some("mine"));
        assert!(desk.show("trade"));
        assert_eq!(*desk.tree(), trade, "saving under a name leaves the other as it came");
        desk.turn(PaneKind::Watchlist);
        desk.reset();
        assert_eq!(*desk.tree(), trade);
        assert!(desk.show("mine") && desk.delete() && desk.name() == "trade" && !desk.delete());
    }

    #[test]
    fn names_are_plain() {
        let mut desk = Desk::default();
        for bad in ["", "a b", "../x", "É", &"x".repeat(25)] {
            assert!(desk.save(bad).is_err(), "{bad}");
        }
        for i in 0..OWN_MAX {
            desk.save(&format!("l{i}")).unwrap();
        }
        assert_eq!(desk.save("more").unwrap_err(), "there are 32 layouts; delete one first");
        desk.save("l0").unwrap();
    }

    #[test]
    fn what_was_kept_comes_back_and_what_does_not_read_is_left_out() {
        let texts = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let own =
            texts(&[("mine", "columns(quotes~30 chart~70)"), ("bad", "columns("), ("No Name", "chart")]);
        let (desk, wrong) = Desk::restored("mine", &own, &texts(&[("trade", "rows(chart~1 quotes~1)")]));
        assert_eq!(desk.tree().to_string(), "columns(quotes~30 chart~70)");
        assert_eq!(desk.own().into_keys().collect::<Vec<_>>(), ["mine"]);
        assert_eq!(
            wrong,
            [
                "'No Name' does not read: a name has 1 to 24 small letters, digits, '_' and '-'",
                "'bad' does not read: 'columns(' is no layout (such as columns(quotes~40 rows(chart ticket)~60))"
            ]
        );
        let (desk, _) = Desk::restored("gone", &own, &texts(&[("trade", "rows(chart~1 quotes~1)")]));
        assert_eq!((desk.name(), desk.tree().to_string().as_str()), ("trade", "rows(chart~1 quotes~1)"));
        assert_eq!(desk.changed().len(), 1);
    }

    #[test]
    fn the_last_pane_stays() {
        let mut desk = Desk::default();
        for kind in PaneKind::ALL {
            desk.remove(*kind);
        }
        assert_eq!(desk.tree().leaves().len(), 1);
    }
}
