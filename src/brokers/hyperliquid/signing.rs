//! How Hyperliquid is signed to: actions are packed and hashed, the hash is signed as the id of a phantom agent (EIP-712, secp256k1); what only
//! the account's own key may sign is signed field by field. The key itself never leaves this file.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use k256::ecdsa::{SigningKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

use super::actions::Action;

/// What is wrong with a key, an address or a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The key is no key. It is not shown.
    #[error("the private key is not one (0x and 64 hexadecimal digits)")]
    BadKey,
    /// The address is no address.
    #[error("'{text}' is no address (0x and 40 hexadecimal digits)")]
    BadAddress {
        /// As given, shortened.
        text: String,
    },
    /// The action cannot be packed.
    #[error("the action cannot be packed: {reason}")]
    Unpackable {
        /// Why.
        reason: String,
    },
}

/// Which of the two chains. It goes into every signature: what is signed for one is nobody's on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Real money.
    Mainnet,
    /// The test chain.
    Testnet,
}

impl Network {
    /// Who a phantom agent's connection comes from.
    const fn source(self) -> &'static str {
        match self {
            Self::Mainnet => "a",
            Self::Testnet => "b",
        }
    }

    /// Its name in what the account's own key signs.
    #[must_use]
    pub const fn chain(self) -> &'static str {
        match self {
            Self::Mainnet => "Mainnet",
            Self::Testnet => "Testnet",
        }
    }

    /// The word in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
        }
    }
}

/// An account of the chain. Written in lower case everywhere: the venue hashes it so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

impl Address {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Its last four digits.
    #[must_use]
    pub fn last_four(&self) -> String {
        let text = self.to_string();
        text[text.len() - 4..].to_owned()
    }

    /// The account of a public key.
    fn of(key: &VerifyingKey) -> Self {
        let point = key.to_sec1_point(false);
        let hash = keccak(&[&point.as_bytes()[1..]]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Self(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl FromStr for Address {
    type Err = SigningError;

    fn from_str(text: &str) -> Result<Self, SigningError> {
        let mut bytes = [0; 20];
        match unhex(text.trim(), &mut bytes) {
            Some(()) => Ok(Self(bytes)),
            None => Err(SigningError::BadAddress {
                text: text.chars().take(50).flat_map(char::escape_default).collect(),
            }),
        }
    }
}

/// A signature as the venue reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// 32 bytes, `0x` and 64 digits.
    pub r: String,
    /// The same.
    pub s: String,
    /// 27 or 28.
    pub v: u8,
}

/// `0x` and two digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads exactly as many bytes as there is room for; `0x` may be left out.
fn unhex(text: &str, into: &mut [u8]) -> Option<()> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text).as_bytes();
    if digits.len() != into.len() * 2 {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for (byte, pair) in into.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(())
}

fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// A number as EIP-712 sees it.
fn word(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// What a signature of this type in this domain is made of.
fn digest(domain: &str, chain_id: u64, structure: &[u8; 32]) -> [u8; 32] {
    let kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    let separator = keccak(&[
        &keccak(&[kind]),
        &keccak(&[domain.as_bytes()]),
        &keccak(&[b"1"]),
        &word(chain_id),
        &[0; 32],
    ]);
    keccak(&[&[0x19, 0x01], &separator, structure])
}

/// The bytes of an action that are hashed.
///
/// # Errors
/// When it cannot be packed.
pub fn pack(action: &Action) -> Result<Vec<u8>, SigningError> {
    rmp_serde::to_vec_named(action).map_err(|error| SigningError::Unpackable { reason: error.to_string() })
}

/// The id of the connection over which a packed action comes: its hash, with all that goes with it.
#[must_use]
pub fn connection_id(
    packed: &[u8],
    nonce: u64,
    vault: Option<&Address>,
    expires_after: Option<u64>,
) -> [u8; 32] {
    let nonce = nonce.to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![packed, &nonce];
    match vault {
        Some(vault) => parts.extend([&[1][..], vault.bytes()]),
        None => parts.push(&[0]),
    }
    let expires = expires_after.map(u64::to_be_bytes);
    if let Some(expires) = &expires {
        parts.extend([&[0][..], expires]);
    }
    keccak(&parts)
}

/// One field of what the account's own key signs.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// A text.
    Text(&'a str),
    /// An account.
    Account(&'a Address),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
}

impl Field<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Account(_) => "address",
            Self::Number(_) => "uint64",
            Self::Flag(_) => "bool",
        }
    }

    fn word(&self) -> [u8; 32] {
        match self {
            Self::Text(text) => keccak(&[text.as_bytes()]),
            Self::Account(address) => {
                let mut word = [0; 32];
                word[12..].copy_from_slice(address.bytes());
                word
            }
            Self::Number(number) => word(*number),
            Self::Flag(flag) => word(u64::from(*flag)),
        }
    }
}

/// A key that signs, with the account it stands for and the nonces it has used.
pub struct Signer {
    key: SigningKey,
    address: Address,
    last_nonce: AtomicU64,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a key. Its digits are wiped at once; the key when the signer goes.
    ///
    /// # Errors
    /// When it is none; the error does not show it.
    pub fn new(key: &SecretString) -> Result<Self, SigningError> {
        let mut bytes = Zeroizing::new([0; 32]);
        unhex(key.expose_secret().trim(), bytes.as_mut_slice()).ok_or(SigningError::BadKey)?;
        let key = SigningKey::from_slice(bytes.as_slice()).map_err(|_| SigningError::BadKey)?;
        let address = Address::of(key.verifying_key());
        Ok(Self { key, address, last_nonce: AtomicU64::new(0) })
    }

