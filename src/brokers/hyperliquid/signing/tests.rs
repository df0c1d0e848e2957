//! The vectors of the official client, every one.

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/fixtures/brokers/hyperliquid/signing-vectors.json"))
        .unwrap()
}

fn signer(vectors: &Value) -> Signer {
    Signer::new(&SecretString::from(vectors["private_key"].as_str().unwrap())).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = vec![0; (text.len() - 2) / 2];
    unhex(text, &mut bytes).unwrap();
    bytes
}

/// The official client prints no leading zeros.
fn padded(text: &Value) -> String {
    format!("0x{:0>64}", text.as_str().unwrap().trim_start_matches("0x"))
}

fn expect(signature: &Signature, wanted: &Value, name: &str) {
    assert_eq!(
        (&signature.r, &signature.s, u64::from(signature.v)),
        (&padded(&wanted["r"]), &padded(&wanted["s"]), wanted["v"].as_u64().unwrap()),
        "{name}"
    );
}

#[test]
fn every_vector_of_an_action_is_packed_hashed_and_signed_alike() {
    let vectors = vectors();
    let signer = signer(&vectors);
    assert_eq!(signer.address().to_string(), vectors["address_lower"].as_str().unwrap());
    // Actions that we do not send: they are hashed from the packed bytes alone.
    let foreign = [
        "dummy_num",
        "dummy_num_vault",
        "create_sub_account",
        "sub_account_transfer",
        "order_with_builder_fee",
        "modify_single",
    ];
    let mut typed = 0;
    let rows = vectors["l1"].as_array().unwrap();
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let packed = bytes(row["msgpack_hex"].as_str().unwrap());
        if !foreign.contains(&name) {
            let action: Action = serde_json::from_value(row["action"].clone())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(hex(&pack(&action).unwrap()), hex(&packed), "{name}");
            assert_eq!(serde_json::to_value(&action).unwrap(), row["action"], "{name}");
            typed += 1;
        }
        let nonce = row["nonce"].as_u64().unwrap();
        let vault = row["vault_address"].as_str().map(|text| text.parse().unwrap());
        let expires = row["expires_after"].as_u64();
        let id = connection_id(&packed, nonce, vault.as_ref(), expires);
        assert_eq!(hex(&id), row["connection_id"].as_str().unwrap(), "{name}");
        expect(&signer.sign_connection(Network::Mainnet, &id), &row["mainnet"], name);
        expect(&signer.sign_connection(Network::Testnet, &id), &row["testnet"], name);
    }
    assert_eq!((rows.len(), typed), (30, 24));
}

#[test]
fn every_vector_of_the_accounts_own_key_is_signed_alike() {
    let vectors = vectors();
    let signer = signer(&vectors);
    let rows = vectors["user_signed"].as_array().unwrap();
    for row in rows {
        let name = row["name"].as_str().unwrap();
        for (network, side) in [(Network::Mainnet, "mainnet"), (Network::Testnet, "testnet")] {
            let action = &row[side]["action"];
            assert_eq!(action["hyperliquidChain"], network.chain());
            let chain_id = row["domain"]["chainId"].as_u64().unwrap();
            let accounts: Vec<Option<Address>> = row["types"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| {
                    action[field["name"].as_str().unwrap()].as_str().and_then(|text| text.parse().ok())
                })
                .collect();
            let fields: Vec<(&str, Field<'_>)> = row["types"]
                .as_array()
                .unwrap()
                .iter()
                .zip(&accounts)
                .skip(1)
                .map(|(field, account)| {
                    let (name, kind) = (field["name"].as_str().unwrap(), field["type"].as_str().unwrap());
                    let value = &action[name];
                    let field = match kind {
                        "string" => Field::Text(value.as_str().unwrap_or_default()),
                        "address" => Field::Account(account.as_ref().unwrap()),
                        "uint64" => Field::Number(value.as_u64().unwrap()),
                        "bool" => Field::Flag(value.as_bool().unwrap()),
                        other => panic!("{other}"),
                    };
                    (name, field)
                })
                .collect();
            let primary = row["primary_type"].as_str().unwrap();
            let signature = signer.sign_fields(network, chain_id, primary, &fields);
            expect(&signature, &row[side]["signature"], &format!("{name} {side}"));
        }
    }
    assert_eq!(rows.len(), 6);
}

#[test]
fn nonces_rise_whatever_the_clock_does() {
    let signer = signer(&vectors());
    assert_eq!([signer.nonce(1_000), signer.nonce(1_000), signer.nonce(900)], [1_000, 1_001, 1_002]);
    assert_eq!(signer.nonce(5_000), 5_000);
    let signer = std::sync::Arc::new(signer);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let signer = std::sync::Arc::clone(&signer);
            std::thread::spawn(move || (0..500).map(|_| signer.nonce(6_000)).collect::<Vec<_>>())
        })
        .collect();
    let mut all: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2_000);
}

#[test]
fn y1_a_wrong_key_is_not_shown_and_a_right_one_neither() {
    for bad in ["", "0x12", "hunter2", &"f".repeat(64), &"0".repeat(64), &"0123456789abcdef".repeat(5)] {
        let error = Signer::new(&SecretString::from(bad)).unwrap_err();
        assert_eq!(error, SigningError::BadKey);
        assert_eq!(error.to_string(), "the private key is not one (0x and 64 hexadecimal digits)");
    }
    let key = "0123456789".repeat(6) + "0123";
    for given in [key.clone(), format!("0x{key}"), format!(" 0x{key}\n")] {
        let signer = Signer::new(&SecretString::from(given)).unwrap();
        let shown = format!("{signer:?}");
        assert!(!shown.contains("01234567890123"), "{shown}");
        assert_eq!(signer.address().last_four(), "9325");
    }
}

#[test]
fn addresses_are_lower_case_whatever_was_typed() {
    let typed: Address = "0x14791697260E4c9A71f18484C9f997B308e59325".parse().unwrap();
    assert_eq!(typed.to_string(), "0x14791697260e4c9a71f18484c9f997b308e59325");
    let error = "0x14".parse::<Address>().unwrap_err();
    assert_eq!(error, SigningError::BadAddress { text: "0x14".to_owned() });
    assert_eq!(error.to_string(), "'0x14' is no address (0x and 40 hexadecimal digits)");
    let error = SigningError::Unpackable { reason: "depth".to_owned() };
    assert_eq!(error.to_string(), "the action cannot be packed: depth");
}
