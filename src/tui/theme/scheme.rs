//! Colour schemes as TOML: those that come with the program and the user's own. A scheme names a colour for each meaning and what stands
//! in for it where there are 256 or 16 colours; what it does not name it has from another one.

use std::collections::BTreeMap;

use ratatui::style::Color;
use serde::Deserialize;

use super::ColorDepth;
use crate::tui::svg::xterm;

/// The schemes that come with the program, the first for those who chose none.
const BUILT_IN: [(&str, &str); 6] = [
    ("dark", include_str!("../../../assets/themes/dark.toml")),
    ("light", include_str!("../../../assets/themes/light.toml")),
    ("high_contrast", include_str!("../../../assets/themes/high_contrast.toml")),
    ("colour_blind", include_str!("../../../assets/themes/colour_blind.toml")),
    ("tritan", include_str!("../../../assets/themes/tritan.toml")),
    ("red_up", include_str!("../../../assets/themes/red_up.toml")),
];
/// Bases of bases.
const BASES_MAX: usize = 4;

/// A colour and what stands in for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    rgb: (u8, u8, u8),
    index: u8,
    named: Color,
}

impl Ink {
    /// The colour at a depth.
    #[must_use]
    pub const fn at(self, depth: ColorDepth) -> Color {
        match depth {
            ColorDepth::True => Color::Rgb(self.rgb.0, self.rgb.1, self.rgb.2),
            ColorDepth::Indexed => Color::Indexed(self.index),
            ColorDepth::Ansi16 | ColorDepth::None => self.named,
        }
    }

    /// Reads `#rrggbb`; what stands in for it is the nearest there is.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        let rgb = (part(0)?, part(2)?, part(4)?);
        let nearest =
            |range: std::ops::RangeInclusive<u8>| range.min_by_key(|index| distance(rgb, xterm(*index)));
        let named = nearest(0..=15).and_then(|index| NAMES.get(usize::from(index)));
        Some(Self { rgb, index: nearest(16..=255)?, named: named?.1 })
    }
}

/// How far apart two colours look, roughly: the eye sees green best.
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |a: u8, b: u8, weight: u32| weight * u32::from(a.abs_diff(b)).pow(2);
    part(a.0, b.0, 3) + part(a.1, b.1, 6) + part(a.2, b.2, 1)
}

/// The terminal's own colours, in their order.
const NAMES: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark_gray", Color::DarkGray),
    ("light_red", Color::LightRed),
    ("light_green", Color::LightGreen),
    ("light_yellow", Color::LightYellow),
    ("light_blue", Color::LightBlue),
    ("light_magenta", Color::LightMagenta),
    ("light_cyan", Color::LightCyan),
    ("white", Color::White),
];

/// A colour as a file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Each(String, u8, String),
}

