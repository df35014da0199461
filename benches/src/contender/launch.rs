//! How each contender is started, and why one is not.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::report::{ReportOptions, is_ours, note};

/// The argument with which a program becomes a contender in Rust.
pub const ROLE: &str = "contender";

/// Where what is missing comes from.
const FROM: &str = "scripts/install-deps.sh peers";

/// Where Debian puts jars.
const JARS: &str = "/usr/share/java";

/// Makes the programs of contenders that are not in this one.
#[derive(Debug)]
pub struct Launcher {
    /// What was compiled.
    directory: TempDir,
}

impl Launcher {
    /// Makes the directory that the programs are compiled in.
    ///
    /// # Errors
    ///
    /// There is no temporary directory to be had.
    pub fn new() -> io::Result<Self> {
        Ok(Self { directory: TempDir::with_prefix("zk-benches-")? })
    }

    /// Those of these contenders that are asked for and there; says why another one is not.
    pub fn wanted(&self, contenders: &[&'static str], options: &ReportOptions) -> Vec<&'static str> {
        let asked = contenders.iter().copied().filter(|name| options.wants(name));
        asked
            .filter(|name| match self.command(name) {
                Ok(_) => true,
                Err(why) => {
                    note(&format!("{name}: skipped: {why}"));
                    false
                }
            })
            .collect()
    }

    /// The command of a contender, compiled if need be; connect string and payload come behind it as arguments.
    ///
    /// # Errors
    ///
    /// In words: what is missing, and where it would come from.
    pub fn command(&self, contender: &str) -> Result<tokio::process::Command, String> {
        let command = match contender {
            ours if is_ours(ours) => this(contender)?,
            "kazoo" => self.python("with_kazoo.py", include_str!("../../peers/with_kazoo.py"), "kazoo")?,
            "patroni" => {
                self.python("with_patroni.py", include_str!("../../peers/with_patroni.py"), "kazoo, patroni")?
            }
            "c" => self.c()?,
            "java" => self.java()?,
            _ if cfg!(feature = "peers") => this(contender)?,
            _ => return Err("build with --features peers".to_owned()),
        };
        Ok(command.into())
    }

    /// The command of a contender that loads clusters; connect string, scope and group come behind it as arguments.
    ///
    /// # Errors
    ///
    /// In words: what is missing, and where it would come from.
    pub fn loader(&self, contender: &str) -> Result<tokio::process::Command, String> {
        if is_ours(contender) {
            return Ok(this(contender)?.into());
        }
        let source = include_str!("../../peers/load_with_patroni.py");
        Ok(self.python("load_with_patroni.py", source, "kazoo, patroni")?.into())
    }

    fn python(&self, name: &str, source: &str, modules: &str) -> Result<Command, String> {
        let python = match env::var_os("DCS_ZK_PYTHON") {
            Some(python) => PathBuf::from(python),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python"),
        };
        let program = self.directory.path().join(name);
        if !program.exists() {
            let mut probe = Command::new(&python);
            probe.arg("-c").arg(format!("import {modules}"));
            quiet(probe).map_err(|_| {
                format!(
                    "there is no Python with {modules}: scripts/install-deps.sh python, or set DCS_ZK_PYTHON"
                )
            })?;
            self.source("probe.py", include_str!("../../peers/probe.py"))?;
            self.source(name, source)?;
        }
        let mut command = Command::new(python);
        command.arg(program);
        Ok(command)
    }

    fn c(&self) -> Result<Command, String> {
        let program = self.directory.path().join("c_client");
        if !program.exists() {
            let client = self.source("c_client.c", include_str!("../../peers/c_client.c"))?;
            let probe = self.source("c_probe.c", include_str!("../../peers/c_probe.c"))?;
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-std=gnu11", "-DTHREADED", "-o"])
                .args([&program, &client, &probe])
                .args(["-lzookeeper_mt", "-lpthread"]);
            quiet(cc).map_err(|error| format!("wants gcc and libzookeeper-mt-dev, {FROM}: {error}"))?;
        }
        Ok(Command::new(program))
    }

    fn java(&self) -> Result<Command, String> {
        let class_path = env::join_paths([self.directory.path(), &Path::new(JARS).join("zookeeper.jar")])
            .and_then(|path| {
                env::join_paths(env::split_paths(&path).chain([Path::new(JARS).join("slf4j-nop.jar")]))
            })
            .map_err(|error| error.to_string())?;
        let classes: [OsString; 4] = ["-cp".into(), class_path, "-d".into(), self.directory.path().into()];
        if !self.directory.path().join("JavaClient.class").exists() {
            let client = self.source("JavaClient.java", include_str!("../../peers/JavaClient.java"))?;
            let probe = self.source("Probe.java", include_str!("../../peers/Probe.java"))?;
            let mut javac = Command::new("javac");
            javac.args(["-proc:none", "-implicit:none"]).args(&classes).args([client, probe]);
            quiet(javac).map_err(|error| format!("wants javac and ZooKeeper's jars, {FROM}: {error}"))?;
        }
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC"]).args(&classes[..2]).arg("JavaClient");
        Ok(command)
    }

    fn source(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).map_err(|error| format!("cannot write {name}: {error}"))?;
        Ok(path)
    }
}

/// This program again, as a contender.
fn this(contender: &str) -> Result<Command, String> {
    let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    command.args([ROLE, contender]);
    Ok(command)
}

/// Runs a command that has nothing to say; its first line of complaint if it fails.
fn quiet(mut command: Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(complaint.lines().next().unwrap_or_default().to_owned())
    }
}
