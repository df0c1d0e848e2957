"""A bot for Arbion, in one file: standard library only, Python 3.9 or newer.

Write a class with the hooks you need, and run it:

    from arbion_bot import Bot, run

    class Mine(Bot):
        def on_bar(self, bar):
            if self.position(bar.instrument) == 0:
                self.buy(bar.instrument, 10, tag="first")

    run(Mine)

Everything that a bot says goes to the program over stdout as JSON-RPC 2.0, one object a line; print() goes to stderr, which is its log.
Prices and quantities are Decimal, times are text (RFC 3339).
"""

import json
import sys
import traceback
from decimal import Decimal

__all__ = ["Bot", "Bar", "Quote", "Execution", "Refused", "OutcomeUnknown", "run"]

_out = sys.stdout
# What a bot prints is its log, and must not break the protocol.
sys.stdout = sys.stderr


class Refused(Exception):
    """The program refused a request. `code` is the protocol's number, `data` may say more."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code = code
        self.data = data or {}


class OutcomeUnknown(Exception):
    """Nobody knows yet whether the order went out, and so it is not refused: `on_order` says what became of it.

    Never send it again under another tag: that could be a second order. `order_id` is None where not even that is known.
    """

    code = -32009

    def __init__(self, message, data=None):
        super().__init__(message)
        self.order_id = (data or {}).get("order_id")


class _Fields:
    def __init__(self, raw):
        self.raw = raw

    def __getattr__(self, name):
        try:
            return self.raw[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self):
        return "%s(%r)" % (type(self).__name__, self.raw)


def _decimal(value):
    return None if value is None else Decimal(value)


class Bar(_Fields):
    """A complete bar: instrument, interval, start, open, high, low, close, volume."""

    def __init__(self, instrument, interval, raw):
        super().__init__(raw)
        self.instrument = instrument
        self.interval = interval
        for name in ("open", "high", "low", "close", "volume"):
            setattr(self, name, Decimal(raw[name]))


class Quote(_Fields):
    """New prices: instrument, bid, ask, last (any may be None), as_of."""

    def __init__(self, raw):
        super().__init__(raw)
        for name in ("bid", "ask", "last"):
            setattr(self, name, _decimal(raw.get(name)))


class Execution(_Fields):
    """A fill: instrument, side, quantity, price, fee, order_id, at."""

    def __init__(self, raw):
        super().__init__(raw)
        for name in ("quantity", "price", "fee"):
            setattr(self, name, _decimal(raw.get(name)))


class Bot:
    """What a bot is. Override the hooks; everything else is there to be called."""

    #: Parameters by the bot's schema, as they were set.
    params = {}
    #: "paper", "live" or "backtest".
    mode = "paper"
    #: What it trades, as keys such as "AAPL" or "BTC-USD".
    instruments = []
    #: Width of its bars.
    interval = "1d"
    #: What `remember` kept last, over restarts; None at first.
    state = None
    #: When it is evaluated: texts such as "every 5m", "at 09:45,15:30", "open+30m", "close-15m", "bar 1d"; with " all" for every day.
    schedule = []
    #: The time by the clock that it lives by. Never ask the machine's: in a backtest it is another one.
    now = ""

    def on_start(self):
        """Once, before anything else."""

    def on_bar(self, bar):
        """A bar is complete."""

    def on_quote(self, quote):
        """New prices, at most one a second for each instrument."""

    def on_execution(self, execution):
        """One of its orders filled."""

    def on_assigned(self, execution):
        """Short options of its were assigned. The shares come by `on_execution`."""

    def on_halted(self):
        """It stands still: what it sends is refused until `on_resumed`."""

    def on_resumed(self):
        """It may send again. The first time is its beginning."""

    def on_order(self, order):
        """One of its orders has another status: order_id, status, filled_quantity."""

    def on_evaluate(self, schedule, due, snapshot):
        """One of its schedules is due. `snapshot` has account, positions, orders and quotes as they are now.

        Orders may be sent here as anywhere, or returned as a list of `order(...)`; they must be returned within reply_ms.
        """

    def on_position(self, instrument, quantity):
        """It owns another number of units, and no fill of its own says why."""

    def on_session(self, is_open, until):
        """The exchange has opened or closed; `until` is when that changes."""

    def on_params(self, params):
        """It has other parameters. A bot without this hook begins anew with them."""

    def on_stop(self, reason):
        """It is asked to end."""

    # What it may do.

    def order(self, instrument, side, quantity, tag, order_type="market", **fields):
        """An order to be returned by `on_evaluate`; nothing is sent yet."""
        order = {
            "client_tag": tag,
            "instrument": instrument,
            "side": side,
            "quantity": str(quantity),
            "order_type": order_type,
        }
        for name, value in fields.items():
            if value is not None:
                order[name] = value if isinstance(value, bool) else str(value)
        return order

    def place(self, instrument, side, quantity, tag, order_type="market", **fields):
        """Sends an order; the same tag twice is the same order. Raises Refused or OutcomeUnknown."""
        return self._rpc.call("order.place", self.order(instrument, side, quantity, tag, order_type, **fields))

    def buy(self, instrument, quantity, tag, limit=None, **fields):
        """Buys at the market, or at a limit."""
        kind = "market" if limit is None else "limit"
        return self.place(instrument, "buy", quantity, tag, kind, limit_price=limit, **fields)

    def sell(self, instrument, quantity, tag, limit=None, **fields):
        """Sells what it owns, at the market or at a limit."""
        kind = "market" if limit is None else "limit"
        return self.place(instrument, "sell", quantity, tag, kind, limit_price=limit, **fields)

    def cancel(self, tag):
        """Cancels its order of that tag."""
        return self._rpc.call("order.cancel", {"client_tag": tag})

    def replace(self, tag, limit=None, quantity=None):
        """Other terms for its order of that tag."""
        changed = {"client_tag": tag}
        if limit is not None:
            changed["limit_price"] = str(limit)
        if quantity is not None:
            changed["quantity"] = str(quantity)
        return self._rpc.call("order.replace", changed)

    def orders(self):
        """Its working orders."""
        return self._rpc.call("orders.list", {})["orders"]

    def positions(self):
        """What it owns: {instrument: quantity}."""
        listed = self._rpc.call("positions.list", {})["positions"]
        return {row["instrument"]: Decimal(row["quantity"]) for row in listed}

    def position(self, instrument):
        """Units of one instrument that it owns, signed; 0 when flat."""
        return self.positions().get(instrument, Decimal(0))

    def account(self):
        """Money: net_liquidation, cash, buying_power."""
        return {name: _decimal(value) for name, value in self._rpc.call("account.get", {}).items()}

    def bars(self, instrument, limit=500, interval=None, fill_forward=False):
        """Complete bars of the past, oldest first; with fill_forward also the steps in which nothing traded, each at the last close."""
        interval = interval or self.interval
        asked = {"instrument": instrument, "interval": interval, "limit": limit, "fill_forward": fill_forward}
        return [Bar(instrument, interval, raw) for raw in self._rpc.call("data.bars", asked)["bars"]]

    def quote(self, instrument):
        """The newest prices."""
        return Quote(self._rpc.call("data.quote", {"instrument": instrument}))

    def chain(self, underlying, expiry=None, first=None, last=None):
        """The option chain of a share: spot, expiries, and rows with instrument, expiry, strike, right, bid, ask and greeks."""
        asked = {"instrument": underlying, "expiry": expiry, "from": first, "until": last}
        return self._rpc.call("data.chain", {name: value for name, value in asked.items() if value is not None})

    def indicator(self, name, instrument, interval=None, fill_forward=False, **params):
        """The newest values of an indicator, and those of the bar before: {"values": {...}, "before": {...}}. Floats: never a price.
        With fill_forward it also counts the steps in which nothing traded."""
        asked = {"name": name, "params": params, "instrument": instrument, "interval": interval or self.interval}
        asked["fill_forward"] = fill_forward
        return self._rpc.call("indicator", asked)

    def set_schedule(self, schedule):
        """Other times to be evaluated at, in the place of those before."""
        self._rpc.call("schedule.set", {"schedule": list(schedule)})
        self.schedule = list(schedule)

    def remember(self, state):
        """Keeps JSON over restarts, 256 kB at most."""
        self._rpc.call("state.set", {"json": state})
        self.state = state

    def log(self, text, level="info"):
        """A line for its log."""
        self._rpc.notify("log", {"level": level, "text": str(text)})

    def alert(self, text):
        """A line for the user."""
        self._rpc.notify("alert", {"text": str(text)})

    def metric(self, name, value):
        """A number worth watching: it stands beside the bot where bots are shown."""
        self._rpc.notify("metric", {"name": name, "value": str(value)})

    def progress(self, percent=None, text=""):
        """How far it is with something that takes long; without anything it is done."""
        told = {"text": str(text)}
        if percent is not None:
            told["percent"] = float(percent)
        self._rpc.notify("progress", told)


class _Rpc:
    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.next_id = 0
        # What came while an answer was waited for, in order.
        self.waiting = []

    def write(self, message):
        message["jsonrpc"] = "2.0"
        self.sink.write(json.dumps(message, separators=(",", ":")) + "\n")
        self.sink.flush()

    def notify(self, method, params):
        self.write({"method": method, "params": params})

    def read(self):
        line = self.source.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def call(self, method, params):
        self.next_id += 1
        mine = self.next_id
        self.write({"id": mine, "method": method, "params": params})
        while True:
            message = self.read()
            if "method" not in message and message.get("id") == mine:
                if "error" in message:
                    error = message["error"]
                    if error["code"] == OutcomeUnknown.code:
                        raise OutcomeUnknown(error["message"], error.get("data"))
                    raise Refused(error["code"], error["message"], error.get("data"))
                return message.get("result") or {}
            # That it lives may be said at once; everything else has its turn.
            if message.get("method") == "ping":
                self.write({"id": message["id"], "result": {}})
            else:
                self.waiting.append(message)

    def next(self):
        return self.waiting.pop(0) if self.waiting else self.read()


def _handle(bot, method, params):
    bot.now = params.get("now", bot.now)
    if method == "initialize":
        bot.params = params.get("params", {})
        bot.mode = params.get("mode", "paper")
        bot.instruments = params.get("instruments", [])
        bot.interval = params.get("interval", "1d")
        bot.state = params.get("restored_state")
        bot.name = params.get("name", "")
        takes_params = type(bot).on_params is not Bot.on_params
        return {
            "subscriptions": [],
            "schedule": list(bot.schedule),
            "capabilities": {"params_changed": takes_params},
        }
    if method == "start":
        bot.on_start()
    elif method == "bar":
        bot.on_bar(Bar(params["instrument"], params["interval"], params["bar"]))
    elif method == "quote":
        bot.on_quote(Quote(params))
    elif method == "execution":
        bot.on_execution(Execution(params))
    elif method == "assigned":
        bot.on_assigned(Execution(params))
    elif method == "halted":
        bot.on_halted()
    elif method == "resumed":
        bot.on_resumed()
    elif method == "order":
        bot.on_order(params)
    elif method == "evaluate":
        # Without a due time it is only asked to be done with what it was told.
        if params.get("due") is not None:
            orders = bot.on_evaluate(params.get("schedule", ""), params["due"], params.get("snapshot", {}))
            return {"orders": list(orders or []), "cancels": [], "note": ""}
    elif method == "position":
        bot.on_position(params["instrument"], Decimal(params["quantity"]))
    elif method == "session":
        bot.on_session(params["open"], params.get("until"))
    elif method == "params_changed":
        # Asked with the parameters; the news of it has none.
        if "params" in params:
            bot.params = params["params"]
            bot.on_params(bot.params)
    elif method == "stop":
        bot.on_stop(params.get("reason", ""))
    return {}


def run(kind):
    """Runs a bot until it is asked to stop. A hook that raises ends it: the program says so, and starts it again."""
    bot = kind()
    bot._rpc = _Rpc(sys.stdin, _out)
    while True:
        try:
            message = bot._rpc.next()
        except EOFError:
            return
        method = message.get("method")
        if method is None:
            continue
        try:
            result = _handle(bot, method, message.get("params", {}))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
            sys.exit(1)
        if "id" in message:
            bot._rpc.write({"id": message["id"], "result": result})
        if method == "stop":
            return
