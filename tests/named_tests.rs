//! The documents that say which test shows what name tests that exist.
//!
//! A name in backquotes, `file::test` or `crate file::test`, is a promise. Without this check it would outlive the test.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The tests of a file: functions with an attribute `test` of whatever crate.
fn tests_of(file: &Path) -> Vec<String> {
    let mut is_test = false;
    let mut tests = Vec::new();
    for line in fs::read_to_string(file).unwrap().lines().map(str::trim) {
        let attribute = line.strip_prefix("#[").and_then(|rest| rest.split(['(', ']']).next());
        if let Some(attribute) = attribute {
            is_test |= attribute == "test" || attribute.ends_with("::test");
        } else if let Some(name) = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "))
            .and_then(|rest| rest.split('(').next())
        {
            if std::mem::take(&mut is_test) {
                tests.push(name.to_owned());
            }
        } else if !line.starts_with("//") {
            is_test &= line.is_empty() || line.ends_with(")]") || line.ends_with(',');
        }
    }
    tests
}

/// Every test of the workspace by its name, with the files that have one of that name.
fn all_tests() -> BTreeMap<String, Vec<PathBuf>> {
    let mut files = Vec::new();
    sources_below(&root().join("crates"), &mut files);
    sources_below(&root().join("tests"), &mut files);
    let mut tests: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        for test in tests_of(&file) {
            tests.entry(test).or_default().push(file.strip_prefix(root()).unwrap().to_owned());
        }
    }
    tests
}

/// What stands in backquotes and is made like the name of a test: `a::b`, `crate a::b`, `crate::a::b`, in small letters.
fn named(text: &str) -> Vec<String> {
    let in_backquotes = text.split('`').skip(1).step_by(2);
    let word = |word: &str| {
        let letters = word.strip_prefix("r#").unwrap_or(word);
        !letters.is_empty()
            && letters.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
    };
    in_backquotes
        .filter(|name| name.contains("::"))
        .map(|name| name.replacen(' ', "::", 1))
        .filter(|name| name.split("::").all(word))
        .collect()
}

/// Whether one of the files is where the name says: `tests/file.rs`, or the module or test of a crate.
fn is_in_place(place: &[&str], here: &str, files: &[PathBuf]) -> bool {
    let (dir, module) = match place {
        [module] => (here.to_owned(), module),
        ["tests", module] => ("tests".to_owned(), module),
        ["src", module] => ("crates/zk-proto/src".to_owned(), module),
        [name, module] => (format!("crates/{name}"), module),
        _ => return false,
    };
    files.iter().any(|file| {
        file.starts_with(&dir)
            && file
                .components()
                .any(|part| Path::new(part.as_os_str()).file_stem().is_some_and(|stem| stem == *module))
    })
}

/// Checks one document whose short names are of tests in `here`.
fn check(document: &str, here: &str, at_least: usize) {
    let tests = all_tests();
    let text = fs::read_to_string(root().join(document)).unwrap();
    let names = named(&text);
    assert!(names.len() >= at_least, "{document}: only {} names were found", names.len());
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| {
            let mut place: Vec<&str> = name.split("::").collect();
            let test = place.pop().unwrap();
            !tests.get(test).is_some_and(|files| is_in_place(&place, here, files))
        })
        .collect();
    assert!(missing.is_empty(), "{document} names tests that do not exist: {missing:#?}");
}

#[test]
fn parity() {
    check("tests/parity.md", "tests", 150);
}

#[test]
fn pains() {
    check("tests/pains.md", "tests", 90);
}

#[test]
fn security() {
    check("SECURITY.md", "tests", 60);
}

#[test]
fn peers_failures() {
    check("tests/peers_failures.rs", "tests", 8);
}

#[test]
fn interop() {
    check("tests/interop.rs", "tests", 25);
}

#[test]
fn the_session() {
    check("crates/zk-proto/tests/session/main.rs", "crates/zk-proto/tests/session", 70);
}

#[test]
fn a_name_that_is_wrong_is_found_out() {
    let tests = all_tests();
    assert!(tests.len() > 300, "{}", tests.len());
    let files = &tests["a_name_that_is_wrong_is_found_out"];
    assert!(is_in_place(&["named_tests"], "tests", files));
    assert!(!is_in_place(&["parity"], "tests", files), "another file");
    assert!(!is_in_place(&["zk-proto", "named_tests"], "tests", files), "another crate");
    assert!(!tests.contains_key("all_tests"), "a function that is no test");
    assert_eq!(named("`a::b`, `c d::e`, `Dcs::watch`, `xid::…`, `plain`, `no node`"), ["a::b", "c::d::e"]);
}
