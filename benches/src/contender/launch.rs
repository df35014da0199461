//! How each contender is started, and why one is not.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::report::OURS;

/// The argument with which a program becomes a contender in Rust.
pub const ROLE: &str = "contender";

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

    /// The command of a contender, compiled if need be; connect string and payload come behind it as arguments.
    ///
    /// # Errors
    ///
    /// In words: what is missing, and where it would come from.
    pub fn command(&self, contender: &str) -> Result<tokio::process::Command, String> {
        let command = match contender {
            OURS => this(contender)?,
            "kazoo" => self.kazoo()?,
            "c" => self.c()?,
            "java" => self.java()?,
            _ if cfg!(feature = "peers") => this(contender)?,
            _ => return Err("build with --features peers".to_owned()),
        };
        Ok(command.into())
    }

    fn kazoo(&self) -> Result<Command, String> {
        let python = match env::var_os("DCS_ZK_PYTHON") {
            Some(python) => PathBuf::from(python),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python"),
        };
        let mut probe = Command::new(&python);
        probe.args(["-c", "import kazoo"]);
        let missing = "there is no Python with kazoo: scripts/install-deps.sh python, or set DCS_ZK_PYTHON";
        quiet(probe).map_err(|_| missing.to_owned())?;
        let mut command = Command::new(python);
        command.arg(self.source("with_kazoo.py", include_str!("../../peers/with_kazoo.py"))?);
        Ok(command)
    }

    fn c(&self) -> Result<Command, String> {
        let source = self.source("c_client.c", include_str!("../../peers/c_client.c"))?;
        let program = self.directory.path().join("c_client");
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-std=gnu11", "-DTHREADED", "-o"])
            .args([&program, &source])
            .args(["-lzookeeper_mt", "-lpthread"]);
        quiet(cc).map_err(|error| format!("wants Debian's gcc and libzookeeper-mt-dev: {error}"))?;
        Ok(Command::new(program))
    }

    fn java(&self) -> Result<Command, String> {
        let source = self.source("JavaClient.java", include_str!("../../peers/JavaClient.java"))?;
        let class_path = env::join_paths([self.directory.path(), &Path::new(JARS).join("zookeeper.jar")])
            .and_then(|path| {
                env::join_paths(env::split_paths(&path).chain([Path::new(JARS).join("slf4j-nop.jar")]))
            })
            .map_err(|error| error.to_string())?;
        let classes: [OsString; 4] = ["-cp".into(), class_path, "-d".into(), self.directory.path().into()];
        let mut javac = Command::new("javac");
        javac.args(["-proc:none", "-implicit:none"]).args(&classes).arg(source);
        quiet(javac)
            .map_err(|error| format!("wants Debian's default-jdk-headless and libzookeeper-java: {error}"))?;
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
