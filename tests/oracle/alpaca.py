"""The official client (alpaca-py) against the emulator: what it sends is taken, what it gets is what it wants."""

import sys
import threading
import time
from datetime import datetime, timedelta, timezone

from alpaca.common.exceptions import APIError
from alpaca.data.enums import DataFeed, OptionsFeed
from alpaca.data.historical import (
    CryptoHistoricalDataClient,
    OptionHistoricalDataClient,
    StockHistoricalDataClient,
)
from alpaca.data.live import CryptoDataStream, OptionDataStream, StockDataStream
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestQuoteRequest,
    OptionChainRequest,
    OptionSnapshotRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderClass, OrderSide, OrderStatus, PositionIntent, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetOptionContractsRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

URL = sys.argv[1]
STREAM = URL.replace("http", "ws", 1)
KEYS = ("PKTEST", "SECRET")


def soon(true, what):
    deadline = time.time() + 15
    while time.time() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def refused(call, code, words):
    try:
        call()
    except APIError as error:
        assert error.code == code, error
        assert words in error.message, error
        return
    raise AssertionError(f"not refused: {words}")


def trading():
    client = TradingClient(*KEYS, paper=True, url_override=URL)
    account = client.get_account()
    assert account.account_number == "PA3TEST00001" and str(account.status.value) == "ACTIVE"
    assert client.get_clock().is_open
    config = client.get_account_configurations()
    assert not config.suspend_trade
    for no_shorting in (True, False):
        config.no_shorting = no_shorting
        assert client.set_account_configurations(config).no_shorting == no_shorting

    market = client.submit_order(
        MarketOrderRequest(symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="oracle-1")
    )
    soon(lambda: client.get_order_by_id(market.id).status == OrderStatus.FILLED, "a market order fills")
    assert float(client.get_order_by_client_id("oracle-1").filled_avg_price) == 100.1
    position = client.get_open_position("AAPL")
    assert float(position.qty) == 10 and len(client.get_all_positions()) == 1

    resting = client.submit_order(
        LimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=90.5)
    )
    changed = client.replace_order_by_id(resting.id, ReplaceOrderRequest(qty=2, limit_price=91.0, client_order_id="oracle-2"))
    assert changed.id != resting.id and changed.replaces == resting.id and float(changed.qty) == 2
    assert client.get_order_by_id(resting.id).status == OrderStatus.REPLACED
    client.cancel_order_by_id(changed.id)
    soon(lambda: client.get_order_by_id(changed.id).status == OrderStatus.CANCELED, "it is canceled")
    refused(lambda: client.cancel_order_by_id(market.id), 42210000, 'already in "filled" state')

    trail = client.submit_order(
        TrailingStopOrderRequest(symbol="AAPL", qty=1, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, trail_percent=1.5)
    )
    assert float(trail.trail_percent) == 1.5
    bracket = client.submit_order(
        LimitOrderRequest(
            symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=95, order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=120), stop_loss=StopLossRequest(stop_price=80),
        )
    )
    assert [leg.status for leg in bracket.legs] == [OrderStatus.HELD, OrderStatus.HELD]
    nested = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True))
    assert {order.id for order in nested} == {trail.id, bracket.id}
    assert len(client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=2, symbols=["AAPL"]))) == 2
    assert {row.status for row in client.cancel_orders()} == {200}
    soon(lambda: not client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN)), "everything is canceled")

    closing = client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    soon(lambda: client.get_order_by_id(closing.id).status == OrderStatus.FILLED, "half is closed")
    assert float(client.get_open_position("AAPL").qty) == 5
    client.close_all_positions(cancel_orders=True)
    soon(lambda: not client.get_all_positions(), "everything is closed")
    refused(lambda: client.get_open_position("AAPL"), 40410000, "position does not exist")
    fills = client.get("/account/activities", {"activity_types": "FILL", "direction": "asc"})
    assert [row["side"] for row in fills] == ["buy", "sell", "sell"] and "::" in fills[0]["id"]
    return client


