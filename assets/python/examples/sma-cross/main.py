"""Buys when the fast average of the closes rises above the slow one, sells when it falls below."""

from arbion_bot import Bot, Refused, run


class SmaCross(Bot):
    def on_start(self):
        self.closes = {}
        for instrument in self.instruments:
            try:
                past = self.bars(instrument, limit=self.params["slow"] + 1)
            except Refused:
                past = []
            self.closes[instrument] = [bar.close for bar in past]

    def on_bar(self, bar):
        closes = self.closes.setdefault(bar.instrument, [])
        closes.append(bar.close)
        fast, slow = self.params["fast"], self.params["slow"]
        del closes[: -(slow + 1)]
        if len(closes) <= slow:
            return

        def average(length, back):
            end = len(closes) - back
            return sum(closes[end - length : end]) / length

        before = average(fast, 1) - average(slow, 1)
        now = average(fast, 0) - average(slow, 0)
        held = self.position(bar.instrument)
        try:
            if before <= 0 < now and held == 0:
                self.buy(bar.instrument, self.params["quantity"], tag="buy-" + bar.start)
            elif before >= 0 > now and held > 0:
                self.sell(bar.instrument, held, tag="sell-" + bar.start)
        except Refused as refused:
            self.log("not sent: %s" % refused, level="warning")


run(SmaCross)
