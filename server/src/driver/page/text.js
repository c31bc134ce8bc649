// Texts as others wrote them, and how they are shown.

/** The longest message, in code points. */
export const MAX_CHARS = 2500;

/**
 * Without the characters that change the direction of what follows them: with those, a text can read as another than it
 * is. Direction comes from `dir="auto"` on whatever the text is put into.
 */
export const plain = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

/** As the server takes it: lines end in a newline, and there are no control characters but newline and tab. */
export const sendable = (text) => text.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "").trim();

/** How many code points there are. */
export const length = (text) => [...text].length;

/** A random UUID; `crypto.randomUUID` is missing where a page came without TLS. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** The time of day. */
export const clock = (at) => CLOCK.format(new Date(at));

/** Date and time in full. */
export const fullTime = (at) => FULL.format(new Date(at));

/** Today, yesterday, or the date. */
export function day(at) {
  const then = new Date(at).toDateString();
  const now = new Date();
  if (then === now.toDateString()) return "Today";
  now.setDate(now.getDate() - 1);
  return then === now.toDateString() ? "Yesterday" : DAY.format(new Date(at));
}
