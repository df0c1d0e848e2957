//! The checks of reliability §4.1, in rooms by what they look at.

pub(super) mod exposure;
mod market;
mod money;
mod options;
mod shape;
mod size;
mod state;

use rust_decimal::Decimal;

use crate::domain::denial::{DenialCode, RiskCheck, Verdict};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::order::{Order, OrderRequest, OrderSubject, Side};
use crate::domain::quote::Quote;

use super::Kept;
use super::cost::{CostEstimate, after_closing, estimate, estimate_beyond, opening_part};
use super::rates::rate;
use super::view::RiskView;

/// Results as they come in.
pub(super) struct Checks {
    list: Vec<RiskCheck>,
    kept: Kept,
}

impl Checks {
    #[inline]
    fn push(&mut self, code: DenialCode, verdict: Verdict, finish: impl FnOnce(RiskCheck) -> RiskCheck) {
        if self.kept == Kept::All || verdict == Verdict::Fail {
            self.list.push(finish(RiskCheck::new(code, verdict)));
        }
    }

    fn put(&mut self, code: DenialCode, passes: bool) {
        self.push(code, if passes { Verdict::Pass } else { Verdict::Fail }, |check| check);
    }

    fn skip(&mut self, code: DenialCode) {
        self.push(code, Verdict::Skip, |check| check);
    }

    /// Passes when `measured <= limit`.
    fn at_most(&mut self, code: DenialCode, measured: Decimal, limit: Decimal) {
        self.numbers(code, measured <= limit, measured, limit);
    }

    fn numbers(&mut self, code: DenialCode, passes: bool, measured: Decimal, limit: Decimal) {
        let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
        self.push(code, verdict, |check| check.with_numbers(measured, limit));
    }

    /// A result with words that cost nothing to make.
    fn noted(&mut self, code: DenialCode, verdict: Verdict, note: &'static str) {
        self.push(code, verdict, |check| check.with_note(smol_str::SmolStr::new_static(note)));
    }

    /// It passes, and something is to be said of it.
    fn told(&mut self, code: DenialCode, note: impl Into<smol_str::SmolStr>) {
        self.push(code, Verdict::Pass, |check| check.with_note(note));
    }

    fn fail(&mut self, code: DenialCode, note: impl Into<smol_str::SmolStr>) {
        self.push(code, Verdict::Fail, |check| check.with_note(note));
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
    /// What is held and no working order on this side has claimed.
    free: Quantity,
    /// The units beyond what is free to close: they open or flip.
    opening: Quantity,
}

impl<'a> Part<'a> {
    fn new(
        view: &RiskView<'a>,
        request: &OrderRequest,
        instrument: &'a Instrument,
        side: Side,
        quantity: Quantity,
    ) -> Self {
        let held = view.portfolio.quantity(instrument);
        let buy = side.is_buy();
        // Only what could be closed can have been claimed.
        let free = if held.is_zero() || held.is_positive() == buy {
            held
        } else {
            let claimed = view.pending(request, instrument, buy, false);
            after_closing(held, buy, Quantity::new(claimed))
        };
        Self {
            instrument,
            side,
            quantity,
            spec: view.market.spec(instrument),
            quote: view.market.quote(instrument),
            held,
            free,
            opening: opening_part(free, buy, quantity),
        }
    }

    fn multiplier(&self) -> Decimal {
        self.spec.map_or(Decimal::ONE, |spec| spec.multiplier)
    }

    /// The mark, or the cost of what is asked where there is none.
    fn value_price(&self, fallback: Option<Price>) -> Option<Price> {
        self.quote.and_then(Quote::mark).or(fallback)
    }

    /// The side of the market that this part would trade against.
    fn far_side(&self) -> Option<Price> {
        let quote = self.quote?;
        if self.side.is_buy() { quote.ask } else { quote.bid }.or_else(|| quote.mark())
    }

    fn signed(&self) -> Decimal {
        self.quantity.get() * self.side.sign()
    }

    fn after(&self) -> Quantity {
        self.held + Quantity::new(self.signed())
    }

    /// Is every unit of it taken off what is held and free.
    fn closes(&self) -> bool {
        self.quantity.is_positive() && !self.free.is_zero() && self.opening.is_zero()
    }
}

impl Context<'_> {
    /// Units of the account's currency that one unit of an instrument's buys; an instrument without terms is denied for that.
    fn rate(&self, instrument: &Instrument) -> Result<Decimal, Unrated> {
        let known = self.parts.iter().find(|part| part.instrument == instrument);
        rate_at(self.view, known.map_or_else(|| self.view.market.spec(instrument), |part| part.spec))
    }
}

