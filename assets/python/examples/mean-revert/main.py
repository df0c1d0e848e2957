"""Buys what has fallen far below its average, sells it once it is back there. It remembers over restarts what it paid."""

from decimal import Decimal

from arbion_bot import Bot, Refused, run


class MeanRevert(Bot):
    def on_start(self):
        self.closes = {}
        self.paid = {key: Decimal(price) for key, price in (self.state or {}).items()}

    def on_bar(self, bar):
        closes = self.closes.setdefault(bar.instrument, [])
        closes.append(bar.close)
        window = self.params["window"]
        del closes[:-window]
        if len(closes) < window:
            return
        mean = sum(closes) / window
        spread = (sum((close - mean) ** 2 for close in closes) / window).sqrt()
        if spread == 0:
            return
        away = (bar.close - mean) / spread
        self.metric("away", round(away, 2))
        held = self.position(bar.instrument)
        try:
            if held == 0 and away < -Decimal(str(self.params["width"])):
                self.buy(bar.instrument, self.params["quantity"], tag="in-" + bar.start)
            elif held > 0 and away >= 0:
                self.sell(bar.instrument, held, tag="out-" + bar.start, reduce_only=True)
        except Refused as refused:
            self.log("not sent: %s" % refused, level="warning")

    def on_execution(self, execution):
        if execution.side == "buy":
            self.paid[execution.instrument] = execution.price
        else:
            paid = self.paid.pop(execution.instrument, execution.price)
            self.log("%s: %s a unit" % (execution.instrument, execution.price - paid))
        self.remember({key: str(price) for key, price in self.paid.items()})


run(MeanRevert)
