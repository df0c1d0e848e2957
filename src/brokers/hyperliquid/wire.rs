//! What Hyperliquid answers, as it is written. Unknown fields are passed over; numbers are read from their text.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::brokers::json;

/// A number or a text of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Number(#[serde(deserialize_with = "json::decimal")] pub(super) Decimal);

/// Perpetuals of one dex, by their index.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub(super) universe: Vec<PerpetualMeta>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PerpetualMeta {
    pub(super) name: String,
    pub(super) sz_decimals: u32,
    #[serde(default)]
    pub(super) max_leverage: u32,
    #[serde(default)]
    pub(super) is_delisted: bool,
    #[serde(default)]
    pub(super) only_isolated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dex {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SpotMeta {
    pub(super) tokens: Vec<Token>,
    pub(super) universe: Vec<SpotPair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub(super) name: String,
    pub(super) sz_decimals: u32,
    pub(super) index: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct SpotPair {
    pub(super) name: String,
    pub(super) tokens: (u32, u32),
    pub(super) index: u32,
}

/// Figures of the day, of a perpetual or a spot pair.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context {
    /// Of a spot pair alone.
    #[serde(default)]
    pub(super) coin: Option<String>,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) prev_day_px: Option<Decimal>,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) day_base_vlm: Option<Decimal>,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) mark_px: Option<Decimal>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Level {
    #[serde(deserialize_with = "json::decimal")]
    pub(super) px: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) sz: Decimal,
}

#[derive(Debug, Deserialize)]
pub(super) struct Book {
    pub(super) coin: String,
    pub(super) time: i64,
    /// Bids and asks, best first.
    pub(super) levels: (Vec<Level>, Vec<Level>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Top {
    pub(super) coin: String,
    pub(super) time: i64,
    pub(super) bbo: (Option<Level>, Option<Level>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Trade {
    pub(super) coin: String,
    pub(super) side: String,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) px: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) sz: Decimal,
    pub(super) time: i64,
    pub(super) tid: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Candle {
    pub(super) t: i64,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) o: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) h: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) l: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) c: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) v: Decimal,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Clearinghouse {
    pub(super) asset_positions: Vec<AssetPosition>,
    pub(super) margin_summary: MarginSummary,
    pub(super) cross_margin_summary: MarginSummary,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) cross_maintenance_margin_used: Decimal,
}

#[derive(Debug, Deserialize)]
pub(super) struct AssetPosition {
    pub(super) position: PerpetualPosition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PerpetualPosition {
    pub(super) coin: String,
    /// Signed units.
    #[serde(deserialize_with = "json::decimal")]
    pub(super) szi: Decimal,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) entry_px: Option<Decimal>,
    /// Positive, whichever side.
    #[serde(deserialize_with = "json::decimal")]
    pub(super) position_value: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) unrealized_pnl: Decimal,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MarginSummary {
    #[serde(deserialize_with = "json::decimal")]
    pub(super) account_value: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) total_margin_used: Decimal,
}

#[derive(Debug, Deserialize)]
pub(super) struct SpotState {
    pub(super) balances: Vec<SpotBalance>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpotBalance {
    pub(super) coin: String,
    pub(super) token: u32,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) total: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) hold: Decimal,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) entry_ntl: Option<Decimal>,
}

/// An order as the lists and the stream show it; the stream leaves out what is behind `orig_sz`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownOrder {
    pub(super) coin: String,
    /// `B` buys, `A` sells.
    pub(super) side: String,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) limit_px: Decimal,
    /// What remains.
    #[serde(deserialize_with = "json::decimal")]
    pub(super) sz: Decimal,
    /// 0 where it is not said: of an exit that waits for its entry.
    #[serde(default)]
    pub(super) oid: u64,
    pub(super) timestamp: i64,
    /// What was asked for.
    #[serde(deserialize_with = "json::decimal")]
    pub(super) orig_sz: Decimal,
    #[serde(default)]
    pub(super) cloid: Option<String>,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) trigger_px: Option<Decimal>,
    #[serde(default)]
    pub(super) order_type: Option<String>,
    #[serde(default)]
    pub(super) tif: Option<String>,
    /// An exit of the whole position, however large that is: its sizes are 0 until it is triggered.
    #[serde(default)]
    pub(super) is_position_tpsl: bool,
    /// Exits that wait for it to fill.
    #[serde(default)]
    pub(super) children: Vec<ShownOrder>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderWithStatus {
    pub(super) order: ShownOrder,
    pub(super) status: String,
    pub(super) status_timestamp: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct OrderAnswer {
    /// `order` or `unknownOid`.
    pub(super) status: String,
    #[serde(default)]
    pub(super) order: Option<OrderWithStatus>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fill {
    pub(super) coin: String,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) px: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) sz: Decimal,
    pub(super) side: String,
    pub(super) time: i64,
    #[serde(default)]
    pub(super) dir: String,
    pub(super) oid: u64,
    pub(super) tid: u64,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) fee: Decimal,
    /// What the fill realised, before fees.
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) closed_pnl: Option<Decimal>,
    #[serde(default)]
    pub(super) fee_token: Option<String>,
    #[serde(default)]
    pub(super) cloid: Option<String>,
    /// The order over a time that it is a slice of.
    #[serde(default)]
    pub(super) twap_id: Option<u64>,
}

