//! One session of rustls. Owns how bytes become records and records bytes; must not know where either go.

use std::io::{self, BufRead as _, Write};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, ServerConnection};

use super::info::TlsInfo;
use super::settings::TlsSide;
use crate::error::TlsError;

/// Code of the user runs in `decrypt`: verifiers, resolvers, stores of tickets. So nothing of the loop may be borrowed
/// around it.
pub(crate) struct Session(Connection);

impl Session {
    pub(crate) fn new(side: TlsSide) -> Result<Self, TlsError> {
        Ok(Self(match side {
            TlsSide::Client(connector) => {
                let name = connector.server_name.unwrap_or_default();
                let parsed = ServerName::try_from(name.clone()).map_err(|_| TlsError::ServerName(name))?;
                ClientConnection::new(connector.config, parsed)?.into()
            }
            TlsSide::Server(acceptor) => ServerConnection::new(acceptor.config)?.into(),
        }))
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    pub(crate) fn info(&self) -> TlsInfo {
        TlsInfo::of(&self.0)
    }

    /// Gives the records that wait to be sent to `records`, which takes all.
    pub(crate) fn send(&mut self, records: &mut impl Write) -> io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(records)?;
        }
        Ok(())
    }

    /// Gives `bytes` as records to `records`, which takes all.
    pub(crate) fn encrypt(&mut self, mut bytes: &[u8], records: &mut impl Write) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.0.writer().write(bytes)?; // no more than rustls buffers
            bytes = &bytes[count..];
            self.send(records)?;
        }
        Ok(())
    }

    /// Takes in what has been received, and calls `take` with the bytes that it held. Returns whether the peer has
    /// ended its direction. A message that is not whole stays here, of which rustls limits the length.
    pub(crate) fn decrypt(&mut self, mut records: &[u8], mut take: impl FnMut(&[u8])) -> Result<bool, TlsError> {
        let mut has_ended = false;
        while !records.is_empty() && !has_ended {
            self.0.read_tls(&mut records)?;
            let processed = self.0.process_new_packets();
            let mut reader = self.0.reader();
            while let Ok(bytes) = reader.fill_buf()
                && !bytes.is_empty()
            {
                let count = bytes.len();
                take(bytes);
                reader.consume(count);
            }
            has_ended = processed?.peer_has_closed();
        }
        Ok(has_ended)
    }

    /// Says that this side sends nothing more: `close_notify`.
    pub(crate) fn end(&mut self) {
        self.0.send_close_notify();
    }
}
