//! A publisher sends any bytes: they are refused, or every client reads one message with the same JSON.

#![no_main]

#[path = "../../protocol/tests/event_source/mod.rs"]
mod event_source;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| event_source::assert_one_message(payload));
