//! The bodies in which each broker refuses an order, as its page lists them.

use serde_json::json;

use super::Refusal;

/// Number, words, and what they mean here.
pub fn alpaca() -> Vec<Refusal> {
    let rows = [
        (403, 40_310_000_u64, "insufficient buying power", "INSUFFICIENT_FUNDS"),
        (403, 40_310_000, "insufficient balance for USD (requested: 10, available: 1)", "INSUFFICIENT_FUNDS"),
        (
            403,
            40_310_000,
            "insufficient qty available for order (requested: 5, available: 0)",
            "INSUFFICIENT_POSITION",
        ),
        (
            403,
            40_310_000,
            "insufficient underlying qty available for covered call (required: 100, available: 0)",
            "INSUFFICIENT_POSITION",
        ),
        (403, 40_310_000, "account not authorized to trade options", "PERMISSION"),
        (403, 40_310_000, "account not eligible for level2 options trading", "PERMISSION"),
        (403, 40_310_000, "exceeded account limit for contracts expiring today (5)", "PERMISSION"),
        (403, 40_310_000, "submit mleg order is disabled", "PERMISSION"),
        (403, 40_310_000, "potential wash trade detected. use complex orders", "WASH_TRADE"),
        (403, 40_310_000, "cannot open a short sell while a long buy order is open", "WASH_TRADE"),
        (403, 40_310_000, "cost basis must be >= minimal amount of order 10", "MIN_SIZE"),
        (403, 40_310_000, "asset \"X\" is not fractionable", "NOT_FRACTIONABLE"),
        (403, 40_310_000, "account is not authorized to trade", "BLOCKED"),
        (403, 40_310_000, "new orders are rejected by user request", "BLOCKED"),
        (403, 40_310_100, "trade denied due to pattern day trading protection", "DAY_TRADE"),
        (404, 40_410_000, "symbol not found: X", "NOT_FOUND"),
        (422, 40_010_001, "qty must be > 0", "INVALID"),
        (422, 40_010_001, "invalid order type", "INVALID"),
        (
            422,
            42_210_000,
            "invalid limit_price 90.001. sub-penny increment does not fulfill minimum pricing criteria",
            "INVALID",
        ),
        (422, 42_210_000, "asset \"X\" is not tradable", "INVALID"),
        (422, 42_210_000, "asset \"X\" cannot be sold short", "NOT_SHORTABLE"),
        (422, 42_210_000, "options market orders are only allowed during market hours", "MARKET_CLOSED"),
    ];
    let of = |(status, number, words, code): (u16, u64, &'static str, &'static str)| {
        Refusal::new(
            status,
            json!({"code": number, "message": words, "symbol": "X"}).to_string(),
            code,
            words,
        )
    };
    rows.into_iter().map(of).collect()
}

