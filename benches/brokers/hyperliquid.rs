//! Hyperliquid: what it takes to sign.

use arbion::brokers::hyperliquid::actions::{Action, Grouping, OrderWire, Tif, TypeWire};
use arbion::brokers::hyperliquid::signing::{Network, Signer};

use crate::measure::{best, micros, row};

pub fn run() {
    let signer =
        Signer::new(&"0123456789012345678901234567890123456789012345678901234567890123".into()).unwrap();
    let order = OrderWire {
        a: 1,
        b: true,
        p: "1670.1".into(),
        s: "0.0147".into(),
        r: false,
        t: TypeWire::Limit { tif: Tif::Gtc },
        c: Some("0x0192f3a4b5c6d7e8f90123456789abcd".into()),
    };
    let action = Action::Order { orders: vec![order], grouping: Grouping::Na };
    let mut now = 1_700_000_000_123;
    let time = best(|| {
        now += 1;
        let nonce = signer.nonce(now);
        let expires = Some(now + 15_000);
        let signature = signer.sign_action(Network::Mainnet, &action, nonce, None, expires).unwrap();
        assert!(signature.v == 27 || signature.v == 28);
    });
    row("hyperliquid: an order packed, hashed and signed", micros(time), "< 150 us");
}
