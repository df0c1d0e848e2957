//! What only Hyperliquid has: a cancel of everything at a time to come, leverage and margin of a position.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::account::HyperliquidAccount;
use super::actions::Action;
use super::venue::{self, ms};
use super::{NAME, mapping, wrong};
use crate::brokers::BrokerError;
use crate::domain::instrument::Instrument;
use crate::domain::order::OrderSubject;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// A cancel of everything lies at least this far ahead.
const AHEAD_MIN_MS: u64 = 5_000;
/// Requests that are bought at once at most: fifty dollars' worth.
const RESERVED_MAX: u32 = 100_000;
/// Millionths of a dollar.
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

impl HyperliquidAccount {
    /// Carries out what only this venue has, and says in words what came of it.
    pub(super) async fn carry_out(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        match action {
            VenueAction::ScheduleCancel { after_seconds } => {
                let after = after_seconds.map(|seconds| jiff::SignedDuration::from_secs(seconds.into()));
                let now = self.shared.venue.http.broker_now();
                let at = after.map(|after| now.checked_add(after).unwrap_or(Timestamp::MAX));
                self.schedule_cancel(at).await?;
            }
            VenueAction::Leverage { instrument, leverage, cross } => {
                self.update_leverage(instrument, *leverage, *cross).await?;
            }
            VenueAction::IsolatedMargin { instrument, amount } => {
                self.update_isolated_margin(instrument, *amount).await?;
            }
            VenueAction::ReserveRequests { requests } => self.reserve_requests(*requests).await?,
            VenueAction::DepositAddresses { .. } | VenueAction::NewDepositAddress { .. } => {
                return Err(wrong(
                    format!("'{action}'"),
                    "deposits by a transfer from the wallet to the bridge",
                ));
            }
            VenueAction::Exercise { .. }
            | VenueAction::DoNotExercise { .. }
            | VenueAction::Settings
            | VenueAction::Set { .. } => {
                return Err(wrong(
                    format!("'{action}'"),
                    "leverage, margin, and a cancel of everything to come",
                ));
            }
        }
        Ok(VenueAnswer::Done(format!("{action}: done")))
    }

    /// Lets the venue cancel every order of the account at an instant, unless it is told another one before; `None` takes that back. Ten
    /// times a day at most does it fire.
    ///
    /// # Errors
    /// `Unsupported` for an instant less than five seconds ahead, and what the venue says.
    pub async fn schedule_cancel(&self, at: Option<Timestamp>) -> Result<(), BrokerError> {
        let time = at.map(ms);
        if time.is_some_and(|time| time < self.shared.venue.now_ms() + AHEAD_MIN_MS) {
            return Err(wrong("a cancel of everything so soon".to_owned(), "at least 5 seconds ahead"));
        }
        let action = Action::ScheduleCancel { time };
        self.shared.act(venue::cancel("scheduleCancel"), &action, false).await.map(|_| ())
    }

    /// Sets the leverage of a perpetual.
    ///
    /// # Errors
    /// `Unsupported` beyond what the instrument allows, and what the venue says.
    pub async fn update_leverage(
        &self,
        instrument: &Instrument,
        leverage: u32,
        cross: bool,
    ) -> Result<(), BrokerError> {
        let universe = self.shared.venue.universe().await?;
        let subject = OrderSubject::Instrument(instrument.clone());
        let (asset, _) = mapping::asset_of(&universe, &subject)?;
        if asset.is_spot {
            return Err(wrong(format!("leverage of {instrument}"), "leverage of perpetuals"));
        }
        if leverage == 0 || (asset.leverage_max > 0 && leverage > asset.leverage_max) {
            let allowed = format!("1 to {}", asset.leverage_max);
            return Err(wrong(format!("leverage {leverage} of {instrument}"), &allowed));
        }
        if cross && asset.only_isolated {
            return Err(wrong(format!("shared margin for {instrument}"), "isolated margin"));
        }
        let action = Action::UpdateLeverage { asset: asset.id, is_cross: cross, leverage };
        self.shared.act(venue::order("updateLeverage"), &action, true).await.map(|_| ())
    }

    /// Adds margin to an isolated position (positive), or takes some out; dollars.
    ///
    /// # Errors
    /// `Unsupported` for what is finer than a millionth, and what the venue says.
    pub async fn update_isolated_margin(
        &self,
        instrument: &Instrument,
        amount: Decimal,
    ) -> Result<(), BrokerError> {
        let millionths = (amount * MILLION).normalize();
        let whole = millionths.scale() == 0;
        let ntli = i64::try_from(millionths.trunc().mantissa()).ok().filter(|_| whole);
        let ntli = ntli.ok_or_else(|| wrong(format!("a margin of {amount}"), "millionths of a dollar"))?;
        let asset = self.asset_id(instrument).await?;
        let action = Action::UpdateIsolatedMargin { asset, is_buy: true, ntli };
        self.shared.act(venue::order("updateIsolatedMargin"), &action, true).await.map(|_| ())
    }

    /// Buys requests for the account's address, each for 0.0005 USDC, and asks how many it may send now.
    ///
    /// # Errors
    /// `Unsupported` for none or too many at once, and what the venue says.
    pub async fn reserve_requests(&self, requests: u32) -> Result<(), BrokerError> {
        if !(1..=RESERVED_MAX).contains(&requests) {
            return Err(wrong(format!("{requests} requests"), &format!("1 to {RESERVED_MAX} at once")));
        }
        let action = Action::ReserveRequestWeight { weight: requests };
        // What is paid for goes once: a lost answer is looked up, not repeated.
        self.shared.act(venue::order("reserveRequestWeight"), &action, true).await?;
        if let Err(error) = self.request_budget().await {
            tracing::debug!(%error, "the address's requests could not be asked for");
        }
        Ok(())
    }

    async fn asset_id(&self, instrument: &Instrument) -> Result<u32, BrokerError> {
        let universe = self.shared.venue.universe().await?;
        let missing =
            || BrokerError::NotFound { broker: NAME.to_owned(), what: format!("instrument {instrument}") };
        universe.asset(instrument).map(|asset| asset.id).ok_or_else(missing)
    }
}