/// A fill of a slice: such fills are in a list of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SliceFill {
    pub(super) fill: Fill,
    pub(super) twap_id: u64,
}

impl SliceFill {
    /// The fill, which says what it is a slice of.
    pub(super) fn into_fill(self) -> Fill {
        Fill { twap_id: Some(self.twap_id), ..self.fill }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserSliceFills {
    pub(super) twap_slice_fills: Vec<SliceFill>,
    #[serde(default)]
    pub(super) is_snapshot: bool,
}

/// A row of the history of orders over a time: one for each change of each.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TwapRow {
    /// Seconds since 1970.
    pub(super) time: i64,
    pub(super) state: TwapState,
    pub(super) status: TwapStatus,
    /// Absent in rows of long ago.
    #[serde(default)]
    pub(super) twap_id: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TwapState {
    pub(super) coin: String,
    pub(super) side: String,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) sz: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) executed_sz: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) executed_ntl: Decimal,
    pub(super) minutes: u32,
    #[serde(default)]
    pub(super) randomize: bool,
    /// Milliseconds since 1970: when it began.
    pub(super) timestamp: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TwapStatus {
    /// `activated`, `finished`, `terminated`, `error`.
    pub(super) status: String,
    #[serde(default)]
    pub(super) description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserTwapHistory {
    pub(super) history: Vec<TwapRow>,
    #[serde(default)]
    pub(super) is_snapshot: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserFills {
    pub(super) fills: Vec<Fill>,
    #[serde(default)]
    pub(super) is_snapshot: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserFundings {
    pub(super) fundings: Vec<Funding>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Funding {
    pub(super) time: i64,
    pub(super) coin: String,
    #[serde(deserialize_with = "json::decimal")]
    pub(super) usdc: Decimal,
}

/// The same as it is listed.
#[derive(Debug, Deserialize)]
pub(super) struct FundingRow {
    pub(super) time: i64,
    delta: FundingDelta,
}

#[derive(Debug, Deserialize)]
struct FundingDelta {
    coin: String,
    #[serde(deserialize_with = "json::decimal")]
    usdc: Decimal,
}

impl FundingRow {
    /// As the stream tells it.
    pub(super) fn into_funding(self) -> Funding {
        Funding { time: self.time, coin: self.delta.coin, usdc: self.delta.usdc }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserLedger {
    pub(super) non_funding_ledger_updates: Vec<LedgerEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LedgerEntry {
    pub(super) time: i64,
    pub(super) hash: String,
    pub(super) delta: LedgerDelta,
}

/// Only deposits and withdrawals of USDC are read out of it.
#[derive(Debug, Deserialize)]
pub(super) struct LedgerDelta {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) usdc: Option<Decimal>,
    #[serde(default, deserialize_with = "json::decimal_or_none")]
    pub(super) fee: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Notification {
    pub(super) notification: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserRole {
    pub(super) role: String,
    #[serde(default)]
    pub(super) data: Option<RoleData>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RoleData {
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) master: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    #[serde(default)]
    pub(super) name: String,
    pub(super) address: String,
    #[serde(default)]
    pub(super) valid_until: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubAccount {
    #[serde(default)]
    pub(super) name: String,
    pub(super) sub_account_user: String,
}

/// What `/exchange` answers: the second half depends on the first.
#[derive(Debug, Deserialize)]
pub(super) struct Exchanged<'a> {
    pub(super) status: String,
    #[serde(borrow)]
    pub(super) response: &'a RawValue,
}

#[derive(Debug, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    pub(super) data: Option<DoneData>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DoneData {
    /// Of orders and cancels, in their order.
    #[serde(default)]
    pub(super) statuses: Vec<Status>,
    /// Of a TWAP.
    #[serde(default)]
    pub(super) status: Option<Status>,
}

/// What became of one order, cancel or TWAP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Status {
    /// `success`, `waitingForFill`, `waitingForTrigger`.
    Word(String),
    /// Anything with more to say.
    Body(StatusBody),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct StatusBody {
    #[serde(default)]
    pub(super) resting: Option<Resting>,
    #[serde(default)]
    pub(super) filled: Option<Filled>,
    #[serde(default)]
    pub(super) running: Option<Running>,
    #[serde(default)]
    pub(super) error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Resting {
    pub(super) oid: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filled {
    pub(super) total_sz: String,
    pub(super) oid: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) twap_id: u64,
}

/// A message of a stream: the second half depends on the first.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    pub(super) channel: String,
    #[serde(default, borrow)]
    pub(super) data: Option<&'a RawValue>,
}

/// The answer to a subscription.
#[derive(Debug, Deserialize)]
pub(super) struct Subscribed {
    pub(super) method: String,
    pub(super) subscription: SubscribedTo,
}

#[derive(Debug, Deserialize)]
pub(super) struct SubscribedTo {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct AssetContext {
    pub(super) coin: String,
    pub(super) ctx: Context,
}

/// Prices by coin.
pub(super) type Mids = BTreeMap<String, Number>;

/// Values over a time, by the time's name: `[["day", {...}], ...]`.
pub(super) type Portfolio = Vec<(String, PortfolioPart)>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortfolioPart {
    /// Milliseconds and gain since the beginning.
    #[serde(default)]
    pub(super) pnl_history: Vec<(i64, Number)>,
}
