//! `self verify`: the running program against a release's list of checksums and the signature of that list. Nothing is fetched and no key
//! comes along: whoever could change the program could change a key inside it too.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use minisign_verify::{Error as Refusal, PublicKey, Signature};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cli::args::VerifyArgs;
use crate::cli::error::{CliError, EXIT_INTERNAL};
use crate::cli::output::Output;

/// Largest list, key or signature, in bytes.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Checks the running program.
pub(super) fn run(args: &VerifyArgs) -> Result<Output, CliError> {
    let program = running_program()?;
    verify(&program, args)
}

/// The file that this process was started from, as it was then: another one may have taken its name since.
fn running_program() -> Result<PathBuf, CliError> {
    let kept = Path::new("/proc/self/exe");
    if kept.exists() {
        return Ok(kept.to_owned());
    }
    std::env::current_exe()
        .map_err(|error| CliError::internal(format!("the running program is not found: {error}")))
}

fn verify(program: &Path, args: &VerifyArgs) -> Result<Output, CliError> {
    let key = text(&args.key, "the key")?;
    let key = PublicKey::decode(&key)
        .map_err(|_| malformed(&args.key, "no public key of minisign: a comment, then 56 characters"))?;
    let list = text(&args.checksums, "the list of checksums")?;
    let signed_in = args.signature.clone().unwrap_or_else(|| {
        let mut name = args.checksums.clone().into_os_string();
        name.push(".minisig");
        name.into()
    });
    let signature = text(&signed_in, "the signature")?;
    let signature = Signature::decode(&signature)
        .map_err(|_| malformed(&signed_in, "no signature of minisign: four lines, two of them comments"))?;
    key.verify(list.as_bytes(), &signature, false).map_err(|refusal| {
        let list = args.checksums.display();
        not_verified(match refusal {
            Refusal::UnexpectedKeyId => {
                format!("{list} is signed by another key than {}", args.key.display())
            }
            Refusal::UnexpectedAlgorithm | Refusal::UnsupportedLegacyMode => {
                format!(
                    "{} is of minisign's old kind; allowed is what it signs by default",
                    signed_in.display()
                )
            }
            _ => format!("{list} is not what was signed, or {} was changed", signed_in.display()),
        })
    })?;
    let entries = entries(&list).map_err(|line| {
        malformed(
            &args.checksums,
            &format!("line {line} is not 64 hexadecimal digits, two spaces and a name"),
        )
    })?;
    let found = checksum(program)?;
    let Some((_, name)) = entries.iter().find(|(sum, _)| *sum == found) else {
        let text = format!(
            "this program (SHA-256 {found}) is none of the {} in {}",
            entries.len(),
            args.checksums.display()
        );
        return Err(not_verified(text));
    };
    let comment = signature.trusted_comment();
    let document = json!({ "verified": true, "sha256": found, "file": name, "trusted_comment": comment });
    Ok(Output::new(&document)?
        .line(format!("This program is {name}, signed by {}", args.key.display()))
        .line(format!("SHA-256 {found}"))
        .line(format!("The signature says: {comment}")))
}

fn not_verified(message: impl Into<String>) -> CliError {
    CliError::new("NOT_VERIFIED", EXIT_INTERNAL, message)
}

fn malformed(path: &Path, what: &str) -> CliError {
    CliError::usage(format!("{}: {what}", path.display()))
}

