//! The real Patroni's ZooKeeper backend, in a Python process of its own.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// One `patroni.dcs.zookeeper.ZooKeeper`. The process ends with it.
#[derive(Debug)]
pub struct Patroni {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Patroni {
    /// Starts a member of this name, connected to these hosts. `extra` is merged into the configuration.
    ///
    /// # Panics
    ///
    /// Without a Python that has Patroni: run `scripts/install-deps.sh python`, or set `DCS_ZK_PYTHON`.
    pub async fn start(hosts: &str, scope: &str, name: &str, extra: Value) -> Self {
        let mut config = json!({
            "scope": scope, "name": name, "ttl": 30, "loop_wait": 10, "retry_timeout": 10,
            "zookeeper": {"hosts": hosts.split(',').collect::<Vec<_>>()},
        });
        if let (Value::Object(config), Value::Object(extra)) = (&mut config, extra) {
            config.extend(extra);
        }
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var_os("DCS_ZK_PYTHON")
            .map_or_else(|| manifest.join("../.venv/bin/python"), PathBuf::from);
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
        patroni.exchange(&config).await;
        patroni
    }

    async fn exchange(&mut self, message: &Value) -> Value {
        let line = format!("{message}\n");
        self.input.write_all(line.as_bytes()).await.expect("Patroni listens");
        let answer = self.output.next_line().await.expect("Patroni answers");
        let answer = answer.expect("Patroni ended: is it installed? scripts/install-deps.sh python");
        serde_json::from_str(&answer).expect("one JSON document a line")
    }

    /// Calls a method and returns its result.
    ///
    /// # Panics
    ///
    /// If it raises.
    pub async fn call(&mut self, method: &str, args: Value) -> Value {
        let answer = self.exchange(&json!({"call": method, "args": args})).await;
        match answer.get("ok") {
            Some(result) => result.clone(),
            None => panic!("{method} raised: {answer}"),
        }
    }

    /// Kills the process: its session lives on at the servers until it times out.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("our own child");
    }
}
