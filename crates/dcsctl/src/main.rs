//! dcsctl
fn main() {}
