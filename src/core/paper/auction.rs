//! The opening and the closing auction. Both give the whole order one price: the official print where the feed has it, else the first
//! (last) quote of the session.

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::{OrderStatus, OrderSubject, TimeInForce};
use crate::domain::quote::Feed;

use super::{Stage, Venue};

impl Venue {
    /// An order for the opening: its one chance is the first event of a session that opened since it came.
    pub(super) fn open_auction(&mut self, seq: u64, instrument: &Instrument) {
        let Some(order) = self.orders.get(&seq) else { return };
        let since = order.since;
        let Some(session) = self.calendar.session(exchange_date(self.now)) else { return };
        if since >= session.open || session.open > self.now {
            return;
        }
        let Some(quote) = self.quotes.get(instrument).filter(|quote| quote.as_of >= session.open) else {
            return;
        };
        let buy = order.request.side.is_buy();
        let official = quote.open.filter(|_| matches!(quote.feed, Feed::RealTime | Feed::Delayed));
        let side = if buy { quote.ask } else { quote.bid };
        let Some(price) = official.or(side).or(quote.last) else { return };
        self.auction_fill(seq, price);
        self.end(seq, OrderStatus::Canceled, Some("not filled in the opening auction".to_owned()));
        self.schedule();
    }

    /// An order for the close, when its session ends: the last regular trade of that session, or the middle.
    pub(super) fn close_auction(&mut self, seq: u64) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.request.time_in_force != TimeInForce::Cls || order.stage != Stage::Working {
            return;
        }
        let OrderSubject::Instrument(instrument) = &order.request.subject else { return };
        let Some(close) = order.expires_at else { return };
        // A price of another day is no close of this one: the program may have been off.
        let of_session = |at| exchange_date(at) == exchange_date(close) && at <= close.max(self.now);
        let quote = self.quotes.get(instrument).filter(|quote| of_session(quote.as_of) && !quote.halted);
        let Some(price) = quote.and_then(|quote| quote.last.or_else(|| quote.mid())) else { return };
        self.auction_fill(seq, price);
    }

    /// The whole order at one price, if its limit allows it.
    fn auction_fill(&mut self, seq: u64, price: Price) {
        let Some(order) = self.orders.get(&seq) else { return };
        let OrderSubject::Instrument(instrument) = &order.request.subject else { return };
        let buy = order.request.side.is_buy();
        let limit = order.request.pricing.limit_price();
        let fits = limit.is_none_or(|limit| if buy { price <= limit } else { price >= limit });
        let quantity = self.closable(order, instrument, buy);
        if fits && quantity.is_positive() {
            self.fill(seq, quantity, price, true);
        }
    }
}
