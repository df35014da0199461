//! A Kerberos realm of one's own: MIT's KDC on loopback, its principals, keytabs and tickets.

use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::{
    EnsembleBuilder, PortLease, TestkitError,
    error::doing,
    java::find_on_path,
    spawner::{dying_with_us, spawn},
};

/// Where Debian puts the programs of administrators, which are not in everybody's `PATH`.
const SBIN: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Starting takes some 20 ms.
const START_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// A realm, `ZK.TEST`, whose files are all in one directory and whose KDC runs until this is dropped.
///
/// libkrb5 takes its settings from the environment, which a process cannot safely change for itself. So whoever wants to be a
/// client of the realm runs in a process that was started with [`environment`](Self::environment), and starts the realm in there:
///
/// ```no_run
/// # async fn example() -> Result<(), zk_testkit::TestkitError> {
/// use zk_testkit::{Ensemble, Kerberos};
///
/// // This process has the environment of the directory.
/// let realm = Kerberos::start_in("/tmp/realm").await?;
/// let keytab = realm.principal("patroni")?;
/// realm.kinit("patroni", &keytab, None)?;
/// let ensemble = realm.protect(Ensemble::builder(), "zookeeper/localhost")?.start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Kerberos {
    directory: PathBuf,
    address: SocketAddr,
    kdc: Mutex<Option<Child>>,
    _ports: PortLease,
}

impl Kerberos {
    /// The realm's name.
    pub const REALM: &str = "ZK.TEST";

    /// What programs must find in their environment to be in the realm of this directory: its settings, a credential cache and
    /// a client keytab (which are both not there at first).
    pub fn environment(directory: &Path) -> [(&'static str, OsString); 5] {
        let file = |name: &str| directory.join(name).into_os_string();
        [
            ("KRB5_CONFIG", file("krb5.conf")),
            ("KRB5_KDC_PROFILE", file("kdc.conf")),
            ("KRB5CCNAME", file("ccache")),
            ("KRB5_CLIENT_KTNAME", file("client.keytab")),
            ("LC_ALL", "C".into()),
        ]
    }

    /// Makes the realm in this directory, which must be there, and starts its KDC.
    ///
    /// # Errors
    /// [`TestkitError::KerberosMissing`] says what to install; [`TestkitError::Kerberos`] has the words of the program that
    /// failed; [`TestkitError::NoPorts`] and [`TestkitError::Io`] as they say.
    ///
    /// # Cancel safety
    /// Safe: the KDC is killed when the future is dropped.
    pub async fn start_in(directory: impl Into<PathBuf>) -> Result<Self, TestkitError> {
        let mut ports = PortLease::new();
        let address = ports.take()?;
        let realm = Self { directory: directory.into(), address, kdc: Mutex::new(None), _ports: ports };
        realm.write("krb5.conf", &realm.client_settings())?;
        realm.write("kdc.conf", &realm.kdc_settings())?;
        realm.run("kdb5_util", &["create", "-s", "-r", Self::REALM, "-P", "of this test only"])?;
        realm.start_kdc().await?;
        Ok(realm)
    }

    /// The settings of clients and servers, Java's included.
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("krb5.conf")
    }

    /// The credential cache of the environment.
    pub fn credential_cache(&self) -> PathBuf {
        self.directory.join("ccache")
    }

    /// The client keytab of the environment.
    pub fn client_keytab(&self) -> PathBuf {
        self.directory.join("client.keytab")
    }

    fn client_settings(&self) -> String {
        // Java's and MIT's libraries both read this. The KDC listens on TCP only.
        format!(
            "[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n clockskew = 1\n\
             [realms]\n {realm} = {{\n  kdc = {address}\n }}\n[domain_realm]\n localhost = {realm}\n",
            realm = Self::REALM,
            address = self.address,
        )
    }

    fn kdc_settings(&self) -> String {
        let file = |name: &str| self.directory.join(name).display().to_string();
        format!(
            "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = {address}\n[realms]\n {realm} = {{\n  \
             database_name = {database}\n  key_stash_file = {stash}\n  acl_file = {acl}\n  max_life = 10h\n }}\n\
             [logging]\n kdc = FILE:{log}\n",
            address = self.address,
            realm = Self::REALM,
            database = file("principals"),
            stash = file("stash"),
            acl = file("kadm5.acl"),
            log = file("kdc.log"),
        )
    }

    /// Makes a principal with a random key, unless it is there, and returns a new keytab with that key. `name` is without the
    /// realm.
    ///
    /// # Errors
    /// [`TestkitError::Kerberos`].
    pub fn principal(&self, name: &str) -> Result<PathBuf, TestkitError> {
        let keytab = self.directory.join(format!("{}.keytab", name.replace('/', "-")));
        let path = keytab.display().to_string();
        // It says so, and goes on, if the principal is there.
        self.run("kadmin.local", &["-r", Self::REALM, "-q", &format!("addprinc -randkey {name}")])?;
        self.run("kadmin.local", &["-r", Self::REALM, "-q", &format!("ktadd -norandkey -k {path} {name}")])?;
        if keytab.is_file() {
            Ok(keytab)
        } else {
            Err(TestkitError::Kerberos { program: "kadmin.local", output: format!("no keytab for {name}") })
        }
    }