def movements(client):
    """What moves without an order, as its untyped call reads it; the emulator is told by a call of its own what happened."""
    keys = client._get_auth_headers()
    inject = lambda what, body: client._one_request("POST", f"{URL}/emulator/{what}", {"json": body, "headers": keys}, 0)
    client.submit_order(MarketOrderRequest(symbol="MSFT", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY))
    soon(lambda: client.get_open_position("MSFT").qty == "10", "ten are held")
    inject("split", {"symbol": "MSFT", "for_each": 4})
    inject("dividend", {"symbol": "MSFT", "each": "0.25"})
    inject("activity", {"activity_type": "FEE", "activity_sub_type": "TAF", "net_amount": "-0.02"})
    assert client.get_open_position("MSFT").qty == "40"
    rows = client.get("/account/activities", {"category": "non_trade_activity", "direction": "asc"})
    assert [row["activity_type"] for row in rows] == ["SPLIT", "SPLIT", "DIV", "FEE"], rows
    assert [row["qty"] for row in rows[:2]] == ["-10", "40"] and rows[0]["group_id"] == rows[1]["group_id"]
    paid = rows[2]
    assert (paid["net_amount"], paid["per_share_amount"], paid["symbol"]) == ("10", "0.25", "MSFT"), paid
    page = client.get("/account/activities", {"category": "non_trade_activity", "direction": "asc", "page_size": 2, "page_token": rows[0]["id"]})
    assert [row["id"] for row in page] == [row["id"] for row in rows[1:3]]
    both = lambda: client.get("/account/activities", {"category": "non_trade_activity", "activity_types": "DIV"})
    refused(both, 40010001, "cannot be used together")
    client.close_position("MSFT")


def refusals(client):
    def order(**changes):
        fields = {"symbol": "AAPL", "qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, "limit_price": 90} | changes
        return lambda: client.submit_order(LimitOrderRequest(**fields))

    refused(order(client_order_id="oracle-1"), 40010001, "client_order_id must be unique")
    refused(order(symbol="NOPE"), 42210000, 'asset "NOPE" not found')
    refused(order(limit_price=90.123), 42210000, "sub-penny")
    refused(order(qty=10_000), 40310000, "insufficient buying power")
    refused(order(symbol="WHOLE", qty=1.5), 40310000, "not fractionable")
    refused(order(qty=1.5, time_in_force=TimeInForce.GTC), 42210000, "fractional orders must be DAY orders")
    refused(order(symbol="BTC/USD", qty=0.1), 42210000, "invalid crypto time_in_force")
    wrong = TradingClient("PKTEST", "wrong", paper=True, url_override=URL)
    refused(wrong.get_account, 40110000, "not authorized")


def options(client):
    contracts = client.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["AAPL"], type="call", limit=4))
    assert len(contracts.option_contracts) == 4 and contracts.next_page_token
    assert client.get_option_contract(contracts.option_contracts[0].symbol).size == "100"
    low, high = contracts.option_contracts[0].symbol, contracts.option_contracts[1].symbol
    legs = [
        OptionLegRequest(symbol=low, ratio_qty=1, side=OrderSide.BUY, position_intent=PositionIntent.BUY_TO_OPEN),
        OptionLegRequest(symbol=high, ratio_qty=1, side=OrderSide.SELL, position_intent=PositionIntent.SELL_TO_OPEN),
    ]
    package = client.submit_order(
        LimitOrderRequest(qty=1, time_in_force=TimeInForce.DAY, order_class=OrderClass.MLEG, limit_price=1.25, legs=legs)
    )
    soon(lambda: client.get_order_by_id(package.id).status == OrderStatus.FILLED, "the package fills")
    assert {position.symbol for position in client.get_all_positions()} == {low, high}
    one = client.submit_order(
        LimitOrderRequest(symbol=low, qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=1.2)
    )
    client.cancel_order_by_id(one.id)
    client.exercise_options_position(low)
    held = {position.symbol: float(position.qty) for position in client.get_all_positions()}
    assert held == {high: -1, "AAPL": 100}, held
    refused(lambda: client.exercise_options_position(low), 40310000, "no available position")
    return low


