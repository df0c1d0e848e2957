"""The crossover in nautilus_trader's low-level engine, with orders: a market order on each crossing.

It fills at the close of the bar that it decides on, at the bar's end. The bars of this comparison open where the one before closed, so that
this is the price and the instant of the next open too.
"""

import time
from decimal import Decimal

import nautilus_trader
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

import peer

DATA, FAST, SLOW, QUANTITY = peer.told()
MINUTE = 60 * peer.SECOND


class CrossoverConfig(StrategyConfig, frozen=True):
    instrument_id: InstrumentId
    bar_type: BarType


class Crossover(Strategy):
    """Long only; the crossing rule of arbion's sma_cross."""

    def on_start(self):
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.fast, self.slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)
        self.was = None

    def on_bar(self, bar):
        if not self.indicators_initialized():
            return
        was, now = self.was, self.fast.value - self.slow.value
        self.was = now
        if was is None:
            return
        if was <= 0 < now and self.portfolio.is_flat(self.config.instrument_id):
            self.send(OrderSide.BUY)
        elif was >= 0 > now and self.portfolio.is_net_long(self.config.instrument_id):
            self.send(OrderSide.SELL)

    def send(self, side):
        quantity = self.instrument.make_qty(QUANTITY)
        self.submit_order(self.order_factory.market(self.config.instrument_id, side, quantity))


def run():
    venue = Venue("SIM")
    instrument = Equity(
        instrument_id=InstrumentId(Symbol("TEST"), venue),
        raw_symbol=Symbol("TEST"),
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
    )
    bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    bars = []
    for at, opened, high, low, close, volume in peer.bars(DATA):
        end = int(at.timestamp()) * peer.SECOND + MINUTE
        prices = [Price(price, 2) for price in (opened, high, low, close)]
        bars.append(Bar(bar_type, *prices, Quantity(volume, 0), end, end))
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("PEER-001"),
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(max_order_submit_rate="1000000/00:00:01"),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(Decimal(1_000_000), USD)],
    )
    engine.add_instrument(instrument)
    engine.add_data(bars)
    engine.add_strategy(Crossover(CrossoverConfig(instrument_id=instrument.id, bar_type=bar_type)))
    start = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - start
    fills = engine.trader.generate_order_fills_report()
    rows = sorted((pd.Timestamp(at).value, float(price)) for at, price in zip(fills.ts_last, fills.avg_px))
    trades = [
        (opened // peer.SECOND, paid, closed // peer.SECOND, got)
        for (opened, paid), (closed, got) in zip(rows[::2], rows[1::2])
    ]
    engine.dispose()
    return seconds, trades


seconds, trades = run()
peer.tell(f"nautilus_trader {nautilus_trader.__version__}, with orders", seconds, trades)
