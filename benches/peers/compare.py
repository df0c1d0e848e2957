"""Runs one crossover over the same bars in arbion and in backtesting.py, and compares speed and trades."""

import csv
import json
import subprocess
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
from backtesting import Backtest, Strategy

BARS = 100_000
FAST, SLOW, QUANTITY = 10, 30, 10
RUNS = 5


def make_bars():
    """A walk in quarters of a dollar: such prices and their sums are exact in binary, so no average is a rounding away from another."""
    state, price, rows = 7, 400, []
    start = datetime(2024, 1, 2, 0, 0, tzinfo=timezone.utc)
    for i in range(BARS):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        first = price
        price = max(40, price + (state >> 33) % 9 - 4)
        rows.append((
            start + timedelta(minutes=i),
            first / 4,
            (max(first, price) + 1) / 4,
            (min(first, price) - 1) / 4,
            price / 4,
            100_000,
        ))
    return rows


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


def theirs(rows):
    frame = pd.DataFrame(rows, columns=["Time", "Open", "High", "Low", "Close", "Volume"]).set_index("Time")
    seconds = []
    for _ in range(2):
        test = Backtest(frame, Crossover, cash=1_000_000, commission=0, finalize_trades=False)
        start = time.perf_counter()
        stats = test.run()
        seconds.append(time.perf_counter() - start)
    trades = stats["_trades"]
    return min(seconds), [
        (in_at.isoformat(), in_price, out_at.isoformat(), out_price)
        for in_at, in_price, out_at, out_price in zip(
            trades.EntryTime, trades.EntryPrice, trades.ExitTime, trades.ExitPrice
        )
    ]


def ours(arbion, work, rows):
    data, trades = work / "bars.csv", work / "trades.csv"
    with data.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["symbol", "date", "open", "high", "low", "close", "volume"])
        for at, *prices in rows:
            writer.writerow(["TEST", at.strftime("%Y-%m-%dT%H:%M:%SZ"), *prices])
    command = [arbion, "backtest", "sma_cross", "--data", data, "--trades", trades, "--force", "--json"]
    for setting in (f"fast={FAST}", f"slow={SLOW}", f"quantity={QUANTITY}"):
        command += ["--set", setting]
    reports = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(RUNS)]
    assert reports[0]["bars"] == BARS and reports[0]["denied"] == 0, reports[0]
    minute = timedelta(minutes=1)

    def opened(text):
        # A fill carries the end of its bar; the other program names a bar by its start.
        return (datetime.fromisoformat(text.replace("Z", "+00:00")) - minute).isoformat()

    with trades.open() as file:
        rows = [
            (opened(row["opened_at"]), float(row["entry_price"]), opened(row["closed_at"]), float(row["exit_price"]))
            for row in csv.DictReader(file)
        ]
    return min(report["elapsed_seconds"] for report in reports), rows


def main():
    warnings.simplefilter("ignore")
    arbion, work = sys.argv[1], Path(sys.argv[2])
    rows = make_bars()
    our_seconds, our_trades = ours(arbion, work, rows)
    their_seconds, their_trades = theirs(rows)
    print(f"{'sma cross over ' + format(BARS, ',') + ' bars':<34}{'bars/s':>14}{'trades':>10}")
    for name, seconds, trades in (
        ("arbion", our_seconds, our_trades),
        ("backtesting.py 0.6.6", their_seconds, their_trades),
    ):
        print(f"{name:<34}{BARS / seconds:>14,.0f}{len(trades):>10,}")
    print(f"{'ratio (goal 20)':<34}{their_seconds / our_seconds:>14.1f}")
    differing = [pair for pair in zip(our_trades, their_trades) if pair[0] != pair[1]]
    if differing or len(our_trades) != len(their_trades):
        print(f"the trades differ: {len(our_trades)} and {len(their_trades)}; first: {differing[:1]}")
        return 1
    print("the trades agree: times and prices of every entry and exit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
