//! See `dcs_zk_fuzz::connect_response`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = dcs_zk_fuzz::connect_response(input);
});
