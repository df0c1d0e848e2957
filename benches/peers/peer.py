"""What every peer shares: the bars and the terms it is given, and the answer it prints."""

import csv
import json
import sys
from datetime import datetime, timezone

SECOND = 1_000_000_000


def told():
    """The file of bars, and fast, slow and quantity."""
    return sys.argv[1], *map(int, sys.argv[2:5])


def bars(path):
    """Rows of (start, open, high, low, close, volume), the start in UTC."""
    with open(path) as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
            yield at, *(float(row[name]) for name in ("open", "high", "low", "close", "volume"))


def tell(name, seconds, trades):
    """Trades are (opened at, price, closed at, price): seconds since 1970 of the start of the bar that filled them."""
    print(json.dumps({"name": name, "seconds": seconds, "trades": trades}))
