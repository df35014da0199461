//! Histories in files.

use fault_schedules::history::{FileError, read, write};

use crate::story::{Story, add, added};

#[test]
fn a_history_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.jsonl");
    let mut story = Story::default();
    story.lease("a", 10..20, 5).added("a", 10..20, add("v"), 0, 10).end(&[added(0, "v", 10)]);
    write(&path, &story.records).expect("written");
    assert_eq!(read(&path).expect("read"), story.records);

    // A process that was killed leaves half a line.
    let mut text = std::fs::read(&path).expect("there");
    let whole = text.len();
    text.extend_from_slice(b"{\"at\":5,\"proc");
    std::fs::write(&path, &text).expect("written");
    assert_eq!(read(&path).expect("read"), story.records);

    text.truncate(whole);
    text.extend_from_slice(b"{}\n");
    std::fs::write(&path, &text).expect("written");
    let error = read(&path).expect_err("no record");
    assert!(matches!(error, FileError::Line { line: 5, .. }), "{error}");

    for nothing in ["", "{\"at\":5"] {
        std::fs::write(&path, nothing).expect("written");
        assert_eq!(read(&path).expect("read"), []);
    }
    assert!(matches!(read(&directory.path().join("none")), Err(FileError::Io { .. })));
}
