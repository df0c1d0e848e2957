"""Looks once a session, by a schedule, at the relative strength that the program works out, and returns what it wants as orders."""

from decimal import Decimal

from arbion_bot import Bot, Refused, run


class RsiClose(Bot):
    def on_start(self):
        self.set_schedule([self.params["at"]])

    def on_params(self, params):
        self.on_start()

    def on_evaluate(self, schedule, due, snapshot):
        held = {row["instrument"]: Decimal(row["quantity"]) for row in snapshot["positions"]}
        rsi, orders = self.params["rsi"], []
        for done, instrument in enumerate(self.instruments, 1):
            try:
                values = self.indicator("rsi", instrument, interval="1d", length=rsi["length"])["values"]
            except Refused as refused:
                self.log("%s: %s" % (instrument, refused), level="warning")
                continue
            strength = values.get("value")
            if strength is None:
                continue
            self.metric("rsi " + instrument, round(strength, 1))
            self.progress(100 * done / len(self.instruments), "looked at " + instrument)
            units = held.get(instrument, Decimal(0))
            if units == 0 and strength < rsi["buy_below"]:
                orders.append(self.order(instrument, "buy", self.params["quantity"], tag="in-" + instrument + "-" + due))
            elif units > 0 and strength > rsi["sell_above"]:
                tag = "out-" + instrument + "-" + due
                orders.append(self.order(instrument, "sell", units, tag=tag, reduce_only=True))
        return orders


run(RsiClose)
