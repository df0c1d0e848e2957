//! Hyperliquid's words for what went wrong. Refusals come with HTTP 200 too; only the texts tell them apart.

use smol_str::SmolStr;

use super::NAME;
use crate::brokers::BrokerError;
use crate::brokers::http::Answer;
use crate::brokers::json;
use crate::domain::execution::Reject;
use crate::domain::text::clean;

/// Longest text of the venue that is passed on.
const TEXT_MAX: usize = 300;

/// Refusals by how they begin, and the word that the lists have for the same.
const REFUSALS: &[(&str, &str)] = &[
    ("Price must be divisible by tick size", "tickRejected"),
    ("Order must have minimum value of", "minTradeNtlRejected"),
    ("Insufficient margin to place order", "perpMarginRejected"),
    ("Reduce only order would increase position", "reduceOnlyRejected"),
    ("Post only order would have immediately matched", "badAloPxRejected"),
    ("Order could not immediately match against any resting orders", "iocCancelRejected"),
    ("Invalid TP/SL price", "badTriggerPxRejected"),
    ("No liquidity available for market order", "marketOrderNoLiquidityRejected"),
    (
        "Order would increase open interest while open interest is capped",
        "positionIncreaseAtOpenInterestCapRejected",
    ),
    ("Order rejected due to price more aggressive than oracle", "tooAggressiveAtOpenInterestCapRejected"),
    ("Order would increase open interest too quickly", "openInterestIncreaseRejected"),
    ("Order has insufficient spot balance to trade", "insufficientSpotBalanceRejected"),
    ("Insufficient spot balance", "insufficientSpotBalanceRejected"),
    ("Order price too far from oracle", "oracleRejected"),
    ("Order would cause position to exceed margin tier limit", "perpMaxPositionRejected"),
    ("Order has zero size", "zeroSizeRejected"),
    ("Order was never placed, already canceled, or filled", "notWorking"),
    ("Cannot modify canceled or filled order", "notWorking"),
    ("Must deposit before performing actions", "mustDeposit"),
    ("Vault not registered", "vaultNotRegistered"),
    ("Builder fee has not been approved", "builderFeeNotApproved"),
    ("Only post-only orders allowed", "postOnlyPeriod"),
    ("Too many cumulative requests sent", "addressLimit"),
    ("TWAP order value too small", "twapRejected"),
    ("Invalid TWAP duration", "twapRejected"),
];

/// A text of the venue, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    clean(text).chars().take(TEXT_MAX).collect()
}

/// What a refusal in words means.
pub(super) fn refused(text: &str) -> BrokerError {
    let broker = NAME.to_owned();
    let bare = text.strip_prefix("L1 error: ").unwrap_or(text);
    if bare.starts_with("User or API Wallet") && bare.contains("does not exist") {
        let reason = format!(
            "{}; the agent is not approved, was revoked, or belongs to the other network",
            shown(bare).trim_end_matches('.')
        );
        return BrokerError::Unauthorized { broker, reason };
    }
    if bare.starts_with("Invalid nonce") {
        // A nonce of ours is used once: either the same bytes have arrived before, or somebody else signs with this key.
        let reason = format!("{}; does another program use this agent?", shown(bare));
        return BrokerError::NoAnswer { broker, reason };
    }
    let code =
        REFUSALS.iter().find(|(prefix, _)| bare.starts_with(prefix)).map_or("refused", |(_, code)| code);
    let mut message = shown(bare);
    if code == "iocCancelRejected" {
        message = format!("not filled: {message}");
    }
    BrokerError::Refused { broker, status: 200, reject: Reject { code: SmolStr::new_static(code), message } }
}

/// Does the venue say that a nonce was used before.
pub(super) fn is_used_nonce(error: &BrokerError) -> bool {
    matches!(error, BrokerError::NoAnswer { reason, .. } if reason.starts_with("Invalid nonce: duplicate"))
}

