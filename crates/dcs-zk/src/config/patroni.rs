//! Patroni's YAML and `PATRONI_*` environment.

use serde_json::{Map, Value};
use zk_session::{Acl, Permissions};

use super::{Config, ConfigError, Timings, first_word, tls};

/// The settings of the `zookeeper` section, and the kinds of value Patroni takes for them.
const KNOWN: [&str; 9] =
    ["hosts", "use_ssl", "cacert", "cert", "key", "key_password", "verify", "set_acls", "auth_data"];

impl Config {
    /// The configuration in Patroni's YAML, with the environment on top, as Patroni itself takes it. `environment` is asked
    /// for the value of a variable; pass `|name| std::env::var(name).ok()`.
    ///
    /// Read are `scope`, `namespace`, `name`, the `zookeeper` section, `citus.group`, and `ttl`, `loop_wait` and
    /// `retry_timeout` from the top or from `bootstrap.dcs`, adjusted by Patroni's rule; everything else is Patroni's own.
    ///
    /// # Errors
    ///
    /// Names the key that is missing or has a value of the wrong kind.
    pub fn from_patroni(
        yaml: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut root = parse(yaml)?;
        for (key, variable) in
            [("scope", "PATRONI_SCOPE"), ("namespace", "PATRONI_NAMESPACE"), ("name", "PATRONI_NAME")]
        {
            if let Some(value) = environment(variable) {
                root.insert(key.to_owned(), Value::String(value));
            }
        }
        let mut zookeeper = section(&root, "zookeeper")?;
        for key in KNOWN {
            if let Some(value) = environment(&format!("PATRONI_ZOOKEEPER_{}", key.to_uppercase())) {
                zookeeper.insert(key.to_owned(), from_environment(key, value)?);
            }
        }
        let mut citus = section(&root, "citus")?;
        if let Some(group) = environment("PATRONI_CITUS_GROUP") {
            citus.insert("group".to_owned(), Value::String(group));
        }
        build(&root, &zookeeper, &citus)
    }
}

fn parse(yaml: &str) -> Result<Map<String, Value>, ConfigError> {
    if yaml.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_saphyr::from_str::<Value>(yaml) {
        Ok(Value::Object(root)) => Ok(root),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(wrong_kind("the configuration", "a mapping", &other)),
        Err(error) => {
            let first_line = error.to_string().lines().next().unwrap_or_default().to_owned();
            Err(ConfigError::new("the configuration", format!("not YAML: {first_line}")))
        }
    }
}

fn build(
    root: &Map<String, Value>,
    zookeeper: &Map<String, Value>,
    citus: &Map<String, Value>,
) -> Result<Config, ConfigError> {
    if let Some(key) = zookeeper.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(ConfigError::new(
            format!("zookeeper.{}", first_word(key)),
            format!("is not a setting; known are {known}"),
        ));
    }
    let scope = string(root, "scope")?.ok_or_else(|| ConfigError::new("scope", "is missing"))?;
    let hosts = hosts(zookeeper)?;
    let mut config = Config::new(&scope, &hosts)?.with_timings(timings(root)?);
    if let Some(namespace) = string(root, "namespace")? {
        config = config.with_namespace(&namespace)?;
    }
    if let Some(name) = string(root, "name")? {
        config = config.with_name(&name)?;
    }
    if let Some(group) = number("citus.group", citus.get("group"))? {
        config = config.with_group(group);
    }
    if let Some(acls) = zookeeper.get("set_acls") {
        config = config.with_acl(acl(acls)?)?;
    }
    if let Some(options) = tls::options(zookeeper)? {
        config = config.with_tls(options);
    }
    for (scheme, auth) in identities(zookeeper)? {
        let Value::String(auth) = auth else {
            // The value is a secret: it is not shown, whatever it is.
            return Err(ConfigError::new(
                format!("zookeeper.auth_data.{}", first_word(&scheme)),
                "must be a string",
            ));
        };
        config = config.with_credential(&scheme, &auth);
    }
    Ok(config)
}

/// `scheme → credential`. Whatever else is there may hold a credential, and is not shown.
fn identities(zookeeper: &Map<String, Value>) -> Result<Map<String, Value>, ConfigError> {
    match zookeeper.get("auth_data") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(identities)) => Ok(identities.clone()),
        Some(_) => {
            Err(ConfigError::new("zookeeper.auth_data", "must be a mapping of schemes to credentials"))
        }
    }
}

