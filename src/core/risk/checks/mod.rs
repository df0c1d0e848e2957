//! The checks of reliability §4.1, in rooms by what they look at.

mod market;
mod money;
mod shape;
mod size;
mod state;

use rust_decimal::Decimal;

use crate::domain::denial::{DenialCode, RiskCheck, Verdict};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderRequest, Side};
use crate::domain::quote::Quote;

use super::cost::{CostEstimate, estimate};
use super::view::RiskView;

/// Results as they come in.
pub(super) struct Checks(Vec<RiskCheck>);

impl Checks {
    fn put(&mut self, code: DenialCode, passes: bool) {
        self.0.push(RiskCheck::new(code, if passes { Verdict::Pass } else { Verdict::Fail }));
    }

    fn skip(&mut self, code: DenialCode) {
        self.0.push(RiskCheck::new(code, Verdict::Skip));
    }

    /// Passes when `measured <= limit`.
    fn at_most(&mut self, code: DenialCode, measured: Decimal, limit: Decimal) {
        self.numbers(code, measured <= limit, measured, limit);
    }

    fn numbers(&mut self, code: DenialCode, passes: bool, measured: Decimal, limit: Decimal) {
        let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
        self.0.push(RiskCheck::new(code, verdict).with_numbers(measured, limit));
    }

    fn fail(&mut self, code: DenialCode, note: impl Into<smol_str::SmolStr>) {
        self.0.push(RiskCheck::new(code, Verdict::Fail).with_note(note));
    }
}

/// One leg, or the whole of a single order, with what is known of it.
pub(super) struct Part<'a> {
    instrument: &'a Instrument,
    side: Side,
    quantity: Quantity,
    spec: Option<&'a InstrumentSpec>,
    quote: Option<&'a Quote>,
    held: Quantity,
}

impl Part<'_> {
    fn multiplier(&self) -> Decimal {
        self.spec.map_or(Decimal::ONE, |spec| spec.multiplier)
    }

    /// The mark, or the cost of what is asked where there is none.
    fn value_price(&self, fallback: Option<Price>) -> Option<Price> {
        self.quote.and_then(Quote::mark).or(fallback)
    }

    fn after(&self) -> Quantity {
        self.held + Quantity::new(self.quantity.get() * self.side.sign())
    }
}

/// What all checks share.
pub(super) struct Context<'a> {
    view: &'a RiskView<'a>,
    request: &'a OrderRequest,
    parts: Vec<Part<'a>>,
    cost: CostEstimate,
    reduces: bool,
}

/// Runs every check.
pub(super) fn run(view: &RiskView<'_>, request: &OrderRequest) -> Vec<RiskCheck> {
    let part = |instrument, side, quantity| Part {
        instrument,
        side,
        quantity,
        spec: view.market.spec(instrument),
        quote: view.market.quote(instrument),
        held: view.portfolio.quantity(instrument),
    };
    let parts = match &request.subject {
        crate::domain::order::OrderSubject::Instrument(instrument) => {
            vec![part(instrument, request.side, request.quantity)]
        }
        crate::domain::order::OrderSubject::Legs(legs) => legs
            .iter()
            .map(|leg| {
                part(
                    &leg.instrument,
                    leg.side,
                    Quantity::new(leg.ratio.saturating_mul(request.quantity.get())),
                )
            })
            .collect(),
    };
    // A number no account could hold is refused before anything is multiplied with it.
    let huge = Decimal::from(1_000_000_000_000_i64);
    if parts.is_empty()
        || parts.iter().any(|part| part.quantity.abs().get() > huge)
        || prices(request).any(|p| p.abs().get() > huge)
    {
        let check =
            RiskCheck::new(DenialCode::BadQuantity, Verdict::Fail).with_numbers(request.quantity.get(), huge);
        return vec![check];
    }
    let context = Context {
        cost: estimate(view.portfolio, view.market, view.fees, request, request.quantity),
        reduces: view.only_reduces(request),
        view,
        request,
        parts,
    };
    let mut checks = Checks(Vec::with_capacity(DenialCode::ALL.len()));
    state::run(&context, &mut checks);
    shape::run(&context, &mut checks);
    market::run(&context, &mut checks);
    size::run(&context, &mut checks);
    money::run(&context, &mut checks);
    checks.0
}

/// Every price of a request.
fn prices(request: &OrderRequest) -> impl Iterator<Item = Price> {
    let trail = match request.pricing {
        crate::domain::order::Pricing::TrailingStop {
            trail: crate::domain::order::Trail::Amount(amount),
        } => Some(amount),
        _ => None,
    };
    let exits =
        [request.take_profit.as_ref(), request.stop_loss.as_ref()].map(|exit| exit.map(|exit| exit.price));
    [request.pricing.limit_price(), request.pricing.stop_price(), trail, exits[0], exits[1]]
        .into_iter()
        .flatten()
}
