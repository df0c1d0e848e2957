"""The official client (hyperliquid-python-sdk) against the emulator: what it signs is taken, what it gets is what it wants."""

import sys
import time

import eth_account

# This file is called as the client is: the folder of a script comes first.
sys.path = [path for path in sys.path if not path.endswith("oracle")]

import hyperliquid.exchange as hx
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.signing import sign_l1_action
from hyperliquid.utils.types import Cloid

URL = sys.argv[1]
MASTER = eth_account.Account.from_key("0x" + "0123456789" * 6 + "0123")
AGENT = eth_account.Account.from_key("0x" + "42" * 32)
STRANGER = eth_account.Account.from_key("0x" + "77" * 32)
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))


def soon(true, what):
    deadline = time.time() + 15
    while time.time() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def statuses(answer):
    assert answer["status"] == "ok", answer
    return answer["response"]["data"]["statuses"]


def only(answer):
    all_ = statuses(answer)
    assert len(all_) == 1, answer
    return all_[0]


info = Info(URL, skip_ws=False)
exchange = Exchange(MASTER, URL)
address = MASTER.address

# Reads.
meta, spot = info.meta(), info.spot_meta()
assert [row["name"] for row in meta["universe"]][:2] == ["BTC", "ETH"]
assert spot["universe"][0]["name"] == "PURR/USDC"
assert info.perp_dexs()[1]["name"] == "xyz"
assert float(info.all_mids()["ETH"]) == 100.0
assert len(info.meta_and_asset_ctxs()[0]["universe"]) == len(info.meta_and_asset_ctxs()[1])
assert info.spot_meta_and_asset_ctxs()[1][0]["coin"] == "PURR/USDC"
assert info.l2_snapshot("ETH")["levels"][0][0]["px"] == "99.9"
now = int(time.time() * 1000)
assert len(info.candles_snapshot("ETH", "1m", now - 600_000, now)) in (10, 11)
assert info.user_state(address)["assetPositions"] == []
assert info.spot_user_state(address)["balances"][0]["coin"] == "USDC"
assert info.user_role(address) == {"role": "user"}
assert info.user_role(AGENT.address)["data"]["user"] == address.lower()
assert info.extra_agents(address)[0]["address"] == AGENT.address.lower()
assert info.query_sub_accounts(address)[0]["name"] == "second"
assert info.query_user_abstraction_state(address) == "default"
assert info.user_rate_limit(address)["nRequestsCap"] > 0
assert float(info.user_fees(address)["userCrossRate"]) > 0
assert info.user_fills(address) == [] and info.open_orders(address) == []

# Streams.
heard = {"fills": [], "orders": [], "bbo": [], "trades": [], "book": [], "mids": []}
info.subscribe({"type": "userFills", "user": address}, lambda m: heard["fills"].append(m["data"]))
info.subscribe({"type": "orderUpdates", "user": address}, lambda m: heard["orders"].extend(m["data"]))
info.subscribe({"type": "bbo", "coin": "ETH"}, lambda m: heard["bbo"].append(m["data"]))
info.subscribe({"type": "trades", "coin": "ETH"}, lambda m: heard["trades"].extend(m["data"]))
info.subscribe({"type": "l2Book", "coin": "ETH"}, lambda m: heard["book"].append(m["data"]))
info.subscribe({"type": "allMids"}, lambda m: heard["mids"].append(m["data"]))
for kind in ("fills", "bbo", "book", "mids"):
    soon(lambda: heard[kind], f"nothing of {kind}")
assert heard["fills"][0]["isSnapshot"] is True

# Orders.
cloid = Cloid.from_int(7)
resting = only(exchange.order("ETH", True, 0.2, 90, GTC, cloid=cloid))["resting"]
assert info.open_orders(address)[0]["oid"] == resting["oid"]
assert info.frontend_open_orders(address)[0]["cloid"] == cloid.to_raw()
assert info.query_order_by_cloid(address, cloid)["order"]["status"] == "open"
soon(lambda: any(row["status"] == "open" for row in heard["orders"]), "no word of the order")
modified = only(exchange.modify_order(resting["oid"], "ETH", True, 0.3, 91, GTC))["resting"]
assert modified["oid"] != resting["oid"]
assert info.query_order_by_oid(address, resting["oid"])["order"]["status"] == "canceled"
assert only(exchange.cancel("ETH", modified["oid"])) == "success"
assert "already canceled" in only(exchange.cancel("ETH", modified["oid"]))["error"]
assert info.query_order_by_oid(address, 5) == {"status": "unknownOid"}
again = Cloid.from_int(8)
only(exchange.order("ETH", True, 0.2, 90, GTC, cloid=again))
assert only(exchange.cancel_by_cloid("ETH", again)) == "success"

filled = only(exchange.market_open("ETH", True, 0.5))["filled"]
assert (filled["totalSz"], filled["avgPx"]) == ("0.5", "100.1"), filled
soon(lambda: any("isSnapshot" not in row for row in heard["fills"]), "no word of the fill")
soon(lambda: heard["trades"], "no word of the trade")
position = info.user_state(address)["assetPositions"][0]["position"]
assert (position["coin"], position["szi"]) == ("ETH", "0.5"), position
assert info.user_fills(address)[0]["oid"] == filled["oid"]
assert len(info.user_fills_by_time(address, now)) == 1
assert "filled" in only(exchange.market_close("ETH"))
assert info.user_state(address)["assetPositions"] == []
assert "filled" in only(exchange.order("PURR/USDC", True, 1000, 0.1236, IOC))
assert info.spot_user_state(address)["balances"][1]["coin"] == "PURR"

