//! Any text makes an endpoint, whose own text makes the same one again; and a pair of a name and a port stays one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oneloop::net::Endpoint;

fuzz_target!(|input: (&str, u16)| {
    let (text, port) = input;
    let endpoint = Endpoint::from(text);
    let shown = endpoint.to_string();
    let again = Endpoint::from(shown.as_str());
    assert_eq!(again.to_string(), shown, "{text:?}");
    let pair = Endpoint::from((text, port));
    assert!(pair.to_string().ends_with(&format!(":{port}")), "{text:?} and {port} are shown as {pair}");
});