impl Written {
    fn ink(&self) -> Option<Ink> {
        match self {
            Self::One(rgb) => Ink::parse(rgb),
            Self::Each(rgb, index, name) => {
                let named = NAMES.iter().find(|(known, _)| known == name)?.1;
                Some(Ink { index: *index, named, ..Ink::parse(rgb)? })
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    /// For people.
    #[allow(dead_code, reason = "read by people, and so that it is allowed in the file")]
    about: String,
    base: Option<String>,
    colours: BTreeMap<String, Written>,
}

/// The colours of a theme by their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub(super) text: Option<Ink>,
    pub(super) background: Option<Ink>,
    pub(super) dim: Ink,
    pub(super) accent: Ink,
    pub(super) border: Ink,
    pub(super) up: Ink,
    pub(super) down: Ink,
    /// That of the paper badge where it is not named.
    pub(super) ok: Option<Ink>,
    pub(super) up_back: Ink,
    pub(super) down_back: Ink,
    pub(super) selected: Ink,
    pub(super) warning: Ink,
    pub(super) error: Ink,
    pub(super) paper: Ink,
    pub(super) simulated: Ink,
    pub(super) badge_text: Ink,
    pub(super) live: Ink,
    pub(super) live_text: Ink,
    pub(super) overlays: [Ink; 4],
}

const PLAIN: Ink = Ink { rgb: (128, 128, 128), index: 244, named: Color::Gray };

impl Scheme {
    /// Every meaning the same grey: what the first file is laid over.
    const BLANK: Self = Self {
        text: None,
        background: None,
        dim: PLAIN,
        accent: PLAIN,
        border: PLAIN,
        up: PLAIN,
        down: PLAIN,
        ok: None,
        up_back: PLAIN,
        down_back: PLAIN,
        selected: PLAIN,
        warning: PLAIN,
        error: PLAIN,
        paper: PLAIN,
        simulated: PLAIN,
        badge_text: PLAIN,
        live: PLAIN,
        live_text: PLAIN,
        overlays: [PLAIN; 4],
    };

    /// The place of a meaning; none for one that there is not.
    fn place(&mut self, name: &str) -> Option<&mut Ink> {
        Some(match name {
            "text" => self.text.insert(PLAIN),
            "background" => self.background.insert(PLAIN),
            "dim" => &mut self.dim,
            "accent" => &mut self.accent,
            "border" => &mut self.border,
            "up" => &mut self.up,
            "down" => &mut self.down,
            "ok" => self.ok.insert(PLAIN),
            "up_back" => &mut self.up_back,
            "down_back" => &mut self.down_back,
            "selected" => &mut self.selected,
            "warning" => &mut self.warning,
            "error" => &mut self.error,
            "paper" => &mut self.paper,
            "simulated" => &mut self.simulated,
            "badge_text" => &mut self.badge_text,
            "live" => &mut self.live,
            "live_text" => &mut self.live_text,
            "overlay_1" => &mut self.overlays[0],
            "overlay_2" => &mut self.overlays[1],
            "overlay_3" => &mut self.overlays[2],
            "overlay_4" => &mut self.overlays[3],
            _ => return None,
        })
    }
}

/// Every scheme there is, by name.
#[derive(Clone, Debug)]
pub struct Schemes {
    texts: Vec<(String, String)>,
}

impl Schemes {
    /// Those of the program and the user's own, which win where the name is the same.
    #[must_use]
    pub fn new(own: &[(String, String)]) -> Self {
        let mut texts: Vec<(String, String)> =
            BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        for (name, text) in own {
            texts.retain(|(known, _)| known != name);
            texts.push((name.clone(), text.clone()));
        }
        Self { texts }
    }

    /// Their names, those of the program first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.texts.iter().map(|(name, _)| name.clone()).collect()
    }

    /// A scheme by its name. `default` is the first.
    ///
    /// # Errors
    /// A line that says what is wrong: with the name, or with the file.
    pub fn get(&self, name: &str) -> Result<Scheme, String> {
        let name = if name == "default" { BUILT_IN[0].0 } else { name };
        let mut scheme = Scheme::BLANK;
        self.lay(name, 0, &mut scheme)?;
        Ok(scheme)
    }

    fn lay(&self, name: &str, depth: usize, scheme: &mut Scheme) -> Result<(), String> {
        let text = self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text);
        let text = text.filter(|_| depth < BASES_MAX);
        let text =
            text.ok_or_else(|| format!("no theme is called {name} (there are {})", self.names().join(", ")))?;
        let file: File = toml::from_str(text).map_err(|error| {
            format!("theme {name}: {}", error.message().lines().next().unwrap_or("does not read"))
        })?;
        let base = file.base.as_deref().unwrap_or(BUILT_IN[0].0);
        if base != name {
            self.lay(base, depth + 1, scheme)?;
        }
        for (meaning, written) in &file.colours {
            let ink = written.ink().ok_or_else(|| {
                format!("theme {name}: {meaning} is no colour (such as \"#4eba6f\" or [\"#4eba6f\", 71, \"green\"])")
            })?;
            match scheme.place(meaning) {
                Some(place) => *place = ink,
                None => return Err(format!("theme {name}: there is no colour called {meaning}")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_of_the_program_reads_and_names_every_colour_it_needs() {
        let schemes = Schemes::new(&[]);
        for name in schemes.names() {
            let scheme = schemes.get(&name).unwrap();
            let inks = [
                scheme.dim,
                scheme.accent,
                scheme.border,
                scheme.up,
                scheme.down,
                scheme.up_back,
                scheme.down_back,
                scheme.selected,
                scheme.warning,
                scheme.error,
                scheme.paper,
                scheme.simulated,
                scheme.badge_text,
                scheme.live,
                scheme.live_text,
            ];
            assert!(inks.iter().chain(&scheme.overlays).all(|ink| *ink != PLAIN), "{name}");
            assert_ne!(scheme.up, scheme.down, "{name}");
        }
        assert_eq!(schemes.get("default"), schemes.get("dark"));
    }

    #[test]
    fn a_scheme_of_ones_own_names_only_what_differs() {
        let own = |text: &str| Schemes::new(&[("mine".to_owned(), text.to_owned())]);
        let scheme = own("base = \"light\"\n[colours]\nup = \"#0000ff\"\n").get("mine").unwrap();
        let light = Schemes::new(&[]).get("light").unwrap();
        assert_eq!(scheme.up, Ink { rgb: (0, 0, 255), index: 21, named: Color::Blue });
        assert_eq!(scheme.down, light.down);
        for (text, expected) in [
            (
                "[colours]\nup = \"blue\"\n",
                "theme mine: up is no colour (such as \"#4eba6f\" or [\"#4eba6f\", 71, \"green\"])",
            ),
            ("[colours]\nsky = \"#000000\"\n", "theme mine: there is no colour called sky"),
            (
                "base = \"gone\"\n",
                "no theme is called gone (there are dark, light, high_contrast, colour_blind, tritan, red_up, mine)",
            ),
        ] {
            assert_eq!(own(text).get("mine").unwrap_err(), expected);
        }
        assert!(own("colour").get("mine").unwrap_err().starts_with("theme mine: "));
        assert!(own("base = \"other\"").get("nobody").is_err());
    }

    #[test]
    fn what_stands_in_is_the_nearest() {
        for (text, index, named) in
            [("#000000", 16, Color::Black), ("#ffffff", 231, Color::White), ("#ff0000", 196, Color::LightRed)]
        {
            let ink = Ink::parse(text).unwrap();
            assert_eq!((ink.index, ink.named), (index, named), "{text}");
        }
        for bad in ["", "#fff", "#gggggg", "ffffff", "#ééé"] {
            assert_eq!(Ink::parse(bad), None, "{bad}");
        }
    }
}
