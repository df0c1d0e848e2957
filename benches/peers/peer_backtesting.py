"""The crossover in backtesting.py."""

import time
import warnings

import backtesting
import pandas as pd
from backtesting import Backtest, Strategy

import peer

DATA, FAST, SLOW, QUANTITY = peer.told()


class Crossover(Strategy):
    """Long only; the crossing rule of arbion's sma_cross."""

    def init(self):
        close = pd.Series(self.data.Close)
        self.fast = self.I(lambda: close.rolling(FAST).mean())
        self.slow = self.I(lambda: close.rolling(SLOW).mean())

    def next(self):
        was, now = self.fast[-2] - self.slow[-2], self.fast[-1] - self.slow[-1]
        if was <= 0 < now and not self.position:
            self.buy(size=QUANTITY)
        elif was >= 0 > now and self.position:
            self.position.close()


warnings.simplefilter("ignore")
frame = pd.DataFrame(peer.bars(DATA), columns=["Time", "Open", "High", "Low", "Close", "Volume"]).set_index("Time")
test = Backtest(frame, Crossover, cash=1_000_000, commission=0, finalize_trades=False)
start = time.perf_counter()
stats = test.run()
seconds = time.perf_counter() - start
trades = stats["_trades"]
rows = zip(trades.EntryTime, trades.EntryPrice, trades.ExitTime, trades.ExitPrice)
peer.tell(
    f"backtesting.py {backtesting.__version__}",
    seconds,
    [(int(opened.timestamp()), paid, int(closed.timestamp()), got) for opened, paid, closed, got in rows],
)
