//! What of a configuration only the program around it can judge: themes, keys and macros are the screen's.

use arbion::cli::host::Mistake;
use arbion::config::{Loaded, Paths};
use arbion::tui;

/// How alike the name of an action must be to be offered for an unknown one.
const LIKENESS_MIN: f64 = 0.75;

/// Every mistake, with the option that it stands in.
pub fn mistakes(loaded: &Loaded, paths: &Paths) -> Vec<Mistake> {
    let (config, mut found) = (&loaded.config, Vec::new());
    if let Err(text) = tui::check_theme(&config.screen.theme, &arbion::config::themes(paths)) {
        found.push(Mistake { option: "screen.theme".to_owned(), text });
    }
    let keys = tui::Keymap::new(&config.keys).and_then(|keymap| keymap.with_macros(&config.macros));
    if let Err(error) = keys {
        let known = |name: &String| loaded.origins.contains_key(&format!("keys.{name}"));
        let option = match &error {
            tui::KeymapError::UnknownAction(name) => format!("keys.{name}"),
            // Which of the lines it is, the text says; the place is the first one's.
            _ => match config.keys.keys().find(|name| known(name)) {
                Some(name) => format!("keys.{name}"),
                None => config.macros.keys().next().map_or("keys".to_owned(), |key| format!("macros.{key}")),
            },
        };
        let text = match &error {
            tui::KeymapError::UnknownAction(name) => match nearest_action(name) {
                Some(nearest) => format!("unknown action, nearest is {nearest}"),
                None => error.to_string(),
            },
            _ => error.to_string(),
        };
        found.push(Mistake { option, text });
    }
    found
}

fn nearest_action(name: &str) -> Option<&'static str> {
    let keymap = tui::Keymap::new(&std::collections::BTreeMap::new()).ok()?;
    let alike = keymap
        .written()
        .into_keys()
        .map(|known| (known, strsim::normalized_damerau_levenshtein(known, name)));
    alike
        .filter(|(_, alike)| *alike >= LIKENESS_MIN)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(known, _)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_screen_does_not_know_is_named_where_it_stands() {
        let home = tempfile::tempdir().unwrap();
        let environment = arbion::config::Environment {
            arbion_home: Some(home.path().as_os_str().to_owned()),
            ..Default::default()
        };
        let paths = Paths::resolve(&environment).unwrap();
        let found = |text: &str| -> Vec<String> {
            let loaded = Loaded::from_layers(&[("f.toml".into(), text.to_owned())]).unwrap();
            let mistakes = mistakes(&loaded, &paths);
            mistakes.into_iter().map(|mistake| format!("{}: {}", mistake.option, mistake.text)).collect()
        };
        assert!(found("").is_empty());
        assert!(found("[screen]\ntheme = \"light\"\n[keys]\nbuy = \"b\"\n").is_empty());
        let theme = found("[screen]\ntheme = \"drak\"\n");
        assert!(
            theme[0].starts_with("screen.theme: no theme is called drak (there are dark, light,"),
            "{theme:?}"
        );
        assert_eq!(
            found("[keys]\nnext_pan = \"tab\"\n"),
            ["keys.next_pan: unknown action, nearest is next_pane"]
        );
        let other = found("[keys]\nfly = \"tab\"\n");
        assert!(other[0].starts_with("keys.fly: 'fly' is no action of the screen"), "{other:?}");
        let key = found("[keys]\nbuy = \"ctrl-zz\"\n");
        assert!(key[0].starts_with("keys.buy: 'ctrl-zz' is no key"), "{key:?}");
    }
}
