"""coinbase-advanced-py against the emulator: every call and channel that our connector uses, and what it places."""

import json
import sys
import threading
import time

import requests
from coinbase.rest import RESTClient
from coinbase.websocket import WSClient

said = dict(line.strip().split(" = ", 1) for line in open(sys.argv[2]) if " = " in line)
said = {name: value.strip('"') for name, value in said.items()}
host = said["base_url"].removeprefix("http://")


class PlainHttp(requests.adapters.HTTPAdapter):
    """The client knows https alone."""

    def send(self, request, **kw):
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kw)


def client(secret):
    made = RESTClient(api_key=said["key_name"], api_secret=secret.replace("\\n", "\n"), base_url=host)
    made.session.mount("https://", PlainHttp())
    made.session.trust_env = False
    return made


for secret in (said["ed25519_key"], said["private_key"]):
    c = client(secret)
    allowed = c.get_api_key_permissions().to_dict()
    assert allowed["can_trade"] and not allowed["can_transfer"], allowed

# Streams first, so that what follows is told.
frames, lock = [], threading.Lock()


def hear(text):
    with lock:
        frames.append(json.loads(text))


def heard(fits, patience=10):
    end = time.time() + patience
    while time.time() < end:
        with lock:
            found = [frame for frame in frames if fits(frame)]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it was not told")


w = WSClient(
    api_key=said["key_name"],
    api_secret=said["private_key"].replace("\\n", "\n"),
    base_url=said["stream_url"],
    on_message=hear,
)
w.open()
w.heartbeats()
w.ticker(["BTC-USD"])
w.level2(["BTC-USD"])
w.market_trades(["BTC-USD"])
w.user([])
heard(lambda f: f.get("channel") == "heartbeats")
ticker = heard(lambda f: f.get("channel") == "ticker")[0]["events"][0]["tickers"][0]
assert (ticker["best_bid"], ticker["best_ask"]) == ("99.9", "100.1"), ticker
heard(lambda f: f.get("channel") == "l2_data")
heard(lambda f: f.get("channel") == "market_trades")
heard(lambda f: f.get("channel") == "user")

accounts = {row["currency"]: row for row in c.get_accounts(limit=250).to_dict()["accounts"]}
assert accounts["USD"]["available_balance"]["value"] == "1000000", accounts["USD"]
product = c.get_product("BTC-USD").to_dict()
assert product["price_increment"] == "0.01"
assert len(c.get_public_products().to_dict()["products"]) >= 3
book = c.get_product_book("BTC-USD", limit=1).to_dict()["pricebook"]
assert book["bids"][0]["price"] == "99.9"
assert c.get_best_bid_ask(["BTC-USD", "ETH-USD"]).to_dict()["pricebooks"][1]["product_id"] == "ETH-USD"
candles = c.get_candles("BTC-USD", "1700000000", "1700003600", "ONE_MINUTE", limit=350).to_dict()["candles"]
assert len(candles) > 50 and int(candles[0]["start"]) > int(candles[1]["start"])
assert c.get("/api/v3/brokerage/time")["epochSeconds"]

preview = c.preview_limit_order_gtc("BTC-USD", "BUY", "0.5", "90.00").to_dict()
assert preview["errs"] == [] and preview["quote_size"] == "45", preview
placed = c.limit_order_gtc("cid-1", "BTC-USD", "BUY", "0.5", "90.00").to_dict()
assert placed["success"], placed
one = placed["success_response"]["order_id"]
again = c.limit_order_gtc("cid-1", "BTC-USD", "BUY", "0.5", "90.00").to_dict()
assert again["success_response"]["order_id"] == one, "the same id twice is the first order"
assert c.edit_order(one, size="0.6", price="91.00").to_dict()["success"]
order = c.get_order(one).to_dict()["order"]
assert order["order_configuration"]["limit_limit_gtc"]["limit_price"] in ("91.00", "91"), order
assert len(order["edit_history"]) == 1 and order["client_order_id"] == "cid-1"
listed = c.list_orders(product_ids=["BTC-USD"], order_status=["OPEN"], limit=100).to_dict()["orders"]
assert [row["order_id"] for row in listed] == [one]
results = c.cancel_orders([one, "missing"]).to_dict()["results"]
assert [row["success"] for row in results] == [True, False], results
heard(lambda f: f.get("channel") == "user" and any(
    row["order_id"] == one and row["status"] == "CANCELLED" for e in f["events"] for row in e["orders"]))

bought = c.market_order_buy("cid-2", "BTC-USD", quote_size="1001").to_dict()
assert bought["success"], bought
two = bought["success_response"]["order_id"]
fills = c.get_fills(order_ids=[two]).to_dict()["fills"]
assert len(fills) == 1 and fills[0]["size"].startswith("10"), fills
assert c.get_order(two).to_dict()["order"]["status"] == "FILLED"
portfolio = c.get_portfolios().to_dict()["portfolios"][0]["uuid"]
held = {row["asset"]: row for row in c.get_portfolio_breakdown(portfolio).to_dict()["breakdown"]["spot_positions"]}
assert held["BTC"]["total_balance_crypto"] == 10, held
bracket = c.trigger_bracket_order_gtc("cid-3", "BTC-USD", "SELL", "1", "150.00", "80.00").to_dict()
assert bracket["success"], bracket
poor = c.limit_order_gtc("cid-4", "BTC-USD", "SELL", "100", "150.00").to_dict()
assert not poor["success"] and poor["error_response"]["error"] == "INSUFFICIENT_FUND", poor

try:
    c.get_order("nope")
    raise AssertionError("it is there")
except requests.HTTPError as error:
    assert error.response.status_code == 404

stranger = RESTClient(api_key="organizations/x/apiKeys/y", api_secret=said["ed25519_key"], base_url=host)
stranger.session.mount("https://", PlainHttp())
stranger.session.trust_env = False
try:
    stranger.get_accounts()
    raise AssertionError("a stranger was let in")
except requests.HTTPError as error:
    assert error.response.status_code == 401 and error.response.text == "Unauthorized"
w.close()
