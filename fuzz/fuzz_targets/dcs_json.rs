//! See `dcs_zk_fuzz::dcs_json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = dcs_zk_fuzz::dcs_json(input);
});