fn hosts(zookeeper: &Map<String, Value>) -> Result<String, ConfigError> {
    match zookeeper.get("hosts") {
        None | Some(Value::Null) => Err(ConfigError::new("zookeeper.hosts", "is missing: give host:port, …")),
        Some(Value::String(hosts)) => Ok(hosts.clone()),
        Some(Value::Array(hosts)) => {
            let hosts: Result<Vec<&str>, ConfigError> = hosts
                .iter()
                .map(|host| {
                    host.as_str().ok_or_else(|| wrong_kind("zookeeper.hosts", "a list of strings", host))
                })
                .collect();
            Ok(hosts?.join(","))
        }
        Some(other) => Err(wrong_kind("zookeeper.hosts", "a list or a string", other)),
    }
}

fn timings(root: &Map<String, Value>) -> Result<Timings, ConfigError> {
    let bootstrap = section(root, "bootstrap")?;
    let dcs = section(&bootstrap, "dcs").map_err(|_| {
        wrong_kind("bootstrap.dcs", "a mapping", bootstrap.get("dcs").unwrap_or(&Value::Null))
    })?;
    let seconds = |key: &str, default: u32| {
        Ok(number(key, root.get(key))?
            .or(number(&format!("bootstrap.dcs.{key}"), dcs.get(key))?)
            .unwrap_or(default))
    };
    Ok(Timings::adjusted(seconds("ttl", 30)?, seconds("loop_wait", 10)?, seconds("retry_timeout", 10)?))
}

/// `principal → [permissions]`; the scheme is x509 unless the principal starts with another one and a colon.
fn acl(acls: &Value) -> Result<Vec<Acl>, ConfigError> {
    let Value::Object(acls) = acls else {
        return Err(ConfigError::new("zookeeper.set_acls", "must be a mapping of principals to permissions"));
    };
    acls.iter()
        .map(|(principal, names)| {
            // What follows the user of a digest is made of the password.
            let shown = match principal.strip_prefix("digest:").and_then(|id| id.split_once(':')) {
                Some((user, _)) => format!("digest:{user}:_"),
                None => principal.clone(),
            };
            let key = format!("zookeeper.set_acls.{}", first_word(&shown));
            let Value::Array(names) = names else {
                return Err(wrong_kind(&key, "a list of permissions", names));
            };
            let mut permissions = Permissions::NONE;
            for name in names {
                let name = name.as_str().ok_or_else(|| wrong_kind(&key, "a list of permissions", name))?;
                permissions = permissions | permission(&key, name)?;
            }
            let schemes = ["digest:", "sasl:", "ip:", "world:", "auth:", "x509:"];
            let (scheme, id) =
                match schemes.iter().find_map(|scheme| principal.strip_prefix(scheme).map(|id| (scheme, id)))
                {
                    Some((scheme, id)) => (scheme.trim_end_matches(':'), id),
                    None => ("x509", principal.as_str()),
                };
            Ok(Acl::new(permissions, scheme, id))
        })
        .collect()
}

fn permission(key: &str, name: &str) -> Result<Permissions, ConfigError> {
    match name.to_uppercase().as_str() {
        "CREATE" => Ok(Permissions::CREATE),
        "READ" => Ok(Permissions::READ),
        "WRITE" => Ok(Permissions::WRITE),
        "DELETE" => Ok(Permissions::DELETE),
        "ADMIN" => Ok(Permissions::ADMIN),
        "ALL" => Ok(Permissions::ALL),
        _ => Err(ConfigError::new(
            key,
            format!("{:?} is not a permission: CREATE, READ, WRITE, DELETE, ADMIN or ALL", first_word(name)),
        )),
    }
}

/// A variable is a string; where Patroni expects a list or a mapping it is YAML. The hosts are the inside of a YAML list, so
/// that they may be quoted.
fn from_environment(key: &str, value: String) -> Result<Value, ConfigError> {
    if key == "hosts" {
        let list = serde_saphyr::from_str(&format!("[{value}]"));
        return Ok(list.unwrap_or(Value::String(value)));
    }
    if !matches!(key, "set_acls" | "auth_data" | "use_ssl" | "verify") {
        return Ok(Value::String(value));
    }
    serde_saphyr::from_str(&value)
        .map_err(|_| ConfigError::new(format!("PATRONI_ZOOKEEPER_{}", key.to_uppercase()), "not YAML"))
}

fn section(root: &Map<String, Value>, key: &str) -> Result<Map<String, Value>, ConfigError> {
    match root.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(section)) => Ok(section.clone()),
        Some(other) => Err(wrong_kind(key, "a mapping", other)),
    }
}

