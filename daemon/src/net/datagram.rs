//! Gossip packets: one UDP socket for both directions.

use std::sync::Arc;

use member::Input;
use model::Str;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use super::resolve;
use crate::brain::Brain;

/// Largest packet the kernel may give us; larger ones are cut and then fail to open.
const PACKET_BYTES: usize = 2048;

/// Gives every packet to the brain until the socket is closed.
pub(crate) async fn receive(socket: Arc<UdpSocket>, brain: Brain) {
    let mut buffer = [0; PACKET_BYTES];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((n, from)) => {
                brain.tell(Input::Datagram { from, bytes: buffer[..n].to_vec() });
            }
            // An ICMP "port unreachable" for a packet sent earlier; the machine finds out by itself.
            Err(error) => tracing::debug!(service = "gossip", %error, "failed to receive"),
        }
    }
}

/// Sends one packet; a lost one is the protocol's daily bread.
pub(crate) fn send(runtime: &Handle, socket: &Arc<UdpSocket>, to: Str, bytes: Vec<u8>) {
    if let Ok(address) = to.parse()
        && socket.try_send_to(&bytes, address).is_ok()
    {
        return;
    }
    let socket = socket.clone();
    runtime.spawn(async move {
        let sent = match resolve(&to).await {
            Ok(address) => socket.send_to(&bytes, address).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::debug!(service = "gossip", to = %to, %error, "failed to send a packet");
        }
    });
}
