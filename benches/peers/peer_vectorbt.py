"""The crossover in vectorbt: averages, signals, the portfolio, its trades and its equity, once everything is compiled.

Plain arrays and its compiled functions: with an index of times and its indicator classes the same takes fifty times as long.
"""

import time
import warnings

import numpy as np
import vectorbt as vbt
from vectorbt.generic import nb

import peer

DATA, FAST, SLOW, QUANTITY = peer.told()


def run(opens, closes):
    away = nb.rolling_mean_1d_nb(closes, FAST, FAST) - nb.rolling_mean_1d_nb(closes, SLOW, SLOW)
    was, now = away[:-1], away[1:]
    # What a bar's close decides is filled at the next open.
    entries, exits = np.zeros(len(away), dtype=bool), np.zeros(len(away), dtype=bool)
    entries[2:] = ((was <= 0) & (now > 0))[:-1]
    exits[2:] = ((was >= 0) & (now < 0))[:-1]
    portfolio = vbt.Portfolio.from_signals(
        closes, entries, exits, price=opens, size=QUANTITY, size_type="amount", init_cash=1_000_000, freq="1min"
    )
    return portfolio.trades.records, portfolio.value()


warnings.simplefilter("ignore")
columns = list(zip(*peer.bars(DATA)))
opens, closes = np.array(columns[1]), np.array(columns[4])
seconds = []
for _ in range(10):
    start = time.perf_counter()
    records, _ = run(opens, closes)
    seconds.append(time.perf_counter() - start)
starts = [int(at.timestamp()) for at in columns[0]]
closed = records[records.status == 1]
rows = zip(closed.entry_idx, closed.entry_price, closed.exit_idx, closed.exit_price)
peer.tell(
    f"vectorbt {vbt.__version__}, warm",
    min(seconds),
    [(starts[opened], float(paid), starts[ended], float(got)) for opened, paid, ended, got in rows],
)
