//! The real Patroni's ZooKeeper backend, in a Python process of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long one call may take; Patroni gives up after its `retry_timeout`.
const LIMIT: Duration = Duration::from_secs(60);

/// The Python that has Patroni: that of the virtual environment, or what `DCS_ZK_PYTHON` says.
pub fn python() -> PathBuf {
    std::env::var_os("DCS_ZK_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python"), PathBuf::from)
}

/// A configuration of Patroni with these servers. `extra` is merged into it at the top.
pub fn config(hosts: &str, scope: &str, name: &str, extra: Value) -> Value {
    let mut config = json!({
        "scope": scope, "name": name, "ttl": 30, "loop_wait": 10, "retry_timeout": 10,
        "zookeeper": {"hosts": hosts.split(',').collect::<Vec<_>>()},
    });
    if let (Value::Object(config), Value::Object(extra)) = (&mut config, extra) {
        config.extend(extra);
    }
    config
}

/// One `patroni.dcs.zookeeper.ZooKeeper`. The process ends with it.
#[derive(Debug)]
pub struct Patroni {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Patroni {
    /// Starts a member of this name, connected to these hosts. `extra` is merged into the configuration, see [`config`].
    ///
    /// # Panics
    ///
    /// Without a Python that has Patroni: run `scripts/install-deps.sh python`, or set `DCS_ZK_PYTHON`.
    pub async fn start(hosts: &str, scope: &str, name: &str, extra: Value) -> Self {
        let python = python();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(&python)
            .arg(manifest.join("python/patroni_dcs.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; run scripts/install-deps.sh python first", python.display())
            });
        let input = process.stdin.take().expect("a pipe was asked for");
        let output = BufReader::new(process.stdout.take().expect("a pipe was asked for")).lines();
        let mut patroni = Self { process, input, output };
        patroni.exchange(&config(hosts, scope, name, extra).to_string()).await;
        patroni
    }

    async fn exchange(&mut self, message: &str) -> Value {
        self.input.write_all(format!("{message}\n").as_bytes()).await.expect("Patroni listens");
        let answer = timeout(LIMIT, self.output.next_line()).await.expect("Patroni answers in time");
        let answer = answer.expect("Patroni's output can be read");
        let answer = answer.expect("Patroni ended: is it installed? scripts/install-deps.sh python");
        serde_json::from_str(&answer).expect("one JSON document a line")
    }

    /// Calls a method and returns its result.
    ///
    /// # Panics
    ///
    /// If it raises.
    pub async fn call(&mut self, method: &str, args: Value) -> Value {
        self.call_with_text(method, &args.to_string()).await
    }

    /// Calls a method with arguments that are a JSON array as text: its objects keep the order of their keys.
    ///
    /// # Panics
    ///
    /// If it raises.
    pub async fn call_with_text(&mut self, method: &str, args: &str) -> Value {
        let answer = self.try_call(method, args).await;
        answer.unwrap_or_else(|raised| panic!("{method} raised: {raised}"))
    }

    /// Calls a method with arguments that are a JSON array as text.
    ///
    /// # Errors
    ///
    /// What it raised, as text.
    pub async fn try_call(&mut self, method: &str, args: &str) -> Result<Value, String> {
        let answer = self.exchange(&format!(r#"{{"call":"{method}","args":{args}}}"#)).await;
        answer.get("ok").cloned().ok_or_else(|| answer.to_string())
    }

    /// Kills the process: its session lives on at the servers until it times out.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("our own child");
    }
}
