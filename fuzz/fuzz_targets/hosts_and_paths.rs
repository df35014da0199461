//! See `dcs_zk_fuzz::hosts_and_paths`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = dcs_zk_fuzz::hosts_and_paths(input);
});
