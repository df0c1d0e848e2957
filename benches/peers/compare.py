"""Runs one crossover over the same bars in arbion and in its peers, and compares speed and trades; then a sweep, and the memory of a
streamed backtest."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

BARS = 100_000
FAST, SLOW, QUANTITY = 10, 30, 10
RUNS, THEIR_RUNS = 20, 5
# Each peer with how many times its speed ours is to be.
PEERS = (("backtesting", 20), ("nautilus_trader", 100), ("vectorbt", 1 / 3))
SETS = (25, 40)
FEW, MANY = 50_000, 1_000_000
HEADER = ["symbol", "date", "open", "high", "low", "close", "volume"]


def make_bars(count):
    """A walk in quarters of a dollar: such prices and their sums are exact in binary, so no average is a rounding away from another."""
    state, price = 7, 400
    start = datetime(2024, 1, 2, 0, 0, tzinfo=timezone.utc)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        first = price
        price = max(40, price + (state >> 33) % 9 - 4)
        yield (
            (start + timedelta(minutes=i)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            first / 4,
            (max(first, price) + 1) / 4,
            (min(first, price) - 1) / 4,
            price / 4,
            100_000,
        )


def write(path, count):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(["TEST", *row] for row in make_bars(count))
    return path


def arbion(program, *words):
    return json.loads(subprocess.run([program, *words, "--json"], check=True, capture_output=True).stdout)


def settings(**values):
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def ours(program, work, data):
    trades = work / "trades.csv"
    words = ["backtest", "sma_cross", "--data", data, "--trades", trades, "--force"]
    words += settings(fast=FAST, slow=SLOW, quantity=QUANTITY)
    # A report at a time: what this process holds would be counted to a child's most memory, which begins as its copy.
    seconds = []
    for _ in range(RUNS):
        report = arbion(program, *words)
        assert report["bars"] == BARS and report["denied"] == 0, (report["bars"], report["denied"])
        seconds.append(report["elapsed_seconds"])

    def opened(text):
        # A fill carries the end of its bar; the others name a bar by its start.
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) - 60

    with trades.open() as file:
        rows = [
            (opened(row["opened_at"]), float(row["entry_price"]), opened(row["closed_at"]), float(row["exit_price"]))
            for row in csv.DictReader(file)
        ]
    return min(seconds), rows


def peer_of(work, name, data):
    """Its best run. As ours, each is the first of a process of its own; only vectorbt, which compiles as it begins, warms up before."""
    answers = [run_of(work, name, data) for _ in range(THEIR_RUNS)]
    return min(answers, key=lambda answer: answer["seconds"])


def run_of(work, name, data):
    command = [work / name / "bin/python", Path(__file__).with_name(f"peer_{name}.py"), data]
    command += map(str, (FAST, SLOW, QUANTITY))
    # The last line is the answer: some say hello first.
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def differing(ours, theirs):
    """The first difference in words; None where every entry and exit has the same bar and price."""
    for number, pair in enumerate(zip(ours, map(tuple, theirs)), 1):
        if pair[0] != pair[1]:
            return f"trade {number} differs: {pair[0]} and {pair[1]}"
    return None if len(ours) == len(theirs) else f"{len(ours)} and {len(theirs)} trades"


def row(name, speed, trades, ratio="", goal="", agree=""):
    print(f"{name:<40}{speed:>14}{trades:>9}{ratio:>10}{goal:>8}   {agree}")


def sweep(program, work):
    """On two cores, where there are as many."""
    environment = dict(os.environ, RAYON_NUM_THREADS="2")
    fast, slow = SETS
    words = ["backtest", "sma_cross", "--symbol", "IBM"]
    words += settings(fast=f"2..{1 + fast}", slow=f"{fast + 10}..{fast + 9 + slow}", quantity=10)
    command = [program, *words, "--json"]
    seconds = []
    for _ in range(RUNS):
        report = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
        assert report["asked"] == fast * slow and report["bars"] == 3_270, (report["asked"], report["bars"])
        seconds.append(report["elapsed_seconds"])
    return min(seconds)


def memory(program, data):
    """Most memory that a run over a file had, in MB."""
    words = ["backtest", "sma_cross", "--data", data, *settings(fast=500, slow=4_000, quantity=QUANTITY), "--json"]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen([program, *words], stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        assert status == 0, status
        out.seek(0)
        return json.load(out)["bars"], usage.ru_maxrss / 1024


def main():
    program, work = sys.argv[1], Path(sys.argv[2])
    data = write(work / "bars.csv", BARS)
    seconds, trades = ours(program, work, data)
    row(f"sma cross over {BARS:,} bars", "bars/s", "trades", "we are", "goal", "trades agree")
    row("arbion", f"{BARS / seconds:,.0f}", f"{len(trades):,}")
    failed = False
    for name, goal in PEERS:
        answer = peer_of(work, name, data)
        wrong = differing(trades, answer["trades"])
        failed |= wrong is not None
        ratio, goal = answer["seconds"] / seconds, f"{goal:.3g}x"
        speed = f"{BARS / answer['seconds']:,.0f}"
        row(answer["name"], speed, f"{len(answer['trades']):,}", f"{ratio:.2f}x", goal, wrong or "yes")
    print()
    fast, slow = SETS
    took = f"{sweep(program, work):.2f} s"
    print(f"{f'{fast * slow:,} sets on 3,270 daily bars, two cores':<52}{took:>12}   goal 2 s")
    for count in (FEW, MANY):
        bars, megabytes = memory(program, write(work / "streamed.csv", count))
        print(f"{f'most memory of a streamed run over {bars:,} bars':<52}{f'{megabytes:.1f} MB':>12}   goal: flat")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
