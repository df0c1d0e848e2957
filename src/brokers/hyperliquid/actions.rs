//! What can be done at Hyperliquid, as it is signed: the fields stand in the order in which the venue packs them, numbers that carry value are
//! text, and what is absent is left out. Never: signing, sending.

use serde::Serialize;

/// An action that an agent's key may sign.
///
/// Source: Hyperliquid docs, API, exchange endpoint; the order of fields is that of hyperliquid-python-sdk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Orders, alone or as a group.
    Order {
        /// The orders; of a bracket the entry first.
        orders: Vec<OrderWire>,
        /// What holds them together.
        grouping: Grouping,
    },
    /// Ends orders and enters others in their place.
    BatchModify {
        /// Which by which.
        modifies: Vec<ModifyWire>,
    },
    /// Cancels by the venue's ids.
    Cancel {
        /// Which.
        cancels: Vec<CancelWire>,
    },
    /// Cancels by our ids.
    CancelByCloid {
        /// Which.
        cancels: Vec<CancelByCloidWire>,
    },
    /// Cancels every order of the account at a time to come; without one, no more.
    ScheduleCancel {
        /// When, milliseconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
    },
    /// Sets the leverage of a perpetual.
    UpdateLeverage {
        /// Of which asset.
        asset: u32,
        /// Shared margin, or the position's own.
        is_cross: bool,
        /// Times.
        leverage: u32,
    },
    /// Adds margin to an isolated position, or takes some out.
    UpdateIsolatedMargin {
        /// Of which asset.
        asset: u32,
        /// Always true.
        is_buy: bool,
        /// Millionths of a dollar, signed.
        ntli: i64,
    },
    /// An order in slices over time.
    TwapOrder {
        /// Its terms.
        twap: TwapWire,
    },
    /// Ends one.
    TwapCancel {
        /// Of which asset.
        a: u32,
        /// The venue's id of it.
        t: u64,
    },
    /// Nothing: it uses up a nonce, so that whatever was signed with it cannot land any more.
    Noop,
    /// Buys requests beyond the address's limit.
    ReserveRequestWeight {
        /// How many.
        weight: u32,
    },
}

impl Action {
    /// Requests of the address that it counts as: a batch as many as it holds.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let held = match self {
            Self::Order { orders, .. } => orders.len(),
            Self::BatchModify { modifies } => modifies.len(),
            Self::Cancel { cancels } => cancels.len(),
            Self::CancelByCloid { cancels } => cancels.len(),
            _ => 1,
        };
        u64::try_from(held).unwrap_or(1)
    }
}

/// What holds the orders of an action together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase")]
pub enum Grouping {
    /// Nothing.
    Na,
    /// The first is an entry, the others its exits: they wake when it fills, and die with it.
    NormalTpsl,
    /// Exits of the whole position, whose size they follow.
    PositionTpsl,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct OrderWire {
    /// Asset id.
    pub a: u32,
    /// Buys.
    pub b: bool,
    /// Limit, or the worst price of a market order.
    pub p: String,
    /// Units of the base.
    pub s: String,
    /// Never opens or flips a position.
    pub r: bool,
    /// How it works.
    pub t: TypeWire,
    /// Our id, `0x` and 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<String>,
}

/// How an order works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TypeWire {
    /// Now.
    Limit {
        /// How long.
        tif: Tif,
    },
    /// Once the mark price has come.
    Trigger {
        /// At the market then, or as a limit.
        is_market: bool,
        /// The mark price that it waits for.
        trigger_px: String,
        /// On which side of the market that is.
        tpsl: Tpsl,
    },
}

/// How long an order works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub enum Tif {
    /// Until canceled.
    Gtc,
    /// Now; the rest is canceled.
    Ioc,
    /// Until canceled, and never taking.
    Alo,
}

/// Which way a trigger looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Tpsl {
    /// Takes a profit: a sell above the market, a buy below.
    Tp,
    /// Stops a loss: a sell below the market, a buy above.
    Sl,
}

/// One replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct ModifyWire {
    /// Which order ends.
    pub oid: OidOrCloid,
    /// Which one comes.
    pub order: OrderWire,
}

/// An order by the venue's id or by ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
pub enum OidOrCloid {
    /// The venue's.
    Oid(u64),
    /// Ours, as text.
    Cloid(String),
}

/// One cancel by the venue's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct CancelWire {
    /// Asset id.
    pub a: u32,
    /// The venue's id of the order.
    pub o: u64,
}

/// One cancel by our id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct CancelByCloidWire {
    /// Asset id.
    pub asset: u32,
    /// Our id, as text.
    pub cloid: String,
}

/// Terms of an order in slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct TwapWire {
    /// Asset id.
    pub a: u32,
    /// Buys.
    pub b: bool,
    /// Units of the base, in all.
    pub s: String,
    /// Never opens or flips a position.
    pub r: bool,
    /// Minutes.
    pub m: u32,
    /// Slices at random times.
    pub t: bool,
}
