//! Where coins can be sent to: the deposit addresses of each currency's wallet, by the v2 interface. An address is made only when asked for.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::line::Line;
use super::{V2, errors, refused_locally};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::domain::venue::DepositAddress;

/// Pages of one list.
const PAGES_MAX: usize = 50;
/// Rows of a page.
const PAGE: &str = "100";
/// What an address that we make is called there.
const NAME: &str = "arbion";

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    pagination: Pagination,
    data: Vec<T>,
}

#[derive(Default, Deserialize)]
struct Pagination {
    #[serde(default)]
    next_uri: Option<String>,
}

#[derive(Deserialize)]
struct Wallet {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    currency: WalletCurrency,
}

#[derive(Deserialize)]
struct WalletCurrency {
    code: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Address {
    address: String,
    #[serde(default)]
    network: String,
    #[serde(default)]
    destination_tag: Option<String>,
    #[serde(default)]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Made {
    data: Address,
}

impl Address {
    fn of(self, currency: &str) -> DepositAddress {
        DepositAddress {
            currency: errors::words(currency),
            network: errors::words(&self.network),
            address: errors::words(&self.address),
            destination_tag: self
                .destination_tag
                .map(|tag| errors::words(&tag))
                .filter(|tag| !tag.is_empty()),
            created_at: self.created_at,
        }
    }
}

/// The deposit addresses of every currency's wallet, or of one's; a currency may have one for each network.
///
/// # Errors
/// As any call; `Refused` when the login lacks the permission.
pub(super) async fn deposit_addresses(
    line: &Line,
    currency: Option<&str>,
) -> Result<Vec<DepositAddress>, BrokerError> {
    let mut addresses = Vec::new();
    for wallet in crypto_wallets(line).await? {
        if currency.is_some_and(|wanted| !wallet.currency.code.eq_ignore_ascii_case(wanted)) {
            continue;
        }
        let rows: Vec<Address> = pages(line, "addresses", &address_path(&wallet)).await?;
        addresses.extend(rows.into_iter().map(|row| row.of(&wallet.currency.code)));
    }
    Ok(addresses)
}

/// Makes a new deposit address of a currency. Each call makes another one; the key needs the permission to transfer.
///
/// # Errors
/// `NotFound` when there is no such wallet; as any command besides.
pub(super) async fn new_deposit_address(line: &Line, currency: &str) -> Result<DepositAddress, BrokerError> {
    let wallets = crypto_wallets(line).await?;
    let wallet = wallets.into_iter().find(|wallet| wallet.currency.code.eq_ignore_ascii_case(currency));
    let Some(wallet) = wallet else {
        return Err(refused_locally(
            format!("deposits of {currency}"),
            "currencies that have a wallet there",
        ));
    };
    let call = Call::order("new address", V2);
    let made: Made = line.post(call, &address_path(&wallet), &json!({"name": NAME})).await?;
    Ok(made.data.of(&wallet.currency.code))
}

fn address_path(wallet: &Wallet) -> String {
    let id: String = url::form_urlencoded::byte_serialize(wallet.id.as_bytes()).collect();
    format!("/v2/accounts/{id}/addresses")
}

async fn crypto_wallets(line: &Line) -> Result<Vec<Wallet>, BrokerError> {
    let wallets: Vec<Wallet> = pages(line, "wallets", "/v2/accounts").await?;
    Ok(wallets
        .into_iter()
        .filter(|wallet| wallet.kind == "wallet" && wallet.currency.kind == "crypto")
        .collect())
}

/// All rows of a list. Of the address of the next page only where it begins is taken.
async fn pages<T: serde::de::DeserializeOwned>(
    line: &Line,
    name: &'static str,
    path: &str,
) -> Result<Vec<T>, BrokerError> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let mut query = vec![("limit", PAGE.to_owned())];
        query.extend(after.take().map(|after| ("starting_after", after)));
        let page: Page<T> = line.get(Call::history(name, V2), path, &query).await?;
        rows.extend(page.data);
        let next = page.pagination.next_uri.unwrap_or_default();
        let query = next.split_once('?').map(|(_, query)| query).unwrap_or_default();
        after = url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "starting_after")
            .map(|(_, value)| value.into_owned());
        if after.is_none() {
            return Ok(rows);
        }
    }
    let reason = format!("it does not end within {PAGES_MAX} pages");
    Err(BrokerError::Unreadable { broker: super::BROKER.to_owned(), call: name, reason })
}
