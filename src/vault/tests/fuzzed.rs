//! What a vault may hold when it opens, whoever has written it (reliability C6): it is a vault or damage, and damage quotes nothing.

use super::*;
use crate::fuzz;
use crate::vault::items::Items;

#[test]
fn c6_what_a_vault_holds() {
    let path = Path::new("/v/vault.age");
    let mut items = Items::default();
    for (name, value) in [
        ("brokers.alpaca.secret", "KEYCANARYjW8kQz0pXv4Rt"),
        ("a", "b"),
        ("pem", "-----BEGIN\nx\n-----END\n"),
    ] {
        items.set(&name.parse().unwrap(), &value.to_owned().into(), now()).unwrap();
    }
    items.recovery.push("age1qqqq".to_owned());
    let corpus = vec![items.to_json(path).unwrap().to_vec(), br#"{"version":1,"items":{}}"#.to_vec()];
    fuzz::run("c6_what_a_vault_holds", &corpus, 8_000, |input| match Items::from_json(path, input) {
        Ok(read) => {
            for listed in read.list() {
                fuzz::assert_shows_safely(listed.name.as_str());
                fuzz::assert_shows_safely(&listed.last_four);
                assert!(!read.get(&listed.name).unwrap().expose_secret().is_empty());
            }
            let written = read.to_json(path).unwrap();
            let again = Items::from_json(path, &written).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(*again.to_json(path).unwrap(), *written, "written and read it is the same");
        }
        Err(error) => {
            let said = error.to_string();
            fuzz::assert_shows_safely(&said);
            assert!(!said.contains("CANARY"), "{said}");
        }
    });
}
