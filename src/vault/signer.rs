//! A key that signs heads of the audit log. Its private half is a secret of the vault like any other.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{SecretName, SecretStore, VaultError};

/// The name of the key among the vault's secrets.
const NAME: &str = "arbion.audit_key";

/// Signs. Wiped when dropped.
pub struct Signer(SigningKey);

impl Signer {
    /// The key that a store keeps, made at the first call.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn of(store: &mut dyn SecretStore, now: Timestamp) -> Result<Self, VaultError> {
        let name: SecretName = NAME.parse()?;
        match store.get(&name) {
            Ok(kept) => {
                seed(&kept).map(|seed| Self(SigningKey::from_bytes(&seed))).ok_or(VaultError::BadValue)
            }
            Err(VaultError::NoSecret(_)) => {
                let mut seed = Zeroizing::new([0; 32]);
                getrandom::fill(seed.as_mut()).map_err(|error| VaultError::Io {
                    path: "/dev/urandom".into(),
                    reason: error.to_string(),
                })?;
                let mut text = String::with_capacity(64);
                for byte in seed.iter() {
                    for digit in [byte >> 4, byte & 15] {
                        text.extend(char::from_digit(u32::from(digit), 16));
                    }
                }
                store.set(&name, &SecretString::from(text), now)?;
                Ok(Self(SigningKey::from_bytes(&seed)))
            }
            Err(error) => Err(error),
        }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// A signature of these bytes.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

fn seed(text: &SecretString) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.expose_secret().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut seed = Zeroizing::new([0; 32]);
    for (byte, pair) in seed.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(seed)
}

/// Did the private half of `key` sign these bytes.
#[must_use]
pub fn signed_by(key: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok())
}