/// A string; a bare number is one too, as people write `name: 1`.
fn string(root: &Map<String, Value>, key: &str) -> Result<Option<String>, ConfigError> {
    match root.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(Value::Number(value)) => Ok(Some(value.to_string())),
        Some(other) => Err(wrong_kind(key, "a string", other)),
    }
}

/// A whole number, also as a string, as in the environment.
fn number(key: &str, value: Option<&Value>) -> Result<Option<u32>, ConfigError> {
    let parsed = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match (parsed, value) {
        (Some(parsed), _) => Ok(Some(parsed)),
        (None, value) => Err(wrong_kind(key, "a whole number", value.unwrap_or(&Value::Null))),
    }
}

fn wrong_kind(key: &str, expected: &str, found: &Value) -> ConfigError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(value) => format!("{value}"),
        Value::String(value) => format!("{:?}", first_word(value)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    };
    ConfigError::new(key, format!("must be {expected}, not {found}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    const PATRONI: &str = "
scope: demo
namespace: /db/
name: pg1
restapi: {listen: 0.0.0.0:8008}
zookeeper:
  hosts: [zk1:2181, 'zk2']
  set_acls:
    CN=patroni: [ALL]
    'digest:user:hash=': [READ, write]
bootstrap:
  dcs: {ttl: 40, loop_wait: 5}
";

    #[test]
    fn patronis_yaml() {
        let config = Config::from_patroni(PATRONI, nothing).unwrap();
        assert_eq!(config.paths().leader(), "/db/demo/leader");
        assert_eq!(config.name().unwrap().as_str(), "pg1");
        assert_eq!(config.connect_string(), "zk1:2181,zk2");
        assert_eq!(config.timings().ttl(), Duration::from_secs(40));
        assert_eq!(
            config.acl[..],
            [
                Acl::new(Permissions::ALL, "x509", "CN=patroni"),
                Acl::new(Permissions::READ | Permissions::WRITE, "digest", "user:hash="),
            ]
        );
    }

    #[test]
    fn the_environment_wins() {
        let environment = |name: &str| match name {
            "PATRONI_SCOPE" => Some("other".to_owned()),
            "PATRONI_ZOOKEEPER_HOSTS" => Some("'a:1', b:2".to_owned()),
            "PATRONI_CITUS_GROUP" => Some("3".to_owned()),
            _ => None,
        };
        let config = Config::from_patroni(PATRONI, environment).unwrap();
        assert_eq!(config.paths().leader(), "/db/other/3/leader");
        assert_eq!(config.connect_string(), "a:1,b:2");
        assert!(Config::from_patroni("", environment).is_ok(), "the environment alone is enough");
    }

    #[test]
    fn neither_a_configuration_nor_a_mistake_in_one_shows_a_secret() {
        let written = [
            "auth_data: {digest: 'user:canary'}",
            "key_password: canary",
            "auth_data: digest:user:canary",
            "auth_data: [canary]",
            "auth_data: {digest: {user: canary}}",
            "auth_data: {digest: user:canary",
            "auth_data: {digest: user: canary}",
            "key_password: *canary",
            "key_password: &canary",
            "key_password: !canary x",
            "key_password: @canary",
            "key_password: %canary",
            "key_password: `canary`",
            "key_password: 'canary",
            "key_password: \"canary\\q\"",
            "key_password: canary: x",
            "key_password: canary\n  key_password: canary",
            "key_password: {canary}",
            "key_password: [canary, canary]",
            "key_password: canary\n canary",
            "key_password: |canary",
            "set_acls: {'digest:user:canary': ALL}",
            "set_acls: {'digest:user:canary': [5]}",
            "set_acls: {'digest:user:canary': [RAED]}",
            "set_acls: {'x\n  auth_data: {digest: user:canary}': ALL}",
            "set_acls: {x: ['ALL\n  auth_data: {digest: user:canary}']}",
            "set_acls: {x: 'ALL\n  auth_data: {digest: user:canary}'}",
            "'verify\n  auth_data: {digest: user:canary}': 1",
            "verify: 'no\n  auth_data: {digest: user:canary}'",
        ];
        let tls = "use_ssl: true\n  cacert: a\n  cert: b";
        for secret in written {
            let yaml = format!("scope: demo\nzookeeper:\n  hosts: a\n  {tls}\n  {secret}\n");
            match Config::from_patroni(&yaml, nothing) {
                Ok(config) => {
                    let shown = format!("{config:?} {config:#?}");
                    assert!(!shown.contains("canary"), "{secret}: {shown}");
                }
                Err(error) => {
                    let shown = format!("{error} {error:?}");
                    assert!(!shown.contains("canary"), "{secret}: {shown}");
                }
            }
        }
        // A quote too many makes one value of what follows.
        let swallowed = "'a\n  auth_data: {digest: \"user:canary\"}'";
        for yaml in [
            swallowed.to_owned(),
            format!("scope: {swallowed}/\nzookeeper: {{hosts: a}}"),
            format!("scope: {swallowed}\nzookeeper: {{hosts: a}}"),
            format!("scope: a\nname: {{x: {swallowed}}}\nzookeeper: {{hosts: a}}"),
            "scope: a\nname: '/\n user:canary'\nzookeeper: {hosts: a}".to_owned(),
            format!("scope: a\nzookeeper: {swallowed}"),
            format!("scope: a\nzookeeper:\n  hosts: {swallowed}"),
            format!("scope: a\nzookeeper:\n  hosts: [b, {swallowed}]"),
            "scope: a\nzookeeper:\n  hosts: 'b:x\n  user:canary'".to_owned(),
            "scope: a\nzookeeper:\n  hosts: 'b/c\n  user:canary/'".to_owned(),
            format!("scope: a\nzookeeper: {{hosts: b}}\nttl: {swallowed}"),
            format!("scope: a\nzookeeper: {{hosts: b}}\ncitus: {{group: {swallowed}}}"),
        ] {
            if let Err(error) = Config::from_patroni(&yaml, nothing) {
                assert!(!format!("{error} {error:?}").contains("canary"), "{yaml}: {error}");
            }
        }
        for (variable, value) in [
            ("PATRONI_ZOOKEEPER_AUTH_DATA", "digest:user:canary"),
            ("PATRONI_ZOOKEEPER_AUTH_DATA", "{digest: user:canary"),
            ("PATRONI_ZOOKEEPER_AUTH_DATA", "*canary"),
            ("PATRONI_ZOOKEEPER_SET_ACLS", "'digest:user:canary'"),
        ] {
            let environment = |name: &str| (name == variable).then(|| value.to_owned());
            let error = Config::from_patroni(PATRONI, environment).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{value}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (yaml, message) in [
            ("", "scope: is missing"),
            ("[1]", "the configuration: must be a mapping, not a list"),
            ("scope: demo", "zookeeper.hosts: is missing: give host:port, …"),
            ("scope: [a]\nzookeeper: {hosts: a}", "scope: must be a string, not a list"),
            ("scope: a/b\nzookeeper: {hosts: a}", "scope: \"a/b\" must not contain a slash"),
            ("scope: a\nname: a/b\nzookeeper: {hosts: a}", "name: \"a/b\" must not contain a slash"),
            ("scope: demo\nzookeeper: 5", "zookeeper: must be a mapping, not 5"),
            ("scope: demo\nzookeeper: {hosts: 5}", "zookeeper.hosts: must be a list or a string, not 5"),
            ("scope: demo\nzookeeper: {hosts: [1]}", "zookeeper.hosts: must be a list of strings, not 1"),
            ("scope: demo\nzookeeper: {hosts: a}\nttl: soon", "ttl: must be a whole number, not \"soon\""),
            (
                "scope: demo\nzookeeper: {hosts: a}\ncitus: {group: -1}",
                "citus.group: must be a whole number, not -1",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, use_ssl: true}",
                "zookeeper.cacert: is missing: name the PEM file of the authority that signed the servers' certificates",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, use_ssl: maybe}",
                "zookeeper.use_ssl: must be true or false, not \"maybe\"",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, use_ssl: on, verify: false, key: k}",
                "zookeeper.cert: is missing: there is a key without it",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, auth_data: {digest: [hidden]}}",
                "zookeeper.auth_data.digest: must be a string",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, auth_data: 5}",
                "zookeeper.auth_data: must be a mapping of schemes to credentials",
            ),
            (
                "scope: demo\nzookeeper: {hosts: a, set_acls: {x: [RAED]}}",
                "zookeeper.set_acls.x: \"RAED\" is not a permission: CREATE, READ, WRITE, DELETE, ADMIN or ALL",
            ),
        ] {
            let error = Config::from_patroni(yaml, nothing).unwrap_err();
            assert_eq!(error.to_string(), message, "{yaml}");
        }
        let error =
            Config::from_patroni("scope: demo\nzookeeper: {host: a}", nothing).unwrap_err().to_string();
        assert!(error.starts_with("zookeeper.host: is not a setting; known are hosts, "), "{error}");
        let error = Config::from_patroni("a: [", nothing).unwrap_err().to_string();
        assert!(error.starts_with("the configuration: not YAML: ") && !error.contains('\n'), "{error}");
    }
}
