//! What an ensemble shall be, and its configuration files.

use std::{
    ffi::OsString,
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Mutex, atomic::AtomicU64},
    time::Duration,
};

use crate::{
    Authority, Certificate, Ensemble, PortLease, Server, TestkitError, error::doing, java::Java,
    network::Network, ports::require_free, scratch::Scratch,
};

/// How often a start is tried when a port was taken by somebody who does not know [`PortLease`].
const ATTEMPTS: usize = 5;
/// ZooKeeper numbers its servers in one byte.
const MOST_SERVERS: usize = 255;

/// Small and quick to start: 70 MB and half a second each.
const JAVA_OPTIONS: [&str; 6] = [
    "-Xmx128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
];

/// Two of TLS 1.3, and two of TLS 1.2 for servers whose key is on an elliptic curve.
const CIPHERS: &str = "TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,\
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";

/// System properties that make elections quick and logs readable; the builder's own come later and win.
const SYSTEM_PROPERTIES: [(&str, &str); 2] = [
    ("org.slf4j.simpleLogger.dateTimeFormat", "HH:mm:ss.SSS"),
    // Votes are repeated at least this often (ms). The default of a minute turns a lost vote into a hang.
    ("zookeeper.fastleader.maxNotificationInterval", "500"),
];

/// For distributions that bring logback; Debian's jars log with slf4j-simple and need no file.
const LOGBACK: &str = r#"<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%d{HH:mm:ss.SSS} [%t] %p %c{1} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDERR"/></root>
</configuration>
"#;

/// An ensemble to be started; made by [`Ensemble::builder`].
///
/// Values of [`property`](Self::property), [`system_property`](Self::system_property),
/// [`java_option`](Self::java_option) and the contents of [`file`](Self::file) may contain `{dir}`, which stands
/// for the server's own directory, where those files are.
///
/// ```no_run
/// # async fn example() -> Result<(), zk_testkit::TestkitError> {
/// let jaas = "Server {\n org.apache.zookeeper.server.auth.DigestLoginModule required user_patroni=\"secret\";\n};";
/// let ensemble = zk_testkit::Ensemble::builder()
///     .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
///     .file("jaas.conf", jaas)
///     .system_property("java.security.auth.login.config", "{dir}/jaas.conf")
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct EnsembleBuilder {
    servers: usize,
    tick_time: Duration,
    start_timeout: Duration,
    first_client_port: Option<u16>,
    tls_ports: bool,
    client_proxies: bool,
    quorum_proxies: bool,
    properties: Vec<(Option<usize>, String, String)>,
    system_properties: Vec<(String, String)>,
    java_options: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    class_path: Vec<PathBuf>,
    java: Option<PathBuf>,
    zookeeper_home: Option<PathBuf>,
}

impl Default for EnsembleBuilder {
    fn default() -> Self {
        Self {
            servers: 1,
            tick_time: Duration::from_millis(100),
            start_timeout: Duration::from_secs(30),
            first_client_port: None,
            tls_ports: false,
            client_proxies: false,
            quorum_proxies: false,
            properties: Vec::new(),
            system_properties: Vec::new(),
            java_options: Vec::new(),
            files: Vec::new(),
            class_path: Vec::new(),
            java: None,
            zookeeper_home: None,
        }
    }
}

impl EnsembleBuilder {
    /// How many servers: 1 (the default) is a standalone server, more are an ensemble. At most 255.
    pub fn servers(mut self, servers: usize) -> Self {
        self.servers = servers;
        self
    }

    /// ZooKeeper's `tickTime`, in whole milliseconds; 100 ms by default.
    ///
    /// Unless told otherwise, session timeouts are limited to between 2 and 20 ticks.
    pub fn tick_time(mut self, tick_time: Duration) -> Self {
        self.tick_time = tick_time;
        self
    }

    /// The longest session timeout that servers grant, in whole milliseconds; 20 ticks by default.
    pub fn max_session_timeout(self, timeout: Duration) -> Self {
        self.property("maxSessionTimeout", timeout.as_millis().to_string())
    }

