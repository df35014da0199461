//! Where Java and ZooKeeper's jars are.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::error::TestkitError;

/// Where Debian's packages put their jars.
const DEBIAN_JARS: &str = "/usr/share/java";
/// Without these nothing starts; the manifest of the first names most of the others.
const REQUIRED: [&str; 2] = ["zookeeper.jar", "slf4j-simple.jar"];
/// What TLS needs and no manifest names.
const NETTY: [&str; 8] = [
    "netty-common.jar",
    "netty-buffer.jar",
    "netty-codec.jar",
    "netty-handler.jar",
    "netty-resolver.jar",
    "netty-transport.jar",
    "netty-transport-native-unix-common.jar",
    "netty-transport-native-epoll.jar",
];

/// A Java runtime and the class path of a ZooKeeper server.
#[derive(Debug, Clone)]
pub(crate) struct Java {
    /// The `java` program.
    pub(crate) program: PathBuf,
    /// The class path, in order.
    pub(crate) class_path: Vec<PathBuf>,
}

impl Java {
    /// Finds both: what the builder was told, else the environment, else Debian's places.
    pub(crate) fn find(java: Option<&Path>, home: Option<&Path>) -> Result<Self, TestkitError> {
        let program = find_java(java)?;
        let home = home.map(Path::to_owned).or_else(|| variable("ZOOKEEPER_HOME"));
        let class_path = match home {
            Some(home) => distribution_jars(&home)?,
            None => debian_jars(Path::new(DEBIAN_JARS))?,
        };
        Ok(Self { program, class_path })
    }

    /// The class path with `more` at its end, as `java -cp` wants it.
    pub(crate) fn class_path_with<'a>(
        &'a self,
        more: impl Iterator<Item = &'a PathBuf>,
    ) -> Result<OsString, TestkitError> {
        std::env::join_paths(self.class_path.iter().chain(more))
            .map_err(|error| TestkitError::Invalid(format!("class path: {error}")))
    }
}

/// The `java` program.
fn find_java(told: Option<&Path>) -> Result<PathBuf, TestkitError> {
    let candidate =
        told.map(Path::to_owned).or_else(|| variable("JAVA_HOME").map(|home| home.join("bin/java")));
    match candidate {
        Some(program) if program.is_file() => Ok(program),
        Some(program) => Err(TestkitError::JavaMissing { looked_for: program }),
        None => find_on_path("java").ok_or_else(|| TestkitError::JavaMissing { looked_for: "java".into() }),
    }
}

/// The jars of Debian's packages.
fn debian_jars(directory: &Path) -> Result<Vec<PathBuf>, TestkitError> {
    for name in REQUIRED {
        if !directory.join(name).is_file() {
            return Err(TestkitError::JarsMissing {
                directory: directory.to_owned(),
                missing: name.to_owned(),
            });
        }
    }
    let jars = REQUIRED.iter().chain(&NETTY).map(|name| directory.join(name));
    Ok(jars.filter(|jar| jar.is_file()).collect())
}

/// The jars of an unpacked distribution: `*.jar` and `lib/*.jar`.
fn distribution_jars(home: &Path) -> Result<Vec<PathBuf>, TestkitError> {
    let mut jars = Vec::new();
    for directory in [home.to_owned(), home.join("lib")] {
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        jars.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|e| e == "jar")),
        );
    }
    jars.sort();
    let is_server = |jar: &PathBuf| {
        jar.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.strip_prefix("zookeeper").is_some_and(|rest| {
                rest == ".jar"
                    || rest.strip_prefix('-').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
            })
        })
    };
    if jars.iter().any(is_server) {
        Ok(jars)
    } else {
        Err(TestkitError::JarsMissing {
            directory: home.to_owned(),
            missing: "lib/zookeeper-*.jar".to_owned(),
        })
    }
}

/// The first program of that name in `PATH`.
pub(crate) fn find_on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_server_jar() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("lib")).unwrap();
        std::fs::write(home.path().join("lib/zookeeper-jute-3.9.3.jar"), "").unwrap();
        assert!(matches!(distribution_jars(home.path()), Err(TestkitError::JarsMissing { .. })));
        std::fs::write(home.path().join("lib/zookeeper-3.9.3.jar"), "").unwrap();
        assert_eq!(distribution_jars(home.path()).unwrap().len(), 2);
    }
}
