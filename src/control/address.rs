//! Addresses that are listened on, and change while the daemon runs.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

/// How long an address that was closed may take to be free.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait before it is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// An address that could not be listened on.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why not.
    pub(super) error: io::Error,
    /// The old address, opened again, where it had been closed.
    pub(super) back: Option<TcpListener>,
}

/// Listens on `new` in place of `old`. Where both cannot be listened on at once, as `127.0.0.1:1` and
/// `0.0.0.0:1`, `close` has to let go of the old one, and new connections find nobody for a moment.
pub(super) async fn replace(
    old: Option<SocketAddr>,
    new: SocketAddr,
    close: impl FnOnce(),
) -> Result<TcpListener, Refused> {
    let Some(old) = old.filter(|old| exclude_each_other(*old, new)) else {
        let opened = TcpListener::bind(new).await;
        return opened.map_err(|error| Refused { error, back: None });
    };
    close();
    match once_free(new).await {
        Ok(listener) => Ok(listener),
        Err(error) => {
            let back = once_free(old).await.inspect_err(|error| {
                tracing::error!(%error, "nobody listens on {old} any longer");
            });
            Err(Refused {
                error,
                back: back.ok(),
            })
        }
    }
}

/// True where one of them is the other, and more.
fn exclude_each_other(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && (one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// Whoever listened may take a moment to end.
async fn once_free(address: SocketAddr) -> io::Result<TcpListener> {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_gives_way_to_a_wider_one_or_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let old = listener.local_addr().unwrap();
        let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), old.port());
        let wide_one = replace(Some(old), wide, || drop(listener)).await.unwrap();
        assert_eq!(wide_one.local_addr().unwrap(), wide);

        // An address of documentation (RFC 5737), which no machine has.
        let foreign = SocketAddr::new("192.0.2.1".parse().unwrap(), old.port());
        let refused = replace(Some(wide), foreign, || drop(wide_one)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.error.kind(), io::ErrorKind::AddrNotAvailable);
        let back = refused.back.unwrap();
        assert_eq!(back.local_addr().unwrap(), wide);

        // One that is not in the way goes on meanwhile.
        let closed = || unreachable!("both fit");
        let any = "127.0.0.1:0".parse().unwrap();
        replace(Some(wide), any, closed).await.unwrap();
    }
}
