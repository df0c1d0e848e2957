//! What the program is made of (reliability C1–C4): the list of packages with their licences that comes with it is that of `Cargo.lock`, and the
//! build is the one that was decided on.
//!
//! After a change of dependencies the list is made anew: `ARBION_WRITE_LICENSES=1 cargo test --test it c3_`. That asks cargo for the packages
//! of every system that is built for, so it may have to fetch some.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Systems whose packages are in the list.
const SYSTEMS: &[&str] = &[
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-apple-darwin",
];
/// Most packages (design decision 13).
const PACKAGES_MAX: usize = 550;
/// Most bytes that the list adds to the program.
const LIST_BYTES_MAX: usize = 128 * 1024;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn list_file() -> PathBuf {
    root().join("assets/licenses.json.gz")
}

/// Name and version.
type Id = (String, String);

#[derive(Debug, Default)]
struct Package {
    license: String,
    license_file: Option<String>,
    authors: Vec<String>,
    directory: PathBuf,
    needs: BTreeSet<Id>,
}

/// The packages that are linked into the program on a system, and those that it names itself.
fn linked(system: &str, offline: bool) -> (BTreeMap<Id, Package>, BTreeSet<Id>) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        system,
    ]);
    if offline {
        cargo.arg("--offline");
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = |package: &Value| -> Id {
        (package["name"].as_str().unwrap().to_owned(), package["version"].as_str().unwrap().to_owned())
    };
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    // What only builds or tests is not in the program.
    let needs = |of: &str| -> Vec<&str> {
        let normal =
            |edge: &&Value| edge["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
        nodes[of]["deps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(normal)
            .map(|edge| edge["pkg"].as_str().unwrap())
            .collect()
    };
    let this = metadata["resolve"]["root"].as_str().unwrap();
    let direct = needs(this);
    let (mut found, mut open) = (BTreeMap::new(), direct.clone());
    while let Some(next) = open.pop() {
        let package = packages[next];
        if found.contains_key(&id(package)) {
            continue;
        }
        let inner = needs(next);
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        found.insert(
            id(package),
            Package {
                license: package["license"].as_str().unwrap_or_default().replace('/', " OR "),
                license_file: package["license_file"].as_str().map(str::to_owned),
                authors: texts(&package["authors"]),
                directory: manifest.parent().unwrap().to_owned(),
                needs: inner.iter().map(|of| id(packages[of])).collect(),
            },
        );
        open.extend(inner);
    }
    (found, direct.iter().map(|of| id(packages[of])).collect())
}

/// Checksums of archives, by `Cargo.lock`.
fn checksums() -> BTreeMap<Id, String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    lock.split("[[package]]")
        .filter_map(|part| {
            let value = |name: &str| {
                let line = part.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")))?;
                Some(line.trim_matches('"').to_owned())
            };
            Some(((value("name")?, value("version")?), value("checksum")?))
        })
        .collect()
}

/// The texts of a package's licence: of the one that asks for least, where it has several to choose from.
fn texts(id: &Id, package: &Package) -> Vec<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(&package.directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().to_uppercase();
            let begins = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
            path.is_file() && begins.iter().any(|begin| name.starts_with(begin))
        })
        .collect();
    files.extend(package.license_file.iter().map(|file| package.directory.join(file)));
    files.sort();
    files.dedup();
    let choice = package.license.contains(" OR ") && !package.license.contains(" AND ");
    let mit = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().to_uppercase().contains("MIT");
    if choice && files.iter().any(mit) {
        files.retain(mit);
    }
    if files.is_empty() {
        assert!(package.license.contains("MIT"), "{id:?} has no text of its licence, {}", package.license);
        return vec![plain(&format!("{}{MIT}", holders(id, package)))];
    }
    files.iter().map(|file| plain(&String::from_utf8_lossy(&std::fs::read(file).unwrap()))).collect()
}

fn holders(id: &Id, package: &Package) -> String {
    let holders = if package.authors.is_empty() {
        format!("the authors of {}", id.0)
    } else {
        package.authors.join(", ")
    };
    format!(
        "The package comes without a file of its licence and says: {}\n\nCopyright (c) {holders}\n\n",
        package.license
    )
}

/// Lines without trailing blanks, and nothing that a terminal would obey.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>().trim_end().to_owned())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn write_list() {
    let (mut packages, mut direct) = (BTreeMap::new(), BTreeSet::new());
    for system in SYSTEMS {
        let (found, named) = linked(system, false);
        for (id, package) in found {
            let known: &mut Package = packages.entry(id).or_default();
            let needs = known.needs.union(&package.needs).cloned().collect();
            *known = Package { needs, ..package };
        }
        direct.extend(named);
    }
    let places: BTreeMap<&Id, usize> = packages.keys().enumerate().map(|(place, id)| (id, place)).collect();
    let checksums = checksums();
    let mut all: Vec<String> = Vec::new();
    let rows: Vec<Value> = packages
        .iter()
        .map(|(id, package)| {
            let texts: Vec<usize> = texts(id, package)
                .into_iter()
                .map(|text| {
                    all.iter().position(|known| *known == text).unwrap_or_else(|| {
                        all.push(text);
                        all.len() - 1
                    })
                })
                .collect();
            let needs: Vec<usize> = package.needs.iter().map(|need| places[need]).collect();
            json!({
                "name": id.0, "version": id.1, "license": package.license, "sha256": checksums[id],
                "texts": texts, "needs": needs,
            })
        })
        .collect();
    let direct: Vec<usize> = direct.iter().map(|id| places[id]).collect();
    let list = json!({ "packages": rows, "direct": direct, "texts": all }).to_string();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(list.as_bytes()).unwrap();
    std::fs::write(list_file(), packed.finish().unwrap()).unwrap();
}

