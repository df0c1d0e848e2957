//! `licenses`: the packages that the program is made of, under which terms, and the bill of materials. The list is an asset that
//! `tests/it/supply.rs` makes of `Cargo.lock` and compares with it.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::args::LicensesArgs;
use crate::cli::error::CliError;
use crate::cli::output::{Align, Output, Table};

const LIST: &[u8] = include_bytes!("../../../assets/licenses.json.gz");

/// What the program is made of.
#[derive(Debug, Serialize, Deserialize)]
struct Licenses {
    /// By name, then version.
    packages: Vec<Package>,
    /// Those that the program names itself, by their place.
    direct: Vec<usize>,
    /// Texts of licences, each once.
    texts: Vec<String>,
}

/// A package of the registry.
#[derive(Debug, Serialize, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// SPDX expression.
    license: String,
    /// SHA-256 of the package's archive.
    sha256: String,
    /// Its texts, by their place.
    texts: Vec<usize>,
    /// Packages that it is built on, by their place.
    needs: Vec<usize>,
}

impl Package {
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

fn read() -> Result<Licenses, CliError> {
    let mut text = String::new();
    GzDecoder::new(LIST).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| CliError::internal(format!("the list of licences: {error}")))
}

pub(super) fn run(args: &LicensesArgs) -> Result<Output, CliError> {
    let Licenses { mut packages, direct, texts } = read()?;
    if args.sbom {
        let text = serde_json::to_string_pretty(&bill(&packages, &direct))?;
        return Ok(Output::new(&Value::Null)?.verbatim(text));
    }
    if let Some(part) = &args.package {
        packages.retain(|package| package.name.contains(part.as_str()));
        if packages.is_empty() {
            let shown = part.chars().take(64).collect::<String>();
            return Err(CliError::usage(format!(
                "no package has '{shown}' in its name; see: arbion licenses"
            )));
        }
    }
    let mut table = Table::new(
        &[("package", Align::Left), ("version", Align::Left), ("licence", Align::Left)],
        "no packages",
    );
    for package in &packages {
        table.push(vec![
            package.name.clone().into(),
            package.version.clone().into(),
            package.license.clone().into(),
        ]);
    }
    let mut written = String::new();
    let mut shown = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let of: Vec<String> = packages
            .iter()
            .filter(|package| package.texts.contains(&index))
            .map(|package| format!("{} {}", package.name, package.version))
            .collect();
        if !of.is_empty() {
            written.push_str(&format!("\n== {}\n\n{}\n", of.join(", "), text.trim_end()));
            shown.push(json!({ "packages": of, "text": text }));
        }
    }
    let rows: Vec<Value> = packages
        .iter()
        .map(
            |package| json!({ "name": package.name, "version": package.version, "license": package.license }),
        )
        .collect();
    let count = packages.len();
    Ok(Output::new(&json!({ "packages": rows, "texts": shown }))?
        .line(format!(
            "arbion {} is made of {count} package{} of others under these terms.",
            env!("CARGO_PKG_VERSION"),
            if count == 1 { "" } else { "s" },
        ))
        .table(table)
        .verbatim(written))
}

/// The bill of materials as CycloneDX 1.5 says it: the same bytes for the same program, so without a time and a serial number.
fn bill(packages: &[Package], direct: &[usize]) -> Value {
    let this = format!("pkg:cargo/{}@{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let components: Vec<Value> = packages
        .iter()
        .map(|package| {
            json!({
                "type": "library",
                "bom-ref": package.purl(),
                "name": package.name,
                "version": package.version,
                "scope": "required",
                "hashes": [{ "alg": "SHA-256", "content": package.sha256 }],
                "licenses": [{ "expression": package.license }],
                "purl": package.purl(),
            })
        })
        .collect();
    let needed = |places: &[usize]| -> Vec<String> {
        places.iter().filter_map(|place| packages.get(*place)).map(Package::purl).collect()
    };
    let ours = json!({ "ref": this, "dependsOn": needed(direct) });
    let theirs =
        packages.iter().map(|package| json!({ "ref": package.purl(), "dependsOn": needed(&package.needs) }));
    let dependencies: Vec<Value> = std::iter::once(ours).chain(theirs).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": this,
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "expression": env!("CARGO_PKG_LICENSE") }],
                "purl": this,
            },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(args: &LicensesArgs) -> Output {
        run(args).unwrap()
    }

    #[test]
    fn c3_every_package_has_its_terms() {
        let list = read().unwrap();
        assert!(list.packages.len() > 300, "{}", list.packages.len());
        for package in &list.packages {
            assert!(!package.license.is_empty() && !package.license.contains('/'), "{package:?}");
            assert!(!package.texts.is_empty(), "{} comes without a text", package.name);
            assert!(
                package.texts.iter().all(|text| list.texts.get(*text).is_some_and(|text| text.len() > 300))
            );
        }
        let output = answer(&LicensesArgs { package: None, sbom: false });
        let text = output.text(None, false);
        assert!(text.contains("rustls") && text.contains("Permission is hereby granted, free of charge"));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a terminal would obey it");
        let one =
            answer(&LicensesArgs { package: Some("minisign".to_owned()), sbom: false }).text(None, false);
        assert!(one.contains("made of 1 package of others") && one.contains("Frank Denis"), "{one}");
        let none = run(&LicensesArgs { package: Some("no such".to_owned()), sbom: false }).unwrap_err();
        assert_eq!((none.exit, none.message.lines().count()), (2, 1), "{none}");
    }

    #[test]
    fn c3_the_bill_of_materials_names_every_package_once_with_its_checksum() {
        let text = answer(&LicensesArgs { package: None, sbom: true }).text(None, false);
        let bill: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (bill["bomFormat"].as_str(), bill["specVersion"].as_str()),
            (Some("CycloneDX"), Some("1.5"))
        );
        let components = bill["components"].as_array().unwrap();
        let refs: std::collections::BTreeSet<&str> =
            components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(refs.len(), components.len());
        for component in components {
            assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), Some(64), "{component}");
        }
        for edge in bill["dependencies"].as_array().unwrap() {
            for to in edge["dependsOn"].as_array().unwrap() {
                assert!(refs.contains(to.as_str().unwrap()), "{edge}");
            }
        }
    }
}