    /// The shortest session timeout that servers grant, in whole milliseconds; 2 ticks by default.
    pub fn min_session_timeout(self, timeout: Duration) -> Self {
        self.property("minSessionTimeout", timeout.as_millis().to_string())
    }

    /// A line of every `zoo.cfg`. Overrides what is there already, defaults included.
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((None, key.into(), value.into()));
        self
    }

    /// A line of the `zoo.cfg` of one server, by index from 0.
    pub fn property_of(mut self, server: usize, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((Some(server), key.into(), value.into()));
        self
    }

    /// A Java system property (`-Dkey=value`) of every server, for instance `readonlymode.enabled`.
    pub fn system_property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.system_properties.push((key.into(), value.into()));
        self
    }

    /// An option of every Java process, after the defaults, for instance `-Xmx512m`.
    pub fn java_option(mut self, option: impl Into<String>) -> Self {
        self.java_options.push(option.into());
        self
    }

    /// A file in every server's directory, such as a JAAS configuration or a key store.
    pub fn file(mut self, name: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), contents.into()));
        self
    }

    /// A jar or directory at the end of every class path.
    pub fn class_path(mut self, entry: impl Into<PathBuf>) -> Self {
        self.class_path.push(entry.into());
        self
    }

    /// Gives every server a TLS port and the connection factory that serves it; key and trust store are left to
    /// [`property`](Self::property) (`ssl.keyStore.location`, …). See [`Server::secure_addr`].
    pub fn tls_ports(mut self) -> Self {
        self.tls_ports = true;
        self
    }

    /// [`tls_ports`](Self::tls_ports) with this server certificate, open to clients that show a certificate of the
    /// authority, in TLS 1.2 and 1.3. The files are `server.pem` and `ca.pem` in the server's directory; a server reads them when it starts.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn tls(self, authority: &Authority, server: &Certificate) -> Result<Self, TestkitError> {
        let built = self
            .tls_ports()
            .file("server.pem", server.key_store()?)
            .file("ca.pem", authority.pem())
            .property("ssl.keyStore.location", "{dir}/server.pem")
            .property("ssl.keyStore.type", "PEM")
            .property("ssl.trustStore.location", "{dir}/ca.pem")
            .property("ssl.trustStore.type", "PEM")
            .property("ssl.clientAuth", "need")
            // ZooKeeper 3.8 speaks only TLS 1.2 and knows no cipher of 1.3 unless told.
            .property("ssl.protocol", "TLSv1.3")
            .property("ssl.enabledProtocols", "TLSv1.3,TLSv1.2")
            .property("ssl.ciphersuites", CIPHERS);
        Ok(built)
    }

    /// Puts a [`FaultProxy`](crate::FaultProxy) in front of every client port: see [`Ensemble::client_proxy`].
    pub fn client_proxies(mut self) -> Self {
        self.client_proxies = true;
        self
    }

    /// Has every server reach each of its peers through proxies of that pair's own, one in front of the peer's quorum port and one
    /// in front of its election port: see [`Ensemble::partition`]. Not together with `reconfigEnabled`, which passes real
    /// addresses from server to server.
    pub fn quorum_proxies(mut self) -> Self {
        self.quorum_proxies = true;
        self
    }

    /// Puts the client ports at `port`, `port + 1`, … instead of wherever there is room. For people; tests
    /// that do this cannot run next to each other.
    pub fn first_client_port(mut self, port: u16) -> Self {
        self.first_client_port = Some(port);
        self
    }

    /// How long to wait for servers and for a quorum, now and later; 30 s by default.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// The `java` program. By default that of `JAVA_HOME`, else the first in `PATH`.
    pub fn java(mut self, program: impl Into<PathBuf>) -> Self {
        self.java = Some(program.into());
        self
    }

    /// An unpacked ZooKeeper distribution. By default `ZOOKEEPER_HOME`, else the jars of Debian's packages.
    pub fn zookeeper_home(mut self, directory: impl Into<PathBuf>) -> Self {
        self.zookeeper_home = Some(directory.into());
        self
    }

    /// Starts the servers and waits until all of them serve.
    ///
    /// When a port turns out to be taken, starts again with others, up to five times.
    ///
    /// # Errors
    /// [`TestkitError::JavaMissing`] and [`TestkitError::JarsMissing`] say what to install;
    /// [`TestkitError::Exited`], [`TestkitError::NotReady`] and [`TestkitError::PortTaken`] carry the end of the
    /// server's log; [`TestkitError::Invalid`], [`TestkitError::NoPorts`], [`TestkitError::NoQuorum`] and
    /// [`TestkitError::Io`] as they say.
    ///
    /// # Cancel safety
    /// Safe: what was started is killed when the future is dropped.
    pub async fn start(self) -> Result<Ensemble, TestkitError> {
        if self.servers == 0 || self.servers > MOST_SERVERS {
            return Err(TestkitError::Invalid(format!("{} servers", self.servers)));
        }
        if self.tick_time.as_millis() == 0 {
            return Err(TestkitError::Invalid("a tick of less than a millisecond".to_owned()));
        }
        let java = Java::find(self.java.as_deref(), self.zookeeper_home.as_deref())?;
        let mut attempt = 1;
        loop {
            match self.try_start(&java).await {
                Err(error) if error.is_port_taken() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// One attempt, with ports of its own.
    async fn try_start(&self, java: &Java) -> Result<Ensemble, TestkitError> {
        let scratch = Scratch::create()?;
        let mut ports = PortLease::new();
        let mut servers = Vec::with_capacity(self.servers);
        for index in 0..self.servers {
            servers.push(self.describe(index, java, scratch.path(), &mut ports)?);
        }
        let network = Network::start(&servers, self.client_proxies, self.quorum_proxies)
            .await
            .map_err(doing("start the proxies"))?;
        for server in &servers {
            self.write_files(server, &servers, &network)?;
        }
        // From here on, dropping the ensemble cleans up.
        let ensemble = Ensemble {
            servers,
            network,
            _scratch: scratch,
            _ports: ports,
            start_timeout: self.start_timeout,
        };
        for server in ensemble.servers() {
            server.spawn()?;
        }
        ensemble.wait_all().await?;
        Ok(ensemble)
    }

    /// A server that has its ports and its command line, but no files and no process.
    fn describe(
        &self,
        index: usize,
        java: &Java,
        parent: &Path,
        ports: &mut PortLease,
    ) -> Result<Server, TestkitError> {
        let directory = parent.join(format!("server-{}", index + 1));
        let quorum = self.servers > 1;
        let mut take = |wanted: bool| if wanted { ports.take().map(Some) } else { Ok(None) };
        Ok(Server {
            index,
            secure_addr: take(self.tls_ports)?,
            quorum_addr: take(quorum)?,
            election_addr: take(quorum)?,
            addr: self.client_addr(index, ports)?,
            program: java.program.clone(),
            arguments: self.arguments(java, &directory)?,
            start_timeout: self.start_timeout,
            directory,
            process: Mutex::new(None),
            log_start: AtomicU64::new(0),
        })
    }

    /// The plain client port of a server.
    fn client_addr(&self, index: usize, ports: &mut PortLease) -> Result<SocketAddr, TestkitError> {
        let Some(first) = self.first_client_port else { return ports.take() };
        let port = u16::try_from(index).ok().and_then(|index| first.checked_add(index));
        let port = port.ok_or_else(|| TestkitError::Invalid(format!("client ports from {first} on")))?;
        require_free(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Everything after `java`.
    fn arguments(&self, java: &Java, directory: &Path) -> Result<Vec<OsString>, TestkitError> {
        let own = directory.to_owned();
        let mut arguments: Vec<OsString> = JAVA_OPTIONS.iter().map(OsString::from).collect();
        let defaults = SYSTEM_PROPERTIES.iter().map(|(key, value)| format!("-D{key}={value}"));
        arguments.extend(defaults.map(OsString::from));
        let chosen = self.system_properties.iter().map(|(key, value)| format!("-D{key}={value}"));
        arguments.extend(chosen.map(|option| expand(&option, directory).into()));
        arguments.extend(self.java_options.iter().map(|option| expand(option, directory).into()));
        arguments.push("-cp".into());
        arguments.push(java.class_path_with(self.class_path.iter().chain([&own]))?);
        arguments.push(if self.servers == 1 {
            "org.apache.zookeeper.server.ZooKeeperServerMain".into()
        } else {
            "org.apache.zookeeper.server.quorum.QuorumPeerMain".into()
        });
        arguments.push(directory.join("zoo.cfg").into());
        Ok(arguments)
    }

    /// `zoo.cfg`, `myid` and the files of the caller. Written once: a server that is restarted finds them as it
    /// left them, which matters when it has changed its own membership.
    fn write_files(&self, server: &Server, all: &[Server], network: &Network) -> Result<(), TestkitError> {
        let write = |name: &str, contents: &[u8]| {
            let path = server.directory.join(name);
            std::fs::write(&path, contents).map_err(doing(format!("write {}", path.display())))
        };
        let data = server.directory.join("data");
        std::fs::create_dir_all(&data).map_err(doing(format!("create {}", data.display())))?;
        write("data/myid", format!("{}\n", server.index + 1).as_bytes())?;
        write("logback.xml", LOGBACK.as_bytes())?;
        for (name, contents) in &self.files {
            match std::str::from_utf8(contents) {
                Ok(text) => write(name, expand(text, &server.directory).as_bytes())?,
                Err(_) => write(name, contents)?,
            }
        }
        write("zoo.cfg", self.configuration(server, all, network).as_bytes())
    }

    /// The text of `zoo.cfg`.
    fn configuration(&self, server: &Server, all: &[Server], network: &Network) -> String {
        let tick = self.tick_time.as_millis();
        let mut lines: Vec<(String, String)> = Vec::new();
        let mut set = |key: &str, value: String| match lines.iter_mut().find(|(known, _)| known == key) {
            Some(line) => line.1 = value,
            None => lines.push((key.to_owned(), value)),
        };
        set("dataDir", server.directory.join("data").display().to_string());
        set("clientPortAddress", server.addr.ip().to_string());
        set("clientPort", server.addr.port().to_string());
        set("tickTime", tick.to_string());
        set("maxClientCnxns", "0".to_owned());
        set("admin.enableServer", "false".to_owned());
        set("4lw.commands.whitelist", "*".to_owned());
        // The processes may be killed, the machine under them is not: its page cache keeps what was written.
        set("forceSync", "no".to_owned());
        if let Some(secure) = server.secure_addr {
            set("secureClientPort", secure.port().to_string());
            set("secureClientPortAddress", secure.ip().to_string());
            set("serverCnxnFactory", "org.apache.zookeeper.server.NettyServerCnxnFactory".to_owned());
        }
        if all.len() > 1 {
            // Five seconds to join a leader; one second of silence until a leader or follower is given up.
            set("initLimit", (5_000 / tick).max(10).to_string());
            set("syncLimit", (1_000 / tick).max(5).to_string());
            set("quorumListenOnAllIPs", "false".to_owned());
            for peer in all {
                if let Some((quorum, election)) = network.path(server, peer) {
                    let ports = format!("{quorum}:{}", election.port());
                    set(&format!("server.{}", peer.index + 1), ports);
                }
            }
        }
        for (whose, key, value) in &self.properties {
            if whose.is_none_or(|index| index == server.index) {
                set(key, expand(value, &server.directory));
            }
        }
        let mut text = String::new();
        for (key, value) in lines {
            let _ = writeln!(text, "{key}={value}");
        }
        text
    }
}

/// Replaces `{dir}`.
fn expand(text: &str, directory: &Path) -> String {
    text.replace("{dir}", &directory.display().to_string())
}
