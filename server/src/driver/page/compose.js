// Where the driver writes: a text, or a quick answer.

import { MAX_CHARS, length, sendable } from "./text.js";
import { element } from "./message.js";

const QUICK = ["On my way", "Arrived", "Loaded", "Running late", "Call me"];

/** A second tap on the same quick answer within this time is a slip of the finger. */
const SLIP_MS = 1_500;

/** How often others are told that the driver still types, and when they are told that it has stopped. */
const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 5_000;

/** From here on the page says how much room is left. */
const NEARLY_FULL = 2_300;

const form = document.querySelector("#composer");
const field = document.querySelector("#text");
const left = document.querySelector("#left");
const sendButton = document.querySelector("#send");
const quick = document.querySelector("#quick");

/** Calls `send(text)` for what is to be sent and `typing(isTyping)` as the driver types. Returns how to let go of the page. */
export function compose({ send, typing }) {
  const stop = new AbortController();
  const { signal } = stop;
  let tapped = { at: 0 };
  let typingSince = 0;
  let typingEnds;

  const stopTyping = () => {
    clearTimeout(typingEnds);
    if (typingSince) typing(false);
    typingSince = 0;
  };
  const typed = () => {
    fit();
    if (!field.value) return stopTyping();
    clearTimeout(typingEnds);
    typingEnds = setTimeout(stopTyping, TYPING_ENDS_MS);
    if (Date.now() - typingSince < TYPING_EVERY_MS) return undefined;
    typingSince = Date.now();
    return typing(true);
  };
  const submit = () => {
    const text = sendable(field.value);
    if (!text || length(text) > MAX_CHARS) return;
    field.value = "";
    fit();
    stopTyping();
    send(text);
  };

  field.addEventListener("input", typed, { signal });
  // A phone that is turned has lines of another length.
  window.addEventListener("resize", fit, { signal });
  field.addEventListener("keydown", (event) => {
    // Where there is a keyboard with room, Enter sends; on glass it makes a line.
    const hasKeyboard = matchMedia("(hover: hover) and (pointer: fine)").matches;
    if (event.key === "Enter" && hasKeyboard && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  }, { signal });
  // The keyboard stays when the button is touched.
  sendButton.addEventListener("pointerdown", (event) => event.preventDefault(), { signal });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  }, { signal });
  quick.replaceChildren(...QUICK.map((text) => {
    const button = element("button", "button", text);
    button.type = "button";
    button.addEventListener("click", () => {
      if (tapped.text === text && Date.now() - tapped.at < SLIP_MS) return;
      tapped = { text, at: Date.now() };
      send(text);
    });
    return button;
  }));
  fit();

  return () => {
    stop.abort();
    clearTimeout(typingEnds);
    field.value = "";
    fit();
  };
}

/** The field grows with its text, and says when there is too much of it. */
function fit() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
  const rest = MAX_CHARS - length(sendable(field.value));
  sendButton.disabled = rest < 0 || rest === MAX_CHARS;
  field.setAttribute("aria-invalid", String(rest < 0));
  if (rest < 0) left.textContent = `${-rest} characters too many`;
  else left.textContent = rest < MAX_CHARS - NEARLY_FULL ? `${rest} characters left` : "";
}
