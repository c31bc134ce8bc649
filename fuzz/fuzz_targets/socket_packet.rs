//! Somebody who is signed in sends any text as a packet of the messaging connection: it is read or
//! refused, and so is the request in it.

#![no_main]

#[expect(dead_code, reason = "doing what was asked is not here")]
#[path = "../../server/src/messaging/ask.rs"]
mod ask;
#[path = "../../server/src/messaging/packet.rs"]
mod packet;

use packet::{Content, Event, Packet};
use sally_protocol::message::{check_content, code};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some(Packet { content: Content::Event(event) | Content::WithAttachments(event, _), .. }) = Packet::parse(text)
    else {
        return;
    };
    let Event { name, argument, .. } = event;
    match ask::Ask::read(&name, argument.unwrap_or_default()) {
        Ok(ask::Ask::Send(message)) => assert_eq!(check_content(&message.content), Ok(())),
        Ok(_) => {}
        Err(refusal) => {
            assert!([code::INVALID, code::TOO_LONG].contains(&refusal.code.as_str()), "{refusal}");
            assert!(!refusal.retryable && refusal.retry_after_ms.is_none());
        }
    }
});