fn text(path: &Path, what: &str) -> Result<String, CliError> {
    let told =
        |why: &dyn Display| CliError::usage(format!("{what} cannot be read: {}: {why}", path.display()));
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|error| told(&error))?.take(TEXT_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(|error| told(&error))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(told(&format!("it is longer than {TEXT_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| told(&"it is not text"))
}

/// The checksums with the files' names; the number of the first line that is none.
fn entries(list: &str) -> Result<Vec<(String, String)>, usize> {
    let mut entries = Vec::new();
    for (index, line) in list.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let entry = line.split_once(' ').and_then(|(sum, name)| {
            // A star stands for a file that was read as bytes; here all are.
            let name = name.strip_prefix([' ', '*']).unwrap_or(name);
            let sound =
                sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) && !name.is_empty();
            sound.then(|| (sum.to_ascii_lowercase(), name.to_owned()))
        });
        entries.push(entry.ok_or(index + 1)?);
    }
    Ok(entries)
}

fn checksum(path: &Path) -> Result<String, CliError> {
    let told = |error| CliError::storage(format!("the running program cannot be read: {error}"));
    let mut file = File::open(path).map_err(told)?;
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; 65_536]);
    loop {
        match file.read(&mut piece).map_err(told)? {
            0 => break,
            count => hasher.update(&piece[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/release").join(name)
    }

    /// The outcome for a program, with one file in another one's place where a case says so: the line, and the exit code.
    fn check(program: &str, checksums: &Path, signature: Option<PathBuf>, key: &Path) -> (String, u8) {
        let args = VerifyArgs { checksums: checksums.to_owned(), key: key.to_owned(), signature };
        match verify(&fixture(program), &args) {
            Ok(output) => (output.text(None, false), 0),
            Err(error) => (error.message, error.exit),
        }
    }

    #[test]
    fn c5_a_released_program_is_told_from_every_other() {
        let (list, key) = (fixture("SHA256SUMS"), fixture("key.pub"));
        let (said, exit) = check("arbion", &list, None, &key);
        assert_eq!(exit, 0, "{said}");
        assert!(said.starts_with("This program is arbion-0.1.0-x86_64-linux, signed by "), "{said}");
        assert!(said.ends_with("The signature says: arbion 0.1.0\n"), "{said}");
        let directory = tempfile::tempdir().unwrap();
        let with = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = std::fs::read_to_string(&list).unwrap();
        let signature = std::fs::read_to_string(fixture("SHA256SUMS.minisig")).unwrap();
        let signed = fixture("SHA256SUMS.minisig");
        let cases = [
            ("changed", list.clone(), None, key.clone(), "is none of the 1 in ", 1),
            ("arbion", list.clone(), None, fixture("other.pub"), "is signed by another key than ", 1),
            (
                "arbion",
                with("more", &format!("{good}\n")),
                Some(signed.clone()),
                key.clone(),
                "is not what was signed",
                1,
            ),
            (
                "arbion",
                list.clone(),
                Some(with("comment", &signature.replace("arbion 0.1.0", "arbion 9.9.9"))),
                key.clone(),
                "is not what was signed, or ",
                1,
            ),
            (
                "arbion",
                list.clone(),
                Some(with("cut", &signature[..80])),
                key.clone(),
                "no signature of minisign",
                2,
            ),
            (
                "arbion",
                list.clone(),
                Some(directory.path().join("none")),
                key.clone(),
                "the signature cannot be read: ",
                2,
            ),
            (
                "arbion",
                directory.path().join("none"),
                None,
                key.clone(),
                "the list of checksums cannot be read: ",
                2,
            ),
            (
                "arbion",
                list.clone(),
                None,
                with("key", "untrusted comment: x\nRWSD\n"),
                "no public key of minisign",
                2,
            ),
            (
                "arbion",
                list,
                None,
                with("long", &"x".repeat(1 << 20 | 1)),
                "it is longer than 1048576 bytes",
                2,
            ),
        ];
        for (program, list, signature, key, expected, code) in cases {
            let (said, exit) = check(program, &list, signature, &key);
            assert!(said.contains(expected), "{said:?} says nothing of {expected:?}");
            assert_eq!((exit, said.lines().count()), (code, 1), "{said}");
        }
    }

    #[test]
    fn a_list_is_what_sha256sum_writes() {
        let sum = "AB".repeat(32);
        let read = entries(&format!("{sum}  a b\n\n{sum} *c\n")).unwrap();
        assert_eq!(read, [(sum.to_lowercase(), "a b".to_owned()), (sum.to_lowercase(), "c".to_owned())]);
        for (list, line) in
            [("x  y", 1), (&*format!("{sum}  a\n{sum}"), 2), (&*format!("{}  a", &sum[1..]), 1)]
        {
            assert_eq!(entries(list), Err(line), "{list}");
        }
    }
}
