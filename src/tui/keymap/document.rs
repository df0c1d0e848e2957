//! The keys as a page of documentation, made from the table.

use super::table::{Scope, TABLE};
use super::{Chord, Keymap};

/// What a scope is called.
#[must_use]
pub fn title(scope: Scope) -> String {
    match scope {
        Scope::Global => "Everywhere".to_owned(),
        Scope::List => "In every list".to_owned(),
        Scope::Search => "In every list that can be searched".to_owned(),
        Scope::Columns => "In every list in columns".to_owned(),
        Scope::Layout => "While the layout is changed".to_owned(),
        scope => format!("{scope:?}"),
    }
}

impl Keymap {
    /// Every key of the table with the name of its action, by place: the page `docs/keys.md`.
    #[must_use]
    pub fn document() -> String {
        let mut text = String::from(
            "# Keys\n\nMade from the program's own table of keys; a test keeps it current. `?` on the screen shows the keys of a pane.\n\
             The names are those of `[keys]` in the configuration: `halt = \"f12\"` gives an action other keys, a list gives it several. A key\n\
             that two actions want in the same place is refused, with both names. `[macros]` gives a key a line of the command language.\n",
        );
        let mut scopes: Vec<Scope> = vec![Scope::Global, Scope::List, Scope::Search, Scope::Columns];
        for row in TABLE {
            if !scopes.contains(&row.scope) {
                scopes.push(row.scope);
            }
        }
        for scope in scopes {
            text.push_str(&format!("\n## {}\n\n| keys | what | name |\n|---|---|---|\n", title(scope)));
            for row in TABLE.iter().filter(|row| row.scope == scope) {
                let keys: Vec<String> = row
                    .keys
                    .iter()
                    .filter_map(|key| Chord::parse(key))
                    .map(|chord| format!("`{}`", chord.label().replace('|', "\\|")))
                    .collect();
                text.push_str(&format!("| {} | {} | `{}` |\n", keys.join(" "), row.help, row.action.name()));
            }
        }
        text
    }
}