/// Four shapes, and the edge before them.
pub fn schwab() -> Vec<Refusal> {
    let listed = r#"{"errors":[{"id":"u","status":"400","title":"Bad Request","detail":"Invalid quantity","source":{"pointer":["/a","/b"]}}]}"#;
    let gateway = r#"{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}"#;
    vec![
        Refusal::new(400, r#"{"message":"Invalid account number"}"#, "BAD_REQUEST", "Invalid account number"),
        Refusal::new(400, r#"{"message":"Bad","errors":["a","b"]}"#, "BAD_REQUEST", "Bad; a; b"),
        Refusal::new(400, listed, "BAD_REQUEST", "Bad Request: Invalid quantity (/a, /b)"),
        Refusal::new(400, gateway, "BAD_REQUEST", "Body buffer overflow"),
        Refusal::new(400, r#"{"error":"invalid_request"}"#, "BAD_REQUEST", "invalid_request"),
        Refusal::new(400, "", "BAD_REQUEST", "it is empty"),
        Refusal::new(403, "<HTML>\u{1b}[31mAccess Denied</HTML>", "FORBIDDEN", "a page of its edge"),
        Refusal::new(403, r#"{"message":"Forbidden"}"#, "FORBIDDEN", "the app lacks the product"),
        Refusal::new(404, r#"{"message":"Account not found"}"#, "NOT_FOUND", "Account not found"),
    ]
}

/// Reasons of new orders, inside an answer of status 200.
const COINBASE_REASONS: [&str; 20] = [
    "UNSUPPORTED_ORDER_CONFIGURATION",
    "INVALID_SIDE",
    "INVALID_PRODUCT_ID",
    "INVALID_SIZE_PRECISION",
    "INVALID_PRICE_PRECISION",
    "INSUFFICIENT_FUND",
    "INVALID_LEDGER_BALANCE",
    "ORDER_ENTRY_DISABLED",
    "INELIGIBLE_PAIR",
    "INVALID_LIMIT_PRICE_POST_ONLY",
    "INVALID_LIMIT_PRICE",
    "INVALID_NO_LIQUIDITY",
    "INVALID_REQUEST",
    "COMMANDER_REJECTED_NEW_ORDER",
    "INSUFFICIENT_FUNDS",
    "IN_LIQUIDATION",
    "INVALID_MARGIN_TYPE",
    "INVALID_LEVERAGE",
    "UNTRADABLE_PRODUCT",
    "INVALID_FCM_TRADING_SESSION",
];

/// Statuses of both interfaces, and refusals inside an answer that came well.
pub fn coinbase() -> Vec<Refusal> {
    let mut all = vec![
        Refusal::new(
            400,
            r#"{"error":"INVALID_ARGUMENT","error_details":"bad limit","message":"bad limit"}"#,
            "INVALID_ARGUMENT",
            "bad limit",
        ),
        Refusal::new(
            400,
            r#"{"error":"unknown","code":3,"message":"parsing field","details":[{"type_url":"x","value":"y"}]}"#,
            "unknown",
            "parsing field",
        ),
        Refusal::new(
            400,
            r#"{"error":"x","message":"account is not available"}"#,
            "x",
            "has no wallet in the pair's currency",
        ),
        Refusal::new(
            403,
            r#"{"error":"PERMISSION_DENIED","error_details":"Missing required scopes","message":"x"}"#,
            "PERMISSION_DENIED",
            "the key lacks the permission for this",
        ),
        Refusal::new(
            404,
            r#"{"error":"NOT_FOUND","code":5,"message":"no such resource"}"#,
            "NOT_FOUND",
            "no such resource",
        ),
        Refusal::new(
            402,
            r#"{"errors":[{"id":"two_factor_required","message":"2FA"}]}"#,
            "two_factor_required",
            "2FA",
        ),
        Refusal::new(403, "<html>blocked</html>", "PERMISSION_DENIED", "blocked"),
        Refusal::new(400, "", "HTTP", "no reason given"),
        Refusal::new(
            200,
            r#"{"success":false,"failure_reason":"INVALID_SIDE"}"#,
            "INVALID_SIDE",
            "INVALID_SIDE",
        ),
        Refusal::new(200, r#"{"success":false}"#, "UNKNOWN_FAILURE_REASON", ""),
        Refusal::new(
            200,
            r#"{"success":false,"error_response":{"error":"INVALID_REQUEST","message":"","error_details":"",
            "preview_failure_reason":"PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
            "new_order_failure_reason":"UNKNOWN_FAILURE_REASON"}}"#,
            "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
            "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
        ),
    ];
    all.extend(COINBASE_REASONS.map(|reason| {
        let body = json!({"success": false, "error_response": {"error": reason, "message": "in words",
            "error_details": "", "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON",
            "new_order_failure_reason": reason}, "order_configuration": {}});
        Refusal::new(200, body.to_string(), reason, "in words")
    }));
    all
}

/// Words for an order, each as it begins, and what the lists call the same.
const HYPERLIQUID_ORDERS: [(&str, &str); 15] = [
    ("Price must be divisible by tick size. asset=1", "tickRejected"),
    ("Order must have minimum value of $10. asset=1", "minTradeNtlRejected"),
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
    ("Order has insufficient spot balance to trade. asset=1", "insufficientSpotBalanceRejected"),
    ("Order price too far from oracle. asset=1", "oracleRejected"),
    (
        "Order would cause position to exceed margin tier limit at current leverage. asset=1",
        "perpMaxPositionRejected",
    ),
    ("Order has zero size. asset=1", "zeroSizeRejected"),
];

/// Words for a whole action.
const HYPERLIQUID_ACTIONS: [(&str, &str); 6] = [
    ("L1 error: User or API Wallet 0x12 does not exist.", "UNAUTHORIZED"),
    ("Must deposit before performing actions. User: 0x12", "mustDeposit"),
    ("Vault not registered: 0x12", "vaultNotRegistered"),
    ("Builder fee has not been approved", "builderFeeNotApproved"),
    ("Only post-only orders allowed immediately after a network upgrade", "postOnlyPeriod"),
    (
        "Too many cumulative requests sent (97460 > 97456) for cumulative volume traded $87457.46. Place taker orders",
        "addressLimit",
    ),
];

/// Everything comes with status 200 but what is no request.
pub fn hyperliquid() -> Vec<Refusal> {
    let first = |text: &'static str| text.strip_prefix("L1 error: ").unwrap_or(text).trim_end_matches('.');
    let orders = HYPERLIQUID_ORDERS.map(|(text, code)| {
        let data = json!({"statuses": [{"error": text}]});
        let body = json!({"status": "ok", "response": {"type": "order", "data": data}});
        Refusal::new(200, body.to_string(), code, text)
    });
    let actions = HYPERLIQUID_ACTIONS.map(|(text, code)| {
        let body = json!({"status": "err", "response": text});
        Refusal::new(200, body.to_string(), code, first(text))
    });
    let malformed = "Failed to deserialize the JSON body into the target type";
    let malformed = Refusal::new(422, malformed, "HTTP_422", "Failed to deserialize");
    orders.into_iter().chain(actions).chain([malformed]).collect()
}