def data(contract):
    now = datetime.now(timezone.utc)
    stocks = StockHistoricalDataClient(*KEYS, url_override=URL)
    quote = stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["AAPL", "MSFT"], feed=DataFeed.IEX))
    assert quote["AAPL"].bid_price == 99.9 and quote["MSFT"].ask_price == 100.1
    snapshot = stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL", feed=DataFeed.IEX))
    assert snapshot["AAPL"].previous_daily_bar.close == 98
    request = StockBarsRequest(
        symbol_or_symbols="AAPL", timeframe=TimeFrame(15, TimeFrameUnit.Minute), start=now - timedelta(days=10), feed=DataFeed.IEX,
    )
    assert len(stocks.get_stock_bars(request)["AAPL"]) > 100
    chain = OptionHistoricalDataClient(*KEYS, url_override=URL)
    rows = chain.get_option_chain(OptionChainRequest(underlying_symbol="AAPL", feed=OptionsFeed.INDICATIVE))
    assert len(rows) == 20 and rows[contract].greeks.delta == 0.5123 and rows[contract].implied_volatility == 0.2345
    one = chain.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols=contract))
    assert one[contract].latest_quote.bid_price == 1.9
    crypto = CryptoHistoricalDataClient(url_override=URL)
    assert crypto.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD"))["BTC/USD"].bid_price == 59990
    bars = CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Minute, start=now - timedelta(days=8))
    assert len(crypto.get_crypto_bars(bars)["BTC/USD"]) > 10_000


def word(update):
    """An event's word: a member of its enumeration, or the text itself."""
    return getattr(update.event, "value", update.event)


def run(stream):
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    soon(lambda: stream._running, "the stream runs")
    time.sleep(0.5)


def streams(client, contract):
    events, quotes = [], []

    async def heard(update):
        events.append(update)

    async def priced(quote):
        quotes.append(quote)

    orders = TradingStream(*KEYS, paper=True, url_override=f"{STREAM}/stream")
    orders.subscribe_trade_updates(heard)
    shares = StockDataStream(*KEYS, url_override=f"{STREAM}/v2/iex")
    shares.subscribe_trades(priced, "AAPL")
    contracts = OptionDataStream(*KEYS, url_override=f"{STREAM}/v1beta1/indicative")
    contracts.subscribe_trades(priced, contract)
    coins = CryptoDataStream(*KEYS, url_override=f"{STREAM}/v1beta3/crypto/us")
    coins.subscribe_trades(priced, "BTC/USD")
    for stream in (orders, shares, contracts, coins):
        run(stream)
    for symbol, quantity, time_in_force in (
        ("AAPL", 1, TimeInForce.DAY),
        (contract, 1, TimeInForce.DAY),
        ("BTC/USD", 0.01, TimeInForce.GTC),
    ):
        client.submit_order(MarketOrderRequest(symbol=symbol, qty=quantity, side=OrderSide.BUY, time_in_force=time_in_force))
    soon(lambda: sum(word(event) == "fill" for event in events) == 3, "fills are told")
    fill = next(event for event in events if word(event) == "fill")
    assert fill.execution_id and float(fill.price) == 100.1 and fill.order.status == OrderStatus.FILLED
    soon(lambda: {quote.symbol for quote in quotes} == {"AAPL", contract, "BTC/USD"}, "trades are told")
    assert all(isinstance(quote.timestamp, datetime) for quote in quotes)


client = trading()
movements(client)
refusals(client)
contract = options(client)
data(contract)
assets = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
assert {asset.symbol for asset in assets} == {"BTC/USD", "ETH/USD"} and client.get_asset("AAPL").fractionable
streams(client, contract)
print("alpaca-py agrees")
