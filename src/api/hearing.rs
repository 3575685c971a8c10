//! Connections that are listened to once they take nothing more.
//!
//! Owns what becomes of a request whose body cannot be sent to its end: an API that has answered and closed takes no more of
//! it, and its answer is there to be read (RFC 9112 §9.5). By itself `ureq` tells of the failed write, and drops the answer.
//!
//! Invariants:
//! - what could not be sent is not taken for sent: without an answer, the failure of the write is told;
//! - a connection that took not everything is not used again.

use std::{
    io::{self, ErrorKind, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ureq::{
    Error,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// Whether a body has nobody any more who takes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Over(Arc<AtomicBool>);

/// A body that ends when nobody takes it any more.
pub(super) struct While<'r> {
    reader: &'r mut dyn Read,
    over: Over,
}

/// Makes every connection one that is listened to.
#[derive(Debug)]
pub(super) struct Hearing(pub(super) Over);

/// Such a connection.
#[derive(Debug)]
pub(super) struct Heard<T> {
    connection: T,
    over: Over,
    /// Why it takes nothing more.
    failed: Option<io::Error>,
}

impl Over {
    /// Returns `reader` for as long as it is taken.
    pub(super) fn until<'r>(&self, reader: &'r mut dyn Read) -> While<'r> {
        While { reader, over: self.clone() }
    }
}

impl Read for While<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over.0.load(Ordering::Relaxed) { Ok(0) } else { self.reader.read(buffer) }
    }
}

impl<T: Transport> Connector<T> for Hearing {
    type Out = Heard<T>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<T>,
    ) -> Result<Option<Heard<T>>, Error> {
        Ok(chained.map(|connection| Heard { connection, over: self.0.clone(), failed: None }))
    }
}

impl<T: Transport> Transport for Heard<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.failed.is_some() {
            return Ok(());
        }
        match self.connection.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed(&error) => {
                self.over.0.store(true, Ordering::Relaxed);
                self.failed = Some(error);
                Ok(())
            }
            sent => sent,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let heard = self.connection.await_input(timeout);
        match (&heard, &self.failed) {
            (Ok(true), _) | (_, None) => heard,
            (_, Some(failed)) => Err(Error::Io(failed.kind().into())),
        }
    }

    fn is_open(&mut self) -> bool {
        self.failed.is_none() && self.connection.is_open()
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