/// The same without an order.
fn rate_of(view: &RiskView<'_>, instrument: &Instrument) -> Result<Decimal, Unrated> {
    rate_at(view, view.market.spec(instrument))
}

fn rate_at(view: &RiskView<'_>, spec: Option<&InstrumentSpec>) -> Result<Decimal, Unrated> {
    match spec.map(|spec| spec.currency) {
        Some(currency) => rate(view.portfolio, view.market, currency).ok_or(Unrated(currency)),
        None => Ok(Decimal::ONE),
    }
}

/// No quote turns this currency into the account's.
struct Unrated(Currency);

impl From<Unrated> for smol_str::SmolStr {
    fn from(Unrated(currency): Unrated) -> Self {
        smol_str::format_smolstr!("currency={currency} has no rate")
    }
}

/// What all checks share.
pub(super) struct Context<'a> {
    view: &'a RiskView<'a>,
    request: &'a OrderRequest,
    parts: Vec<Part<'a>>,
    cost: CostEstimate,
    /// It does nothing but reduce.
    reduces: bool,
    /// It takes the place of an order that was at least as large and as eager: nothing increases.
    shrinks: bool,
}

/// Orders of ours that an order would trade with.
pub(super) fn crossing(view: &RiskView<'_>, request: &OrderRequest) -> Vec<ClientOrderId> {
    let Some(instrument) = request.subject.instrument() else { return Vec::new() };
    let crosses = money::crossing(view, request, instrument, view.market.quote(instrument));
    crosses.map(|order| order.request.client_order_id).collect()
}

/// Runs every check. Also says whether the order does nothing but reduce; packages do when every leg does.
pub(super) fn run(view: &RiskView<'_>, request: &OrderRequest, kept: Kept) -> (Vec<RiskCheck>, bool) {
    if let Some(check) = beyond_measure(view, request) {
        return (vec![check], false);
    }
    let parts: Vec<Part<'_>> = match &request.subject {
        OrderSubject::Instrument(instrument) => {
            vec![Part::new(view, request, instrument, request.side, request.quantity)]
        }
        OrderSubject::Legs(legs) => legs
            .iter()
            .map(|leg| {
                let quantity = Quantity::new(leg.ratio * request.quantity.get());
                Part::new(view, request, &leg.instrument, leg.side, quantity)
            })
            .collect(),
    };
    let cost = match (&request.subject, parts.as_slice()) {
        (OrderSubject::Instrument(instrument), [part]) => {
            estimate_beyond(view, request, instrument, part.free)
        }
        _ => estimate(view.portfolio, view.market, view.fees, request, request.quantity),
    };
    let reduces = parts.iter().all(Part::closes);
    let shrinks = view.replaces.is_some_and(|old| is_no_increase(old, request));
    let context = Context { view, request, parts, cost, reduces, shrinks };
    let room = if kept == Kept::All { DenialCode::ALL.len() } else { 0 };
    let mut checks = Checks { list: Vec::with_capacity(room), kept };
    // In the order of the codes: then nothing is left to sort.
    state::run(&context, &mut checks);
    shape::run(&context, &mut checks);
    market::run(&context, &mut checks);
    size::run(&context, &mut checks);
    state::pace(&context, &mut checks);
    money::run(&context, &mut checks);
    state::guards(&context, &mut checks);
    (checks.list, reduces)
}

/// A number that no account could hold is refused before anything is multiplied with it, wherever it stands: every check that follows
/// stays within what a decimal can hold. Quotes are within it already: the engine takes no others in.
fn beyond_measure(view: &RiskView<'_>, request: &OrderRequest) -> Option<RiskCheck> {
    let (units, money) = (Decimal::from(1_000_000_000_000_i64), Decimal::from(1_000_000_000));
    let fail = |code, value: Decimal, most| {
        Some(RiskCheck::new(code, Verdict::Fail).with_numbers(value.normalize(), most))
    };
    let asked = request.quantity.get();
    let ratios = match &request.subject {
        OrderSubject::Instrument(_) => &[][..],
        OrderSubject::Legs(legs) if legs.is_empty() => return fail(DenialCode::BadQuantity, asked, units),
        OrderSubject::Legs(legs) => legs.as_slice(),
    };
    let products = ratios.iter().flat_map(|leg| [leg.ratio, leg.ratio.saturating_mul(asked)]);
    if let Some(found) = std::iter::once(asked).chain(products).find(|q| q.abs() > units) {
        return fail(DenialCode::BadQuantity, found, units);
    }
    if let Some(found) = prices(request).find(|p| p.abs().get() > money) {
        return fail(DenialCode::BadPrice, found.get(), money);
    }
    for instrument in request.subject.instruments() {
        if let Some(spec) = view.market.spec(instrument)
            && (spec.multiplier <= Decimal::ZERO || spec.multiplier > Decimal::from(10_000))
        {
            return fail(DenialCode::UnknownInstrument, spec.multiplier, Decimal::from(10_000));
        }
    }
    None
}

