//! How a secret looks when it is shown by mistake.

use base64::{Engine, engine::general_purpose};

/// Every form of the secret that is in the text.
pub(crate) fn found(secret: &[u8], text: &str) -> Vec<&'static str> {
    forms(secret)
        .into_iter()
        .filter(|(_, shown)| text.contains(shown.as_str()))
        .map(|(form, _)| form)
        .collect()
}

fn forms(secret: &[u8]) -> Vec<(&'static str, String)> {
    let joined = |format: fn(&u8) -> String, by: &str| secret.iter().map(format).collect::<Vec<_>>().join(by);
    let mut forms = vec![
        ("raw", String::from_utf8_lossy(secret).into_owned()),
        ("escaped", secret.escape_ascii().to_string()),
        // As `Bytes` prints what is not text.
        (
            "escaped by Bytes",
            format!("{:?}", bytes::Bytes::copy_from_slice(secret)).trim_matches(['b', '"']).to_owned(),
        ),
        ("list of numbers", joined(ToString::to_string, ", ")),
        ("list of numbers, over lines", joined(ToString::to_string, ",\n    ")),
        ("list of hexadecimal numbers", joined(|byte| format!("{byte:02x}"), ", ")),
        ("hexadecimal", joined(|byte| format!("{byte:02x}"), "")),
        ("hexadecimal in capitals", joined(|byte| format!("{byte:02X}"), "")),
        ("hexadecimal with colons", joined(|byte| format!("{byte:02x}"), ":")),
        ("hexadecimal with spaces", joined(|byte| format!("{byte:02x}"), " ")),
    ];
    // Alone, and in the middle of something longer: three alignments, without the characters that its neighbours share.
    for shift in 0..3 {
        let shifted = [vec![0; shift], secret.to_vec()].concat();
        for engine in [general_purpose::STANDARD_NO_PAD, general_purpose::URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&shifted);
            let begin = (shift * 8).div_ceil(6);
            let end = shifted.len() * 8 / 6;
            forms.push(("base64", encoded[begin..end].to_owned()));
        }
    }
    forms
}

#[test]
fn every_form_is_found_and_nothing_where_nothing_is() {
    let secret: &[u8] = b"canary\xff\x01-7Q";
    for (form, shown) in forms(secret) {
        assert!(found(secret, &format!("x{shown}y")).contains(&form), "{form}: {shown}");
    }
    let around = general_purpose::STANDARD.encode([b"user:", secret, b" and more"].concat());
    assert_eq!(found(secret, &around), ["base64"], "{around}");
    assert!(found(secret, "canary, 7Q, Y2FuYXJ5").is_empty());
    assert!(
        found(secret, &format!("{:?}", [0_u8, 7].iter().chain(secret).collect::<Vec<_>>()))
            .contains(&"list of numbers")
    );
}
