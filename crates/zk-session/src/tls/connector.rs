//! From options to transports.

use std::{
    fmt, io,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_rustls::TlsConnector;
use zk_proto::Host;

use super::{TlsError, TlsOptions, material::Material, stream, words::Offer};
use crate::{connect::Transport, socket::Socket};

type Loading = JoinHandle<Result<Arc<ClientConfig>, TlsError>>;

/// Makes TLS transports with what the options lead to at the time.
pub(crate) struct Connector {
    options: Arc<TlsOptions>,
    /// Files that are being read. Kept when a round gives up waiting for them, so that a file system that hangs takes one
    /// thread and not one for each round.
    loading: Mutex<Option<Loading>>,
    newest: Arc<StdMutex<Option<Loaded>>>,
}

/// What was read last, and what became of it: files that have not changed are not decrypted again, which may take longer
/// than there is time for an attempt to connect.
struct Loaded {
    material: Material,
    config: Arc<ClientConfig>,
}

impl Connector {
    pub(crate) fn new(options: TlsOptions) -> Self {
        Self { options: Arc::new(options), loading: Mutex::new(None), newest: Arc::default() }
    }

    /// Reads the certificates and keys as they are now, on another thread. Safe to give up.
    pub(crate) async fn prepare(&self) -> Result<Prepared, TlsError> {
        let mut slot = self.loading.lock().await;
        // One that ended while nobody waited has read files that may have been replaced since.
        let loading = match slot.take().filter(|loading| !loading.is_finished()) {
            Some(loading) => slot.insert(loading),
            None => slot.insert(self.start_loading()),
        };
        let loaded = loading.await;
        *slot = None;
        let config = loaded.unwrap_or_else(|failed| Err(TlsError::Settings(failed.to_string())))?;
        Ok(Prepared { config, options: Arc::clone(&self.options) })
    }

    /// Reads the certificates and keys as they are now. Tells whether they are others than those of the connection. They
    /// may have been read since it was made: for a spare, or by somebody who then gave up. Without a connection what was read
    /// last is compared.
    pub(crate) async fn has_changed(&self, in_use: Option<InUse>) -> Result<bool, TlsError> {
        let newest = || {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.as_ref().map(|loaded| Arc::clone(&loaded.config))
        };
        let before = in_use.map(|InUse(config)| config).or_else(newest);
        let now = self.prepare().await?.config;
        Ok(before.is_some_and(|before| !Arc::ptr_eq(&before, &now)))
    }

    fn start_loading(&self) -> Loading {
        let options = Arc::clone(&self.options);
        let newest = Arc::clone(&self.newest);
        tokio::task::spawn_blocking(move || load(&options, &newest))
    }
}

fn load(options: &TlsOptions, newest: &StdMutex<Option<Loaded>>) -> Result<Arc<ClientConfig>, TlsError> {
    let material = Material::read(options)?;
    let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = newest.as_ref().filter(|loaded| loaded.material == material) {
        return Ok(Arc::clone(&loaded.config));
    }
    let config = Arc::new(material.configure(options)?);
    *newest = Some(Loaded { material, config: Arc::clone(&config) });
    Ok(config)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a connection was made with.
#[derive(Clone)]
pub(crate) struct InUse(Arc<ClientConfig>);

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are in it.
        f.write_str("InUse(_)")
    }
}

/// Certificates and keys, ready for handshakes.
#[derive(Clone)]
pub(crate) struct Prepared {
    config: Arc<ClientConfig>,
    options: Arc<TlsOptions>,
}

impl Prepared {
    /// Makes a transport of a connection to `host`.
    pub(crate) async fn handshake(&self, host: &Host, socket: Socket) -> io::Result<Transport> {
        let name = self.options.server_name.as_ref().unwrap_or(&host.name);
        // A zone (`fe80::1%eth0`) means something to this machine only; no certificate has it.
        let address = name.split_once('%').map_or(name.as_str(), |(address, _)| address);
        let server_name = ServerName::try_from(address.to_owned())
            .map_err(|_| failure(format!("no certificate can be valid for the name {name:?}")))?;
        let offer =
            Offer { has_identity: self.options.identity.is_some(), versions: self.options.versions() };
        // SNI is sent for names and not for addresses: rustls sees to it.
        let polling = socket.polling();
        match TlsConnector::from(Arc::clone(&self.config)).connect(server_name, socket).await {
            Ok(stream) => {
                let made_with = InUse(Arc::clone(&self.config));
                let (reader, writer) = stream::split(stream, host.to_string(), offer);
                Ok(Transport {
                    reader: Box::new(reader),
                    writer: Box::new(writer),
                    polling,
                    tls: Some(made_with),
                })
            }
            Err(error) => Err(failure(offer.handshake_failure(&error))),
        }
    }
}

fn failure(reason: String) -> io::Error {
    io::Error::other(format!("TLS: {reason}"))
}
