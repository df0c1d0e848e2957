"""Keeps one limit order below the price, and moves it when the price has moved away: orders, cancels and quotes."""

from decimal import ROUND_DOWN, Decimal

from arbion_bot import Bot, Refused, run


class Ladder(Bot):
    def on_start(self):
        self.count = (self.state or {}).get("count", 0)
        self.tag = None
        self.price = None

    def on_quote(self, quote):
        if quote.bid is None:
            return
        below = Decimal(str(self.params["below_percent"])) / 100
        wanted = (quote.bid * (1 - below)).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
        if self.price is not None and abs(wanted - self.price) < self.price * below / 2:
            return
        if self.position(quote.instrument) >= self.params["most"]:
            return
        try:
            if self.tag is not None:
                self.cancel(self.tag)
                self.tag, self.price = None, None
                return
            self.count += 1
            self.remember({"count": self.count})
            tag = "step-%d" % self.count
            self.buy(quote.instrument, 1, tag=tag, limit=wanted)
            self.tag, self.price = tag, wanted
        except Refused as refused:
            self.tag, self.price = None, None
            self.log("not sent: %s" % refused, level="warning")

    def on_execution(self, execution):
        self.tag, self.price = None, None


run(Ladder)
