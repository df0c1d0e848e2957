//! The `state` parameter (reliability O2): it names a sign-in that was begun here and is bound by HMAC to its time, broker, profile, redirect
//! URI and PKCE verifier. It is good for five minutes and once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use super::OauthError;

/// How long a sign-in may take.
pub const LIFE: SignedDuration = SignedDuration::from_mins(5);
/// Sign-ins that can be under way at once; beyond it the oldest is given up.
const PENDING_MAX: usize = 16;
/// Bytes of the parts: nonce, time, HMAC.
const NONCE: usize = 16;
const TIME: usize = 8;
const MARK: usize = 16;

/// What a sign-in is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The broker.
    pub broker: &'a str,
    /// The profile.
    pub profile: &'a str,
    /// The redirect URI, as registered.
    pub redirect_uri: &'a str,
}

struct Pending {
    began: Timestamp,
    verifier: Option<SecretString>,
}

/// The sign-ins that are under way. One per engine: its key is random and never leaves it.
pub struct States {
    key: SecretBox<[u8; 64]>,
    pending: Mutex<BTreeMap<[u8; NONCE], Pending>>,
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}

fn no_random(error: getrandom::Error) -> OauthError {
    OauthError::NoRandomness(error.to_string())
}

impl States {
    /// With a key of its own.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> Result<Self, OauthError> {
        let mut key = Box::new([0_u8; 64]);
        getrandom::fill(key.as_mut()).map_err(no_random)?;
        Ok(Self { key: SecretBox::new(key), pending: Mutex::default() })
    }

    /// Begins a sign-in and returns its state.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn begin(
        &self,
        now: Timestamp,
        bound: Bound<'_>,
        verifier: Option<SecretString>,
    ) -> Result<String, OauthError> {
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(no_random)?;
        let mark = self.mac(&nonce, now, bound, verifier.as_ref()).finalize().into_bytes();
        let mut text = Vec::with_capacity(NONCE + TIME + MARK);
        text.extend_from_slice(&nonce);
        text.extend_from_slice(&now.as_second().to_be_bytes());
        text.extend_from_slice(&mark[..MARK]);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, flow| now.duration_since(flow.began) <= LIFE);
        if pending.len() >= PENDING_MAX {
            let oldest = pending.iter().min_by_key(|(_, flow)| flow.began).map(|(nonce, _)| *nonce);
            oldest.map(|nonce| pending.remove(&nonce));
        }
        pending.insert(nonce, Pending { began: now, verifier });
        Ok(URL_SAFE_NO_PAD.encode(text))
    }

    /// Ends the sign-in that a state names, and returns its PKCE verifier. A state that is right works once.
    ///
    /// # Errors
    /// `State` when it is not ours, of something else, too old, or was used before.
    pub fn take(
        &self,
        now: Timestamp,
        bound: Bound<'_>,
        state: &str,
    ) -> Result<Option<SecretString>, OauthError> {
        let wrong = |reason| OauthError::State { reason };
        let bytes = URL_SAFE_NO_PAD.decode(state).map_err(|_| wrong("its state is none of ours"))?;
        let parts: &[u8; NONCE + TIME + MARK] =
            bytes.as_slice().try_into().map_err(|_| wrong("its state is none of ours"))?;
        let (nonce, rest) = parts.split_at(NONCE);
        let (time, mark) = rest.split_at(TIME);
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| wrong("its state is none of ours"))?;
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let flow = pending.get(&nonce).ok_or_else(|| wrong("it is not under way, or was answered before"))?;
        // The comparison takes the same time wherever they differ.
        let mac = self.mac(&nonce, flow.began, bound, flow.verifier.as_ref());
        if time != flow.began.as_second().to_be_bytes() || mac.verify_truncated_left(mark).is_err() {
            return Err(wrong("its state was changed, or is of another broker or profile"));
        }
        let flow = pending.remove(&nonce);
        let flow = flow.ok_or_else(|| wrong("it is not under way, or was answered before"))?;
        let age = now.duration_since(flow.began);
        if age > LIFE || age < SignedDuration::ZERO {
            return Err(wrong("it took longer than five minutes"));
        }
        Ok(flow.verifier)
    }

    fn mac(
        &self,
        nonce: &[u8],
        began: Timestamp,
        bound: Bound<'_>,
        verifier: Option<&SecretString>,
    ) -> Hmac<Sha256> {
        // The key is as long as a block of SHA-256.
        let mut mac = Hmac::<Sha256>::new(&(*self.key.expose_secret()).into());
        let digest = verifier.map(|verifier| Sha256::digest(verifier.expose_secret().as_bytes()));
        for part in [
            nonce,
            &began.as_second().to_be_bytes(),
            bound.broker.as_bytes(),
            bound.profile.as_bytes(),
            bound.redirect_uri.as_bytes(),
            digest.as_deref().unwrap_or_default(),
        ] {
            // With its length before each, no two lists of parts are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}
