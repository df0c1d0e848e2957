//! A key with its modifiers, as the configuration writes it and as a person reads it.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as the table writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Chord {
    /// The chord of an event. Shift is part of a character, not a modifier of it.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers;
        let code = match event.code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                let plain = !modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
                KeyCode::Char(if plain { c } else { c.to_ascii_lowercase() })
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// A character without Ctrl and Alt.
    pub const fn is_plain(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// Reads `ctrl-k`, `shift-tab`, `pagedown`, `f1`, `G`, `+`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        while rest.chars().count() > 1 {
            let found = [
                ("ctrl-", KeyModifiers::CONTROL),
                ("alt-", KeyModifiers::ALT),
                ("shift-", KeyModifiers::SHIFT),
            ]
            .into_iter()
            .find_map(|(prefix, modifier)| rest.strip_prefix(prefix).map(|r| (r, modifier)));
            let Some((after, modifier)) = found else { break };
            modifiers |= modifier;
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next()?, chars.next()) {
            // As `of` has them: Shift is part of a character, and with Ctrl or Alt there is one for both cases.
            (c, None) => {
                let plain = !modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
                let shifted = modifiers.contains(KeyModifiers::SHIFT);
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(match (plain, shifted) {
                    (true, true) => c.to_ascii_uppercase(),
                    (true, false) => c,
                    (false, _) => c.to_ascii_lowercase(),
                })
            }
            _ => NAMED
                .iter()
                .find(|(name, _)| *name == rest)
                .map(|(_, code)| *code)
                .or_else(|| rest.strip_prefix('f')?.parse().ok().map(KeyCode::F))?,
        };
        Some(Self { code, modifiers })
    }

    /// As the configuration writes it: what `parse` reads.
    #[must_use]
    pub fn written(self) -> String {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() && c != ' ' => c.to_string(),
            _ => match self.label().to_lowercase() {
                label if label.ends_with("pgup") => label.replace("pgup", "pageup"),
                label if label.ends_with("pgdn") => label.replace("pgdn", "pagedown"),
                label => label,
            },
        }
    }

    /// As a person reads it: `Ctrl-K`, `Tab`, `j`.
    #[must_use]
    pub fn label(self) -> String {
        let mut out = String::new();
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                out.push_str(name);
            }
        }
        let write = match self.code {
            KeyCode::Char(' ') => write!(out, "Space"),
            KeyCode::Char(c) if self.modifiers.is_empty() => write!(out, "{c}"),
            KeyCode::Char(c) => write!(out, "{}", c.to_ascii_uppercase()),
            KeyCode::F(n) => write!(out, "F{n}"),
            KeyCode::PageUp => write!(out, "PgUp"),
            KeyCode::PageDown => write!(out, "PgDn"),
            other => {
                let name = NAMED.iter().find(|(_, code)| *code == other).map_or("", |(name, _)| *name);
                let mut letters = name.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase());
                write!(out, "{}{}", first.map(String::from).unwrap_or_default(), letters.as_str())
            }
        };
        debug_assert!(write.is_ok(), "writing to a string cannot fail");
        out
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
];
