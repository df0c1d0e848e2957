//! Sealing and opening by age: to keys, to a passphrase, to SSH keys.

use std::io::{Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::VaultError;

/// Work factor of a passphrase, written as it is on every machine: 256 MiB and about a second (reliability V6).
pub(super) const SCRYPT_WRITE: u8 = 18;
/// The largest work factor that is opened: 1 GiB.
pub(super) const SCRYPT_READ_MAX: u8 = 20;

/// Seals to every one of `recipients`.
///
/// # Errors
/// When the recipients do not go together.
pub(super) fn seal(
    path: &Path,
    plain: &[u8],
    recipients: &[&dyn age::Recipient],
) -> Result<Vec<u8>, VaultError> {
    let fail = |reason: String| VaultError::Io { path: path.to_owned(), reason };
    let encryptor =
        Encryptor::with_recipients(recipients.iter().copied()).map_err(|error| fail(error.to_string()))?;
    let mut sealed = Vec::with_capacity(plain.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| fail(error.to_string()))?;
    writer.write_all(plain).map_err(|error| fail(error.to_string()))?;
    writer.finish().map_err(|error| fail(error.to_string()))?;
    Ok(sealed)
}

/// Seals to a passphrase.
///
/// # Errors
/// Never in practice.
pub(super) fn seal_by_passphrase(
    path: &Path,
    plain: &[u8],
    passphrase: &SecretString,
) -> Result<Vec<u8>, VaultError> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(SCRYPT_WRITE);
    seal(path, plain, &[&recipient])
}

/// Why a sealed file did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The key or the passphrase is none of the file's.
    Key,
    /// It asks for too much work.
    Work(u8),
    /// It is not what was written.
    Damage,
}

/// Opens a sealed file, armored or not. All of it, or nothing.
///
/// # Errors
/// Why not.
pub(super) fn open(bytes: &[u8], identity: &dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let reader = age::armor::ArmoredReader::new(bytes);
    let decryptor = Decryptor::new_buffered(reader).map_err(|error| refusal(&error))?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| refusal(&error))?;
    // The plain text is never longer than the sealed one, so that it does not move while it grows.
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    reader.read_to_end(&mut plain).map_err(|_| Refusal::Damage)?;
    Ok(plain)
}

/// The identity of a passphrase, which does not take more work than it should.
pub(super) fn passphrase_identity(passphrase: &SecretString) -> age::scrypt::Identity {
    let mut identity = age::scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(SCRYPT_READ_MAX);
    identity
}

fn refusal(error: &DecryptError) -> Refusal {
    match error {
        DecryptError::ExcessiveWork { required, .. } => Refusal::Work(*required),
        // A wrong passphrase fails like this; so does a damaged stanza.
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            Refusal::Key
        }
        _ => Refusal::Damage,
    }
}
