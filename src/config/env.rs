//! The environment of the process. Read here and nowhere else, once, so that everything after is a function of a value.

use std::ffi::OsString;

/// What Arbion wants to know of its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `ARBION_HOME`: the one root of every directory.
    pub arbion_home: Option<OsString>,
    /// `ARBION_PROFILE`: the profile where no `--profile` is given.
    pub arbion_profile: Option<OsString>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `TERM`; empty where there is none.
    pub term: String,
    /// `COLUMNS`, where it is a number.
    pub columns: Option<usize>,
    /// The terminal is at the other end of an SSH connection.
    pub ssh: bool,
    /// Where that connection comes from; absent where it is none, or does not say.
    pub ssh_client: Option<String>,
    /// The locale writes UTF-8.
    pub utf8: bool,
    /// A locale is set, and it writes no UTF-8: only ASCII can be drawn.
    pub ascii: bool,
    /// A display is there, so that a locked keyring can show its own dialog.
    pub display: bool,
    /// `ARBION_VAULT`: who shall hold the key of a new vault.
    pub vault: Option<String>,
    /// `ARBION_PASSPHRASE_FILE`: a private file whose first line is the vault's passphrase.
    pub passphrase_file: Option<OsString>,
    /// `CREDENTIALS_DIRECTORY`: where systemd puts a service's credentials.
    pub credentials: Option<OsString>,
    /// `NOTIFY_SOCKET`: where a service manager hears that the engine is ready.
    pub notify_socket: Option<OsString>,
    /// `ARBION_OFFLINE`: no public source of prices is asked.
    pub offline: bool,
    /// `WATCHDOG_USEC`: how often it wants to hear that the engine lives, in microseconds.
    pub watchdog_us: Option<u64>,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn read() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Builds it from any lookup of names. A variable that is set to nothing counts as not set.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let raw = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let text = |name: &str| raw(name).map(|v| v.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            arbion_home: raw("ARBION_HOME"),
            arbion_profile: raw("ARBION_PROFILE"),
            no_color: raw("NO_COLOR").is_some(),
            offline: raw("ARBION_OFFLINE").is_some(),
            colorterm: text("COLORTERM"),
            term: text("TERM"),
            columns: text("COLUMNS").parse().ok(),
            ssh: raw("SSH_CONNECTION").is_some() || raw("SSH_TTY").is_some(),
            ssh_client: raw("SSH_CONNECTION")
                .and_then(|value| value.to_string_lossy().split(' ').next().map(str::to_owned)),
            utf8: writes_utf8(&text("LC_ALL"), &text("LC_CTYPE"), &text("LANG")) == Some(true),
            ascii: writes_utf8(&text("LC_ALL"), &text("LC_CTYPE"), &text("LANG")) == Some(false),
            display: raw("WAYLAND_DISPLAY").is_some() || raw("DISPLAY").is_some(),
            vault: raw("ARBION_VAULT").map(|value| value.to_string_lossy().into_owned()),
            passphrase_file: raw("ARBION_PASSPHRASE_FILE"),
            credentials: raw("CREDENTIALS_DIRECTORY"),
            notify_socket: raw("NOTIFY_SOCKET"),
            watchdog_us: text("WATCHDOG_USEC").parse().ok(),
        }
    }
}

/// Does the locale of these variables write UTF-8; the first that is not empty decides, as everywhere. `C`, `POSIX` and a language with another
/// character set do not. Nobody has said anything where none is set, as in most containers.
#[must_use]
pub fn writes_utf8(lc_all: &str, lc_ctype: &str, lang: &str) -> Option<bool> {
    let locale = [lc_all, lc_ctype, lang].into_iter().find(|value| !value.is_empty())?;
    let locale = locale.to_ascii_lowercase();
    Some(locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn empty_variables_count_as_absent() {
        let none = environment(&[("ARBION_HOME", ""), ("NO_COLOR", ""), ("SSH_TTY", "")]);
        assert_eq!(none, Environment::default());
    }

    #[test]
    fn every_variable_is_read() {
        let all = environment(&[
            ("ARBION_HOME", "/h"),
            ("ARBION_PROFILE", "alice"),
            ("NO_COLOR", "1"),
            ("COLORTERM", "truecolor"),
            ("TERM", "xterm-256color"),
            ("COLUMNS", "120"),
            ("SSH_CONNECTION", "192.0.2.7 2 3 4"),
            ("LANG", "en_US.UTF-8"),
            ("DISPLAY", ":0"),
            ("ARBION_VAULT", "passphrase"),
            ("ARBION_PASSPHRASE_FILE", "/p"),
            ("CREDENTIALS_DIRECTORY", "/c"),
            ("NOTIFY_SOCKET", "@n"),
            ("WATCHDOG_USEC", "30000000"),
        ]);
        assert_eq!(all.ssh_client.as_deref(), Some("192.0.2.7"));
        assert!(all.display && all.vault.as_deref() == Some("passphrase"));
        assert_eq!(all.passphrase_file.as_deref(), Some("/p".as_ref()));
        assert_eq!(all.credentials.as_deref(), Some("/c".as_ref()));
        assert_eq!((all.notify_socket.as_deref(), all.watchdog_us), (Some("@n".as_ref()), Some(30_000_000)));
        assert_eq!(all.arbion_home.as_deref(), Some("/h".as_ref()));
        assert_eq!(all.arbion_profile.as_deref(), Some("alice".as_ref()));
        assert!(all.no_color && all.ssh && all.utf8 && !all.ascii);
        assert_eq!((all.colorterm.as_str(), all.term.as_str()), ("truecolor", "xterm-256color"));
        assert_eq!(all.columns, Some(120));
    }

    #[test]
    fn the_first_locale_variable_decides() {
        let read = environment(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]);
        assert!(read.ascii && !read.utf8);
        let read = environment(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]);
        assert!(read.utf8 && !read.ascii);
        let read = environment(&[("LC_ALL", ""), ("LANG", "")]);
        assert!(!read.utf8 && !read.ascii, "nobody has said anything");
        let cases = [
            (("C", "", ""), Some(false)),
            (("POSIX", "en_US.UTF-8", "en_US.UTF-8"), Some(false)),
            (("", "C", "en_US.UTF-8"), Some(false)),
            (("", "", "C"), Some(false)),
            (("", "", "de_DE@euro"), Some(false)),
            (("", "", "ja_JP.eucJP"), Some(false)),
            (("en_US.UTF-8", "C", "C"), Some(true)),
            (("", "UTF-8", "C"), Some(true)),
            (("", "", "C.utf8"), Some(true)),
            (("", "", ""), None),
        ];
        for ((lc_all, lc_ctype, lang), expected) in cases {
            assert_eq!(writes_utf8(lc_all, lc_ctype, lang), expected, "{lc_all} {lc_ctype} {lang}");
        }
    }
}