/// Is the new order no more than the old one: no more units, no worse a price.
fn is_no_increase(old: &Order, new: &OrderRequest) -> bool {
    let was = &old.request;
    let price = match (was.pricing.limit_price(), new.pricing.limit_price()) {
        (Some(before), Some(after)) if new.side.is_buy() => after <= before,
        (Some(before), Some(after)) => after >= before,
        (before, after) => before == after,
    };
    was.subject == new.subject
        && was.side == new.side
        && was.pricing.order_type() == new.pricing.order_type()
        && new.quantity <= old.leaves_quantity()
        && price
}

/// A share of a whole in per cent; the most (or least) there is where the whole is nothing or next to nothing.
fn percent(part: Decimal, whole: Decimal) -> Decimal {
    if let Some(percent) = percent_of_whole_numbers(part, whole) {
        return percent;
    }
    let beyond = if part.is_sign_negative() { Decimal::MIN } else { Decimal::MAX };
    part.checked_div(whole)
        .and_then(|share| share.checked_mul(Decimal::ONE_HUNDRED))
        .map_or(beyond, |percent| percent.round_dp(4))
}

/// The same by one division of whole numbers, where they fit: every order asks for several, and a decimal divides to 28 places first.
fn percent_of_whole_numbers(part: Decimal, whole: Decimal) -> Option<Decimal> {
    const PLACES: u32 = 4;
    let more = (PLACES + 2 + whole.scale()).checked_sub(part.scale())?;
    let dividend = i64::try_from(part.mantissa()).ok()?.checked_mul(10_i64.checked_pow(more)?)?;
    let divisor = i64::try_from(whole.mantissa()).ok()?;
    let (share, rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
    // Half goes to the even one, as everywhere.
    let (twice, one) = (i128::from(rest).abs() * 2, i128::from(divisor).abs());
    let rounds_away = twice > one || (twice == one && share % 2 != 0);
    let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    let (mut share, mut places) = (if rounds_away { share.checked_add(away)? } else { share }, PLACES);
    while places > 0 && share % 10 == 0 {
        (share, places) = (share / 10, places - 1);
    }
    Some(Decimal::new(share, places))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentage_is_the_same_by_whole_numbers(
            part in -10_000_000_000_i64..10_000_000_000,
            whole in prop_oneof![-1_000_000_i64..1_000_000, 1_i64..100_000_000_000],
            scales in (0_u32..9, 0_u32..9),
        ) {
            let (part, whole) = (Decimal::new(part, scales.0), Decimal::new(whole, scales.1));
            let plain = part.checked_div(whole).map(|share| (share * Decimal::ONE_HUNDRED).round_dp(4));
            if let Some(percent) = percent_of_whole_numbers(part, whole) {
                prop_assert_eq!(Some(percent), plain);
                prop_assert_eq!(percent.to_string(), percent.normalize().to_string());
            }
        }
    }

    #[test]
    fn a_percentage_of_nothing_is_the_most_there_is_and_half_goes_to_the_even_one() {
        let of = |part: i64, whole: i64| percent(Decimal::from(part), Decimal::from(whole)).to_string();
        assert_eq!(percent(Decimal::ONE, Decimal::ZERO), Decimal::MAX);
        assert_eq!(percent(Decimal::NEGATIVE_ONE, Decimal::ZERO), Decimal::MIN);
        assert_eq!((of(1, 3), of(-1, 3), of(1, 4)), ("33.3333".into(), "-33.3333".into(), "25".into()));
        assert_eq!((of(1, 2_000_000), of(3, 2_000_000)), ("0".into(), "0.0002".into()));
    }
}