/// An answer that is no success by its HTTP status.
pub(super) fn of_status(answer: &Answer) -> BrokerError {
    let (broker, status) = (NAME.to_owned(), answer.status.as_u16());
    let text = match json::read::<String>(&answer.body) {
        Ok(text) => shown(&text),
        Err(_) => json::beginning(&answer.body),
    };
    if matches!(status, 401 | 403) {
        return BrokerError::Unauthorized { broker, reason: format!("HTTP {status}, {text}") };
    }
    let reject = Reject { code: smol_str::format_smolstr!("HTTP_{status}"), message: text };
    BrokerError::Refused { broker, status, reject }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brokers::SubmitOutcome;

    #[test]
    fn every_refusal_of_the_venue_has_its_word() {
        for (text, code) in [
            ("Price must be divisible by tick size. asset=1", "tickRejected"),
            ("Order must have minimum value of $10. asset=1", "minTradeNtlRejected"),
            ("Order must have minimum value of 10 USDC. asset=10107", "minTradeNtlRejected"),
            ("Insufficient margin to place order. asset=1", "perpMarginRejected"),
            ("Reduce only order would increase position. asset=1", "reduceOnlyRejected"),
            ("Post only order would have immediately matched, bbo was 1@2. asset=1", "badAloPxRejected"),
            ("Order could not immediately match against any resting orders. asset=1", "iocCancelRejected"),
            ("Invalid TP/SL price. asset=1", "badTriggerPxRejected"),
            ("No liquidity available for market order. asset=1", "marketOrderNoLiquidityRejected"),
            (
                "Order would increase open interest while open interest is capped. asset=1",
                "positionIncreaseAtOpenInterestCapRejected",
            ),
            (
                "Order rejected due to price more aggressive than oracle while at open interest cap. asset=1",
                "tooAggressiveAtOpenInterestCapRejected",
            ),
            ("Order would increase open interest too quickly. asset=1", "openInterestIncreaseRejected"),
            ("Order has insufficient spot balance to trade. asset=10000", "insufficientSpotBalanceRejected"),
            ("Insufficient spot balance asset=10000", "insufficientSpotBalanceRejected"),
            ("Order price too far from oracle. asset=1", "oracleRejected"),
            (
                "Order would cause position to exceed margin tier limit at current leverage. asset=1",
                "perpMaxPositionRejected",
            ),
            ("Order has zero size. asset=1", "zeroSizeRejected"),
            ("Order was never placed, already canceled, or filled. asset=1", "notWorking"),
            ("Must deposit before performing actions. User: 0x12", "mustDeposit"),
            ("Vault not registered: 0x12", "vaultNotRegistered"),
            ("Builder fee has not been approved", "builderFeeNotApproved"),
            ("Only post-only orders allowed immediately after a network upgrade", "postOnlyPeriod"),
            (
                "Too many cumulative requests sent (97460 > 97456) for cumulative volume traded $87457.46. Place taker orders",
                "addressLimit",
            ),
            ("TWAP order value too small. Min is $1200, which is $10 per minute.", "twapRejected"),
            ("Invalid TWAP duration: 1 min(s)", "twapRejected"),
            ("something new", "refused"),
        ] {
            let SubmitOutcome::Rejected(reject) = SubmitOutcome::from(refused(text)) else {
                panic!("{text}")
            };
            assert_eq!(reject.code, code, "{text}");
            assert!(reject.message.contains(text), "{text}: {}", reject.message);
        }
    }

    #[test]
    fn a_signer_that_nobody_knows_is_a_dead_login_and_a_used_nonce_proves_nothing() {
        for text in
            ["L1 error: User or API Wallet 0x12 does not exist.", "User or API Wallet 0x12 does not exist."]
        {
            assert!(matches!(refused(text), BrokerError::Unauthorized { .. }), "{text}");
        }
        let error = refused("Invalid nonce: duplicate nonce 1741107452532");
        assert!(matches!(SubmitOutcome::from(error), SubmitOutcome::Unknown(_)));
        let dirty = refused("Price \u{1b}[31m must \u{202e}");
        assert!(!dirty.to_string().contains(['\u{1b}', '\u{202e}']), "{dirty}");
        assert!(refused(&"x".repeat(5_000)).to_string().len() < 400);
    }
}
