//! Somebody who is signed in sends any text as a packet of the messaging connection: the library reads
//! it as the server has it do, and the request in it is read or refused.

#![no_main]

#[expect(dead_code, reason = "doing what was asked is not here")]
#[path = "../../server/src/messaging/ask.rs"]
mod ask;

use engineioxide_core::{Packet, ProtocolVersion};
use sally_protocol::message::{check_content, code};
use serde_json::Value;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse as _, ParseConfig, ParserState};
use socketioxide_parser_common::CommonParser;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(Packet::Message(message)) = Packet::parse(ProtocolVersion::V4, text.to_owned()) else { return };
    let (config, state) = (ParseConfig::default(), ParserState::default());
    let Ok(packet) = CommonParser.decode_str(&config, &state, message) else { return };
    let (PacketData::Event(mut data, _) | PacketData::BinaryEvent(mut data, _)) = packet.inner else { return };
    let Ok(event) = CommonParser.read_event(&data).map(str::to_owned) else { return };
    let argument = CommonParser.decode_value::<Value>(&mut data, true).unwrap_or_default();
    match ask::Ask::read(&event, argument) {
        Ok(ask::Ask::Send(message)) => assert_eq!(check_content(&message.content), Ok(())),
        Ok(_) => {}
        Err(refusal) => {
            assert!([code::INVALID, code::TOO_LONG].contains(&refusal.code.as_str()), "{refusal}");
            assert!(!refusal.retryable && refusal.retry_after_ms.is_none());
        }
    }
});