    /// Gets a ticket that lasts this long (by default ten hours; at least a second) into the credential cache.
    ///
    /// # Errors
    /// [`TestkitError::Kerberos`].
    pub fn kinit(
        &self,
        principal: &str,
        keytab: &Path,
        lifetime: Option<Duration>,
    ) -> Result<(), TestkitError> {
        let keytab = keytab.display().to_string();
        let lifetime =
            lifetime.map_or_else(|| "10h".to_owned(), |lifetime| format!("{}s", lifetime.as_secs()));
        self.run("kinit", &["-k", "-t", &keytab, "-l", &lifetime, principal]).map(drop)
    }

    /// What is in the credential cache, expired or not; empty without a cache.
    pub fn klist(&self) -> String {
        self.run("klist", &[]).unwrap_or_default()
    }

    /// Whether the credential cache has a ticket that has not expired.
    pub fn has_ticket(&self) -> bool {
        self.run("klist", &["-s"]).is_ok()
    }

    /// Removes the credential cache.
    ///
    /// # Errors
    /// [`TestkitError::Kerberos`].
    pub fn kdestroy(&self) -> Result<(), TestkitError> {
        self.run("kdestroy", &["-q"]).map(drop)
    }

    /// Servers that take nobody who is not in the realm. They are this principal, such as `zookeeper/localhost`.
    ///
    /// # Errors
    /// [`TestkitError::Kerberos`].
    pub fn protect(&self, ensemble: EnsembleBuilder, service: &str) -> Result<EnsembleBuilder, TestkitError> {
        let keytab = self.principal(service)?;
        let jaas = format!(
            "Server {{ com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{keytab}\" \
             storeKey=true useTicketCache=false principal=\"{service}@{realm}\"; }};\n",
            keytab = keytab.display(),
            realm = Self::REALM,
        );
        Ok(ensemble
            .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
            .property("sessionRequireClientSASLAuth", "true")
            .file("jaas.conf", jaas)
            .system_property("java.security.auth.login.config", "{dir}/jaas.conf")
            .system_property("java.security.krb5.conf", self.config_file().display().to_string()))
    }

    /// Starts the KDC after [`kill_kdc`](Self::kill_kdc), and waits until it listens.
    ///
    /// # Errors
    /// [`TestkitError::KerberosMissing`]; [`TestkitError::Kerberos`] with its log when it does not listen within 10 s.
    pub async fn start_kdc(&self) -> Result<(), TestkitError> {
        let mut command = dying_with_us(&find("krb5kdc")?);
        command.args(["-n", "-r", Self::REALM]).envs(Self::environment(&self.directory));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = spawn(command).map_err(doing("start krb5kdc"))?;
        *self.kdc.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if start.elapsed() > START_LIMIT {
                let output = fs::read_to_string(self.directory.join("kdc.log")).unwrap_or_default();
                return Err(TestkitError::Kerberos { program: "krb5kdc", output });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Kills the KDC: nobody answers any more.
    pub fn kill_kdc(&self) {
        if let Some(mut child) = self.kdc.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the KDC: it takes connections and says nothing.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn freeze_kdc(&self) -> Result<(), TestkitError> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen KDC go on.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn thaw_kdc(&self) -> Result<(), TestkitError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), TestkitError> {
        let kdc = self.kdc.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = kdc.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        let sent = pid.map_or(Err(rustix::io::Errno::SRCH), |pid| kill_process(pid, signal));
        sent.map_err(|errno| doing(format!("send {signal:?} to krb5kdc"))(errno.into()))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), TestkitError> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(doing(format!("write {}", path.display())))
    }

    /// Runs a program of the realm to its end, some 20 ms, and returns what it wrote.
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, TestkitError> {
        let mut command = Command::new(find(program)?);
        command.args(arguments).envs(Self::environment(&self.directory)).stdin(Stdio::null());
        let Output { status, stdout, stderr } = command.output().map_err(doing(format!("run {program}")))?;
        let output = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        if status.success() { Ok(output) } else { Err(TestkitError::Kerberos { program, output }) }
    }
}

impl Drop for Kerberos {
    fn drop(&mut self) {
        self.kill_kdc();
    }
}

/// The program, wherever it is.
fn find(program: &'static str) -> Result<PathBuf, TestkitError> {
    let in_sbin = || SBIN.iter().map(|sbin| Path::new(sbin).join(program)).find(|path| path.is_file());
    find_on_path(program).or_else(in_sbin).ok_or(TestkitError::KerberosMissing { program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lacks_kerberos_is_told_what_to_install() {
        let error = find("a program that nobody has").unwrap_err().to_string();
        assert!(error.contains("scripts/install-deps.sh kerberos") && error.contains("krb5-kdc"), "{error}");
    }
}
