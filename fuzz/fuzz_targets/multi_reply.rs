//! See `dcs_zk_fuzz::multi_reply`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = dcs_zk_fuzz::multi_reply(input);
});
