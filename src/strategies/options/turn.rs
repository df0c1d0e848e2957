//! One evaluation of one slot: what it looks at, and how it says and proposes something. Its steps are the strategy's own.

use jiff::Timestamp;

use crate::domain::chain::Chain;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::OptionContract;
use crate::strategies::{Books, Decision, Output, Proposal};

use super::hours::Hours;
use super::market::{prices, share_price};
use super::positions::Positions;
use super::slots::SlotMemory;

/// Numbers of a record.
pub(in crate::strategies) type Values = Vec<(&'static str, f64)>;

/// Where a slot stands, as records say it.
pub(in crate::strategies) trait PhaseWord: Copy {
    /// In one word.
    fn word(self) -> &'static str;
}

/// One slot at one instant, with the strategy's own parameters, memory and phases.
pub(in crate::strategies) struct Turn<'a, P, M, F> {
    pub(in crate::strategies) name: &'a str,
    pub(in crate::strategies) now: Timestamp,
    pub(in crate::strategies) hours: Hours,
    pub(in crate::strategies) params: &'a P,
    pub(in crate::strategies) books: &'a dyn Books,
    pub(in crate::strategies) chain: &'a Chain,
    pub(in crate::strategies) positions: Positions,
    pub(in crate::strategies) memory: &'a mut M,
    pub(in crate::strategies) phase: F,
    pub(in crate::strategies) out: &'a mut Vec<Output>,
}

/// Is the slot's underlying halted, does the account hold less than the slot owns, or is one of its contracts no standard one.
pub(in crate::strategies) fn is_unfit(books: &dyn Books, positions: &Positions) -> bool {
    let share = &positions.share;
    let halted = books.quote(share).is_some_and(|quote| quote.halted);
    halted || books.account_position(share).get() < positions.shares || positions.has_adjusted()
}

impl<P, M: SlotMemory, F: PhaseWord> Turn<'_, P, M, F> {
    /// The price of the shares; says why there is none.
    pub(in crate::strategies) fn spot_or_say(&mut self) -> Option<Price> {
        let share = Instrument::clone(&self.positions.share);
        match share_price(self.books, &share, self.now) {
            Ok(price) => Some(price),
            Err((code, values)) => {
                self.skip(code, Some(share), values);
                None
            }
        }
    }

    /// A contract's prices, fresh and not crossed.
    pub(in crate::strategies) fn market(&self, contract: &OptionContract) -> Option<(Price, Price)> {
        prices(self.books, self.chain, contract, self.now)
    }

    /// The same; says where there are none.
    pub(in crate::strategies) fn market_or_say(
        &mut self,
        contract: &OptionContract,
    ) -> Option<(Price, Price)> {
        let market = self.market(contract);
        if market.is_none() {
            self.skip("NO_QUOTE", Some(Instrument::Option(contract.clone())), Vec::new());
        }
        market
    }

    /// Proposes an order, and remembers beyond which price it is not worth it. Always true: something was proposed.
    pub(in crate::strategies) fn propose(
        &mut self,
        order: Proposal,
        worst: Option<Price>,
        decision: Decision,
    ) -> bool {
        if let Some(worst) = worst {
            self.memory.as_mut().limits.remember(&order.subject, worst);
        }
        let decision = Decision { phase: self.phase.word(), quantity: Some(order.quantity), ..decision };
        self.out.push(Output::Propose(order, decision));
        self.out.push(Output::Remember);
        true
    }

    /// Says why nothing was done.
    pub(in crate::strategies) fn skip(
        &mut self,
        code: &'static str,
        instrument: Option<Instrument>,
        values: Values,
    ) {
        let decision = Decision::skip(code, instrument, values);
        self.out.push(Output::Decision(Decision { phase: self.phase.word(), ..decision }));
    }
}
