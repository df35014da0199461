//! A fuzzer for those who have none: every input of the corpora, changed a little and again, the same way each time. It is
//! blind, unlike the real one, but it runs with every test.

use std::fs;
use std::path::Path;

/// How often each input is changed; a few seconds for all.
const ROUNDS: usize = 60;

/// The most changes of an input at once.
const CHANGES: usize = 6;

fn mutate(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut rng = fastrand::Rng::with_seed(1);
    for (file, input) in files.iter().zip(&inputs) {
        for _ in 0..ROUNDS {
            let mut input = input.clone();
            for _ in 0..rng.usize(1..=CHANGES) {
                change(&mut input, &inputs[rng.usize(..inputs.len())], &mut rng);
            }
            // The input is what reproduces a failure.
            let outcome = std::panic::catch_unwind(|| run(&input));
            assert!(outcome.is_ok(), "{target}, out of {}: {input:?}", file.display());
        }
    }
}

fn change(input: &mut Vec<u8>, other: &[u8], rng: &mut fastrand::Rng) {
    if input.is_empty() {
        input.push(rng.u8(..));
        return;
    }
    let at = rng.usize(..input.len());
    match rng.u8(..7) {
        0 => input[at] = rng.u8(..),
        1 => input[at] ^= 1 << rng.u8(..8),
        2 => input.insert(at, rng.choice([0, 1, 0x7f, 0x80, 0xff]).unwrap()),
        3 => drop(input.remove(at)),
        4 => input.truncate(at),
        5 => input.extend_from_slice(&other[rng.usize(..=other.len())..]),
        _ => {
            let end = rng.usize(at..=input.len());
            let part = input[at..end].to_vec();
            input.splice(at..at, part);
        }
    }
}

macro_rules! mutations {
    ($($target:ident)+) => {
        $(#[test]
        fn $target() {
            mutate(stringify!($target), |input| {
                let _ = dcs_zk_fuzz::$target(input);
            });
        })+
    };
}

mutations! {
    connect_response
    dcs_json
    frame_stream
    hosts_and_paths
    multi_reply
    record_decode
    round_trip
    session_operations
}
