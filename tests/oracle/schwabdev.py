"""schwabdev, the other established client of Charles Schwab's API, against the emulator."""

import datetime
import sys
import tempfile
import urllib.parse

import requests

BASE = sys.argv[1]
KEY, SECRET, CALLBACK = "KEY12345KEY12345", "SECRET99SECRET99", "https://127.0.0.1:8182"
SCHWAB = "https://api.schwabapi.com"

# The script has the package's name: it must not be found in its place.
sys.path = [path for path in sys.path if not path.endswith("tests/oracle")]
import schwabdev  # noqa: E402
import schwabdev.client  # noqa: E402
import schwabdev.tokens  # noqa: E402

post = requests.post


def post_here(url, **words):
    return post(url.replace(SCHWAB, BASE, 1), **words)


schwabdev.tokens.requests.post = post_here
schwabdev.client.ClientBase._base_api_url = BASE


def sign_in(url):
    """A person who agrees at once: where the browser ends."""
    page = requests.get(url.replace(SCHWAB, BASE, 1), allow_redirects=False, timeout=10)
    assert page.status_code == 302, page.text
    return page.headers["location"]


def well(answer):
    assert answer.status_code in (200, 201), (answer.status_code, answer.text)
    return answer


def limit(quantity, price):
    leg = {"instruction": "BUY", "quantity": quantity, "instrument": {"symbol": "AAPL", "assetType": "EQUITY"}}
    return {
        "orderType": "LIMIT", "session": "NORMAL", "duration": "DAY", "orderStrategyType": "SINGLE",
        "price": price, "orderLegCollection": [leg],
    }


with tempfile.TemporaryDirectory() as kept:
    client = schwabdev.Client(
        KEY, SECRET, CALLBACK, tokens_db=f"{kept}/tokens.db", call_on_auth=sign_in, open_browser_for_auth=False
    )
    [account] = well(client.linked_accounts()).json()
    place = account["hashValue"]
    assert len(place) >= 14
    [everything] = well(client.account_details_all(fields="positions")).json()
    assert everything["securitiesAccount"]["accountNumber"] == account["accountNumber"]
    details = well(client.account_details(place)).json()
    assert details["securitiesAccount"]["currentBalances"]["cashBalance"] > 0
    assert "streamerInfo" in well(client.preferences()).json()

    # An order waits, is changed, and is taken off.
    placed = well(client.place_order(place, limit(5, "90")))
    number = placed.headers["location"].rsplit("/", 1)[1]
    assert well(client.order_details(place, number)).json()["status"] == "WORKING"
    changed = well(client.replace_order(place, number, limit(5, "91")))
    new = changed.headers["location"].rsplit("/", 1)[1]
    assert new != number
    assert well(client.order_details(place, number)).json()["status"] == "REPLACED"
    well(client.cancel_order(place, new))
    assert well(client.order_details(place, new)).json()["status"] == "CANCELED"
    # Another one fills.
    filled = well(client.place_order(place, limit(2, "101"))).headers["location"].rsplit("/", 1)[1]
    shown = well(client.order_details(place, filled)).json()
    assert (shown["status"], shown["filledQuantity"]) == ("FILLED", 2), shown
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    listed = well(client.account_orders(place, now - day, now + day)).json()
    assert {str(order["orderId"]) for order in listed} >= {number, new, filled}
    assert well(client.account_orders_all(now - day, now + day)).json()
    moved = well(client.transactions(place, now - day, now + day, "TRADE")).json()
    assert moved[0]["transferItems"][0]["instrument"]["symbol"] == "AAPL"
    assert well(client.preview_order(place, limit(1, "90"))).json()["orderStrategy"]
    held = well(client.account_details(place, fields="positions")).json()["securitiesAccount"]["positions"]
    assert held[0]["longQuantity"] == 2

    # Prices.
    assert well(client.quote("AAPL")).json()["AAPL"]["quote"]["bidPrice"] > 0
    assert set(well(client.quotes(["AAPL"])).json()) == {"AAPL"}
    assert well(client.price_history("AAPL", "day", 1, "minute", 1)).json()["candles"]
    assert well(client.option_expiration_chain("AAPL")).json()["expirationList"]
    assert well(client.instruments("AAPL", "symbol-search")).json()["instruments"]

    # The login is kept: whoever comes later needs no browser, and refreshes.
    later = schwabdev.Client(
        KEY, SECRET, CALLBACK, tokens_db=f"{kept}/tokens.db", call_on_auth=lambda url: sys.exit("asked again"),
        open_browser_for_auth=False,
    )
    later.update_tokens(force_access_token=True)
    well(later.linked_accounts())
    assert urllib.parse.urlparse(BASE).hostname == "127.0.0.1"
