//! The browser's clock and the viewer's time zone.

use jiff::Timestamp;
use jiff::tz::Offset;
use js_sys::Date;
use wasm_bindgen::prelude::JsValue;

/// The time now.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(Date::now() as i64).unwrap_or_default()
}

/// The viewer's offset from UTC at an instant.
pub(crate) fn zone(at: Timestamp) -> Offset {
    let date = Date::new(&JsValue::from_f64(at.as_millisecond() as f64));
    // JavaScript counts minutes to UTC, everybody else from it.
    Offset::from_seconds(-(date.get_timezone_offset() as i32) * 60).unwrap_or(Offset::UTC)
}