# Refusals.
for order, words in [
    (("ETH", True, 0.01, 90, GTC), "minimum value of $10"),
    (("ETH", True, 1, 101, ALO), "bbo was 99.9@100.1"),
    (("ETH", True, 1, 90, IOC), "could not immediately match"),
    (("ETH", True, 1, 90.123, GTC), "divisible by tick size"),
]:
    assert words in only(exchange.order(*order))["error"], words
assert "increase position" in only(exchange.order("ETH", True, 1, 90, GTC, reduce_only=True))["error"]

# A bracket, triggers, the switch, leverage.
trigger = lambda at, market, tpsl: {"trigger": {"triggerPx": at, "isMarket": market, "tpsl": tpsl}}
legs = [
    {"coin": "ETH", "is_buy": True, "sz": 0.2, "limit_px": 90, "order_type": GTC, "reduce_only": False},
    {"coin": "ETH", "is_buy": False, "sz": 0.2, "limit_px": 120, "order_type": trigger(120, True, "tp"), "reduce_only": True},
    {"coin": "ETH", "is_buy": False, "sz": 0.2, "limit_px": 70, "order_type": trigger(80, True, "sl"), "reduce_only": True},
]
bracket = statuses(exchange.bulk_orders(legs, grouping="normalTpsl"))
assert "resting" in bracket[0] and bracket[1:] == ["waitingForFill"] * 2, bracket
assert only(exchange.cancel("ETH", bracket[0]["resting"]["oid"])) == "success"
stop = only(exchange.order("ETH", False, 0.2, 70, trigger(80, True, "sl"), reduce_only=True))["resting"]
assert info.frontend_open_orders(address)[0]["orderType"] == "Stop Market"
assert only(exchange.cancel("ETH", stop["oid"])) == "success"
assert exchange.schedule_cancel(now + 60_000)["status"] == "ok"
assert exchange.schedule_cancel(None)["status"] == "ok"
assert exchange.update_leverage(10, "ETH")["status"] == "ok"
assert exchange.update_isolated_margin(-1.5, "ETH")["status"] == "ok"
used = int(time.time() * 1000) + 500
assert exchange.noop(used)["status"] == "ok"
assert f"duplicate nonce {used}" in exchange.noop(used)["response"]
stamp, hx.get_timestamp_ms = hx.get_timestamp_ms, lambda: used
late = exchange.order("ETH", True, 0.2, 90, GTC)
assert "duplicate nonce" in late["response"] and info.open_orders(address) == [], late
hx.get_timestamp_ms = stamp

# Slices over a time: signed as the client signs anything, listed by its own calls.
def sliced(action):
    nonce = int(time.time() * 1000)
    signature = sign_l1_action(exchange.wallet, action, None, nonce, None, False)
    answer = exchange._post_action(action, signature, nonce)
    assert answer["status"] == "ok", answer
    return answer["response"]["data"]["status"]


slices = lambda size, minutes: {"type": "twapOrder", "twap": {"a": 1, "b": True, "s": size, "r": False, "m": minutes, "t": False}}
assert "Min is $300" in sliced(slices("1", 30))["error"]
assert "Invalid TWAP duration" in sliced(slices("1", 3))["error"]
twap = sliced(slices("10", 30))["running"]["twapId"]
history = info.post("/info", {"type": "twapHistory", "user": address})
assert (history[0]["twapId"], history[0]["status"]["status"], history[0]["state"]["sz"]) == (twap, "activated", "10.0"), history
assert info.user_twap_slice_fills(address) == []
assert sliced({"type": "twapCancel", "a": 1, "t": twap}) == "success"
assert "already canceled" in sliced({"type": "twapCancel", "a": 1, "t": twap})["error"]
assert info.post("/info", {"type": "twapHistory", "user": address})[0]["status"] == {"status": "terminated"}

# Who may: an agent, a vault's leader, nobody else; an agent that has just been approved; nobody for the other network.
agent = Exchange(AGENT, URL, account_address=address)
oid = only(agent.order("ETH", True, 0.2, 90, GTC))["resting"]["oid"]
assert only(exchange.cancel("ETH", oid)) == "success"
leader = Exchange(MASTER, URL, vault_address="0x1719884eb866cb12b2287399b15f7db5e7d775ea")
leader.set_expires_after(int(time.time() * 1000) + 30_000)
oid = only(leader.order("ETH", True, 0.2, 90, GTC))["resting"]["oid"]
assert only(leader.cancel("ETH", oid)) == "success"
answer = Exchange(STRANGER, URL).order("ETH", True, 0.2, 90, GTC)
assert answer["status"] == "err" and "does not exist" in answer["response"], answer
answer, key = exchange.approve_agent("oracle")
assert answer == {"status": "ok", "response": {"type": "default"}}, answer
oid = only(Exchange(eth_account.Account.from_key(key), URL).order("ETH", True, 0.2, 90, GTC))["resting"]["oid"]
assert only(exchange.cancel("ETH", oid)) == "success"
hx.MAINNET_API_URL = URL
answer = exchange.order("ETH", True, 0.2, 90, GTC)
assert answer["status"] == "err" and "does not exist" in answer["response"], answer

assert info.open_orders(address) == []
info.disconnect_websocket()