#[test]
fn c3_every_package_of_the_program_is_in_its_list_of_licences() {
    if std::env::var_os("ARBION_WRITE_LICENSES").is_some() {
        write_list();
    }
    let packed = std::fs::read(list_file()).unwrap();
    assert!(packed.len() < LIST_BYTES_MAX, "{} bytes", packed.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let listed: BTreeMap<Id, &Value> = list["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            ((row["name"].as_str().unwrap().to_owned(), row["version"].as_str().unwrap().to_owned()), row)
        })
        .collect();
    let how = "make the list anew: ARBION_WRITE_LICENSES=1 cargo test --test it c3_";
    let host = format!(
        "{}-{}",
        std::env::consts::ARCH,
        if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" }
    );
    let (here, _) = linked(&host, true);
    assert!(here.len() > 200, "{}", here.len());
    for (id, package) in &here {
        let row = listed.get(id).unwrap_or_else(|| panic!("{} {} is not in the list; {how}", id.0, id.1));
        assert_eq!(row["license"].as_str(), Some(package.license.as_str()), "{id:?}; {how}");
    }
    let checksums = checksums();
    for (id, row) in &listed {
        let locked = checksums.get(id).map(String::as_str);
        assert_eq!(row["sha256"].as_str(), locked, "{} {} is not what Cargo.lock has; {how}", id.0, id.1);
    }
}

#[test]
fn c4_the_program_is_made_of_no_more_packages_than_were_decided_on() {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let count = linked(&host, true).0.len();
    assert!(count <= PACKAGES_MAX, "{count} packages");
}

/// C2, without the advisories: those are `just deny`'s, as is what of the licences it alone can tell.
#[test]
fn c2_nothing_is_built_in_that_was_ruled_out() {
    let rules: toml::Table = std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let named = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let locked: Vec<Id> = checksums().into_keys().collect();
    let versions = |name: &str| locked.iter().filter(|id| id.0 == name).count();
    let mut banned = 0;
    for ban in rules["bans"]["deny"].as_array().unwrap() {
        let name = named(ban, "crate");
        let one = ban.get("deny-multiple-versions").is_some();
        assert!(versions(&name) <= usize::from(one), "{name} is in Cargo.lock {} times", versions(&name));
        banned += usize::from(!one);
    }
    assert!(banned >= 3, "{rules}");
    let allowed: BTreeSet<&str> =
        rules["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    for (id, package) in linked(&host, true).0 {
        // Of several to choose from one is enough; of several at once each must be allowed.
        let expression = package.license.replace(['(', ')'], "");
        let fits = |terms: &str| terms.split(" OR ").any(|one| allowed.contains(one.trim()));
        assert!(expression.split(" AND ").all(fits), "{id:?} is under {}", package.license);
    }
}

#[test]
fn c1_the_build_is_the_one_that_was_decided_on() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let release = &manifest["profile"]["release"];
    assert_eq!(release["overflow-checks"].as_bool(), Some(true));
    assert_eq!(release["panic"].as_str(), Some("unwind"));
    assert_eq!(release["strip"].as_bool(), Some(true));
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert!(manifest["package"]["rust-version"].as_str().is_some());
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    for step in ["cargo clippy --locked", "cargo build --locked"] {
        assert!(run.contains(step), ".ci/run lacks {step}");
    }
    // Every package comes from the registry, and the lock says which bytes.
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for part in lock.split("[[package]]").skip(1).filter(|part| !part.contains("name = \"arbion\"\n")) {
        let sound = part.contains("source = \"registry+https://github.com/rust-lang/crates.io-index\"")
            && part.contains("checksum = ");
        assert!(sound, "{part}");
    }
}

/// C5: the program itself, under a list that minisign signed with a key of this moment.
#[test]
#[ignore = "needs the package minisign; run by .ci/run"]
fn real_c5_the_running_program_is_checked_against_what_minisign_signed() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).stdin(std::process::Stdio::null()).output().unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let program = env!("CARGO_BIN_EXE_arbion");
    for key in ["ours", "theirs"] {
        let (code, said) = run("minisign", &["-G", "-W", "-p", &at(&format!("{key}.pub")), "-s", &at(key)]);
        assert_eq!(code, Some(0), "{said}");
    }
    let (_, sum) = run("sha256sum", &[program]);
    std::fs::write(at("SHA256SUMS"), sum).unwrap();
    let (code, said) =
        run("minisign", &["-S", "-W", "-s", &at("ours"), "-m", &at("SHA256SUMS"), "-t", "arbion, a test"]);
    assert_eq!(code, Some(0), "{said}");
    let verify =
        |key: &str| run(program, &["self", "verify", "--checksums", &at("SHA256SUMS"), "--key", &at(key)]);
    let (code, said) = verify("ours.pub");
    assert!(code == Some(0) && said.contains("The signature says: arbion, a test"), "{said}");
    let (code, said) = verify("theirs.pub");
    assert!(code == Some(1) && said.contains("is signed by another key than"), "{said}");
    std::fs::write(at("SHA256SUMS"), format!("{}  arbion\n", "0".repeat(64))).unwrap();
    let (code, said) = verify("ours.pub");
    assert!(code == Some(1) && said.contains("is not what was signed"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

const MIT: &str = r#"Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."#;
