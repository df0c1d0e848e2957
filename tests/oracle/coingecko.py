"""coingecko-sdk and pycoingecko against the emulator."""

import sys

import coingecko_sdk
from coingecko_sdk import Coingecko
from pycoingecko import CoinGeckoAPI

said = dict(line.strip().split(" = ", 1) for line in open(sys.argv[2]) if " = " in line)
said = {name: value.strip('"') for name, value in said.items()}
base, key = said["base_url"], said["api_key"]

cg = Coingecko(demo_api_key=key, environment="demo", base_url=base)
prices = cg.simple.price.get(
    vs_currencies="usd", ids="bitcoin,ethereum,nope", include_24hr_change=True, include_last_updated_at=True, precision="full"
)
assert set(prices) == {"bitcoin", "ethereum"}, prices
assert prices["ethereum"].usd == 2500 and prices["ethereum"].usd_24h_change == 25
rows = cg.coins.markets.get(vs_currency="usd", ids="bitcoin", per_page=250, page=1)
assert rows[0].symbol == "btc"
assert len(cg.coins.ohlc.get("bitcoin", vs_currency="usd", days="7")[0]) == 5
assert cg.search.get(query="bar").coins[0].id == "bar-one"
assert cg.ping.get().gecko_says

old = CoinGeckoAPI(demo_api_key=key)
old.api_base_url = base + "/"
assert old.get_price(ids=["bitcoin", "ethereum"], vs_currencies="usd")["ethereum"]["usd"] == 2500

try:
    Coingecko(demo_api_key="CG-pro", environment="demo", base_url=base).ping.get()
    raise AssertionError("a key of another plan was taken")
except coingecko_sdk.APIStatusError as error:
    assert "10010" in str(error), error
