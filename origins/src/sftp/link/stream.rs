//! Packets in and out of a session's bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Shared;
use crate::sftp::wire::MAX_PACKET;

/// Reads packets until the session breaks; says why it did.
pub(super) async fn hear(
    shared: &Arc<Shared>,
    incoming: &mut (impl AsyncRead + Unpin),
) -> Box<str> {
    loop {
        let taken = match read_packet(incoming, || shared.heard()).await {
            Ok(packet) => shared.take(packet),
            Err(error) => return error.to_string().into(),
        };
        if let Err(why) = taken {
            return why;
        }
    }
}

/// Writes requests until the session breaks; says why it did.
pub(super) async fn say(
    mut requests: mpsc::UnboundedReceiver<Vec<u8>>,
    outgoing: &mut (impl AsyncWrite + Unpin),
) -> Box<str> {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, 64).await > 0 {
        let bytes = batch.concat();
        batch.clear();
        if let Err(error) = outgoing.write_all(&bytes).await {
            return error.to_string().into();
        }
        if let Err(error) = outgoing.flush().await {
            return error.to_string().into();
        }
    }
    "it was closed".into()
}

/// Reads one packet, without its length; calls `heard` for each piece of it.
///
/// # Errors
/// Where the stream breaks or ends, or the packet is larger than any that is taken.
pub(in crate::sftp) async fn read_packet(
    incoming: &mut (impl AsyncRead + Unpin),
    heard: impl Fn(),
) -> Result<Bytes, std::io::Error> {
    let len = usize::try_from(incoming.read_u32().await?).unwrap_or(usize::MAX);
    if len > MAX_PACKET {
        let what = format!("the server sends a packet of {len} bytes, which is no SFTP");
        return Err(std::io::Error::other(what));
    }
    let mut packet = BytesMut::with_capacity(len);
    let mut rest = incoming.take(len as u64);
    while packet.len() < len {
        if rest.read_buf(&mut packet).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        heard();
    }
    Ok(packet.freeze())
}
