"""schwab-py, the established client of Charles Schwab's API, against the emulator."""

import asyncio
import datetime
import json
import sys

import httpx

BASE = sys.argv[1]
KEY, SECRET, CALLBACK = "KEY12345KEY12345", "SECRET99SECRET99", "https://127.0.0.1:8182"


def loopback(transport):
    """A transport that takes every call for Schwab to the emulator."""

    class Loopback(transport):
        def _turn(self, request):
            if request.url.host == "api.schwabapi.com":
                there = httpx.URL(BASE)
                request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
                request.headers["host"] = f"{there.host}:{there.port}"
            return request

    return Loopback


class Sync(loopback(httpx.HTTPTransport)):
    def handle_request(self, request):
        return super().handle_request(self._turn(request))


begin = httpx.Client.__init__


def begin_here(self, *arguments, **words):
    words.setdefault("transport", Sync())
    begin(self, *arguments, **words)


httpx.Client.__init__ = begin_here

# The script has the package's name: it must not be found in its place.
sys.path = [path for path in sys.path if not path.endswith("tests/oracle")]
import schwab  # noqa: E402
from schwab.orders.common import OrderType  # noqa: E402
from schwab.orders.equities import equity_buy_limit, equity_buy_market  # noqa: E402
from schwab.orders.options import option_buy_to_open_limit  # noqa: E402
from schwab.streaming import StreamClient  # noqa: E402
from schwab.utils import Utils  # noqa: E402


def well(answer):
    assert answer.status_code in (200, 201), (answer.status_code, answer.text)
    return answer


def sign_in():
    context = schwab.auth.get_auth_context(KEY, CALLBACK)
    kept = []
    came = f"{CALLBACK}/?code=C0.abc%40&session=1&state={context.state}"
    schwab.auth.client_from_received_url(KEY, SECRET, context, came, lambda token, *_, **__: kept.append(token))
    token = kept[0]
    assert token["token"]["access_token"].startswith("AT") if "token" in token else token["access_token"].startswith("AT")
    token = token.get("token", token)
    # The client made from a URL cannot refresh: this one can, and has to, for its token has ended.
    token["expires_at"] = 1
    wrapped = {"creation_timestamp": int(datetime.datetime.now().timestamp()), "token": token}

    def keep(token, *_, **__):
        wrapped.update(token if "token" in token else {"token": token})

    client = schwab.auth.client_from_access_functions(KEY, SECRET, lambda: wrapped, keep)
    well(client.get_account_numbers())
    assert wrapped["token"]["access_token"] == "AT3", wrapped
    return client


def trade(client):
    account = well(client.get_account_numbers()).json()[0]
    number, place = account["accountNumber"], account["hashValue"]
    figures = well(client.get_account(place, fields=[client.Account.Fields.POSITIONS])).json()
    assert figures["securitiesAccount"]["currentBalances"]["buyingPower"] == 2000000
    answer = well(client.place_order(place, equity_buy_limit("AAPL", 10, "90.00")))
    first = Utils(client, place).extract_order_id(answer)
    assert first == 1000000000001, first
    order = well(client.get_order(first, place)).json()
    assert order["status"] == "WORKING" and order["quantity"] == 10, order
    answer = well(client.replace_order(place, first, equity_buy_limit("AAPL", 10, "91.00")))
    second = Utils(client, place).extract_order_id(answer)
    assert well(client.get_order(first, place)).json()["status"] == "REPLACED"
    well(client.cancel_order(second, place))
    assert well(client.get_order(second, place)).json()["status"] == "CANCELED"
    late = client.cancel_order(second, place)
    assert late.status_code == 400 and "cannot be canceled" in late.text, late.text
    well(client.place_order(place, equity_buy_market("AAPL", 3)))
    orders = well(client.get_orders_for_account(place)).json()
    filled = [order for order in orders if order["status"] == "FILLED"]
    assert filled[0]["orderActivityCollection"][0]["executionLegs"][0]["price"] == 100.1, filled
    held = well(client.get_account(place, fields=[client.Account.Fields.POSITIONS])).json()
    assert held["securitiesAccount"]["positions"][0]["longQuantity"] == 3
    shown = well(client.preview_order(place, equity_buy_limit("AAPL", 1, "90.00"))).json()
    assert shown["orderValidationResult"]["rejects"] == []
    assert well(client.get_transactions(place)).json()[0]["type"] == "TRADE"
    bad = client.place_order(place, option_buy_to_open_limit("AAPL  270115C00110000", 1, "1.25"))
    assert bad.status_code == 400, bad.status_code
    assert client.get_account("12345678").status_code == 404
    return number


def data(client):
    assert well(client.get_quote("AAPL")).json()["AAPL"]["quote"]["bidPrice"] == 99.9
    quotes = well(client.get_quotes(["AAPL", "$SPX", "ZZZ"])).json()
    assert quotes["errors"]["invalidSymbols"] == ["ZZZ"] and quotes["$SPX"]["assetMainType"] == "INDEX"
    assert len(well(client.get_price_history_every_day("AAPL")).json()["candles"]) > 100
    chain = well(client.get_option_chain("AAPL", from_date=datetime.date(2027, 1, 15), to_date=datetime.date(2027, 1, 15))).json()
    assert "2027-01-15:30" in chain["callExpDateMap"]
    assert len(well(client.get_option_expiration_chain("AAPL")).json()["expirationList"]) == 2
    assert well(client.get_movers(client.Movers.Index.SPX)).json()["screeners"][0]["symbol"] == "AAPL"
    assert well(client.get_market_hours([client.MarketHours.Market.EQUITY])).json()["equity"]["EQ"]["isOpen"]
    found = well(client.get_instruments(["AAPL"], client.Instrument.Projection.SYMBOL_SEARCH)).json()
    assert found["instruments"][0]["description"] == "APPLE INC"


async def stream(client, number, place):
    streamer = StreamClient(client, account_id=number)
    quotes, words = [], []
    await streamer.login()
    streamer.add_level_one_equity_handler(quotes.append)
    streamer.add_account_activity_handler(words.append)
    await streamer.level_one_equity_subs(["AAPL"])
    await streamer.account_activity_sub()
    while not quotes:
        await asyncio.wait_for(streamer.handle_message(), 10)
    assert quotes[0]["content"][0]["BID_PRICE"] == 99.9, quotes
    well(client.place_order(place, equity_buy_market("AAPL", 1)))
    while len(words) < 3:
        await asyncio.wait_for(streamer.handle_message(), 10)
    told = {word["content"][0]["MESSAGE_TYPE"] for word in words}
    assert "OrderCreated" in told, told
    data = json.loads(words[0]["content"][0]["MESSAGE_DATA"])
    assert data["SchwabOrderID"].startswith("1000000000"), data
    await streamer.logout()


client = sign_in()
assert OrderType.LIMIT.value == "LIMIT"
number = trade(client)
data(client)
place = client.get_account_numbers().json()[0]["hashValue"]
asyncio.run(stream(client, number, place))
