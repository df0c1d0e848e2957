//! What a service manager is told: that the engine is ready, that it lives, that it stops. The protocol of systemd's `sd_notify`: a line to a
//! datagram socket that the environment names. Without one nothing is said.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Longest time between two signs of life (reliability L3).
const LIFE_EVERY_MAX: Duration = Duration::from_secs(10);

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    life_every: Duration,
}

impl Manager {
    /// The one at this address (`NOTIFY_SOCKET`; a name that begins with `@` lies in no directory), which wants a sign of life so often
    /// (`WATCHDOG_USEC`).
    #[must_use]
    pub fn new(address: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let socket = address.and_then(|address| {
            let opened = UnixDatagram::unbound().and_then(|socket| Ok((socket, place(address)?)));
            opened.inspect_err(|error| tracing::warn!(%error, "the service manager is not told")).ok()
        });
        // Half of what is allowed, as its manual says.
        let life_every = watchdog.map_or(LIFE_EVERY_MAX, |every| (every / 2).min(LIFE_EVERY_MAX));
        Self { socket, life_every }
    }

    /// How often it is told that the engine lives.
    #[must_use]
    pub const fn life_every(&self) -> Duration {
        self.life_every
    }

    /// Tells it, such as `READY=1`. It may have gone.
    pub fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(%error, state, "the service manager has not heard");
        }
    }
}

#[cfg(target_os = "linux")]
fn place(address: &OsStr) -> std::io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    match address.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(address),
    }
}

#[cfg(not(target_os = "linux"))]
fn place(address: &OsStr) -> std::io::Result<SocketAddr> {
    SocketAddr::from_pathname(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_it_is_told_at_a_path_and_at_an_abstract_name_and_without_either_nothing_is() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("notify");
        let heard = UnixDatagram::bind(&path).unwrap();
        Manager::new(Some(path.as_os_str()), None).tell("READY=1");
        let mut bytes = [0; 64];
        let count = heard.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"READY=1");
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt;
            let name = format!("arbion-test-{}", std::process::id());
            let heard =
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
            Manager::new(Some(OsStr::new(&format!("@{name}"))), None).tell("WATCHDOG=1");
            let count = heard.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..count], b"WATCHDOG=1");
        }
        Manager::new(None, None).tell("STOPPING=1");
        Manager::new(Some(OsStr::new("/no/such/socket")), None).tell("STOPPING=1");
        let every = |watchdog| Manager::new(None, watchdog).life_every().as_secs();
        assert_eq!([None, Some(5), Some(60)].map(|s| every(s.map(Duration::from_secs))), [10, 2, 10]);
    }
}