    /// The key's own account: the agent's, not its master's.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// A nonce that this signer has not used: the time, or one more than the last.
    #[must_use]
    pub fn nonce(&self, now_ms: u64) -> u64 {
        let next = |last: u64| Some(now_ms.max(last + 1));
        match self.last_nonce.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) {
            Ok(last) | Err(last) => now_ms.max(last + 1),
        }
    }

    fn sign(&self, digest: &[u8; 32]) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(digest);
        let bytes = signature.to_bytes();
        let (r, s) = bytes.split_at(32);
        Signature { r: hex(r), s: hex(s), v: 27 + recovery.to_byte() }
    }

    /// Signs the id of a connection.
    #[must_use]
    pub fn sign_connection(&self, network: Network, connection_id: &[u8; 32]) -> Signature {
        let structure = keccak(&[
            &keccak(&[b"Agent(string source,bytes32 connectionId)"]),
            &keccak(&[network.source().as_bytes()]),
            connection_id,
        ]);
        self.sign(&digest("Exchange", 1337, &structure))
    }

    /// Signs an action.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub fn sign_action(
        &self,
        network: Network,
        action: &Action,
        nonce: u64,
        vault: Option<&Address>,
        expires_after: Option<u64>,
    ) -> Result<Signature, SigningError> {
        let id = connection_id(&pack(action)?, nonce, vault, expires_after);
        Ok(self.sign_connection(network, &id))
    }

    /// Signs what only the account's own key may sign: a type such as `HyperliquidTransaction:ApproveAgent`, and its fields behind the
    /// chain's name.
    #[must_use]
    pub fn sign_fields(
        &self,
        network: Network,
        chain_id: u64,
        primary: &str,
        fields: &[(&str, Field<'_>)],
    ) -> Signature {
        let mut kind = format!("{primary}(string hyperliquidChain");
        for (name, field) in fields {
            kind.push_str(&format!(",{} {name}", field.kind()));
        }
        kind.push(')');
        let words: Vec<[u8; 32]> = fields.iter().map(|(_, field)| field.word()).collect();
        let (kind, chain) = (keccak(&[kind.as_bytes()]), keccak(&[network.chain().as_bytes()]));
        let mut parts: Vec<&[u8]> = vec![&kind, &chain];
        parts.extend(words.iter().map(<[u8; 32]>::as_slice));
        self.sign(&digest("HyperliquidSignTransaction", chain_id, &keccak(&parts)))
    }
}

#[cfg(test)]
mod tests;
