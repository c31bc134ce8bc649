// One message as it is drawn. Texts of others get into the page as text, never as markup.

import { clock, fullTime, plain } from "./text.js";

const PROGRESS = { waiting: "Waiting", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent" };

/** An element with a class, and a text or children. */
export function element(name, className, content = []) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...[content].flat());
  return made;
}

/** One of the page's icons; whatever it says is said in words beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg.namespaceURI, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A message's place in the list; `draw` fills it. */
export function frame() {
  const place = element("li", "message");
  place.tabIndex = -1;
  return place;
}

/**
 * Draws `shown` into its `place`: `{message, isOwn, day?, hasAuthor, hasTime, progress?, failure?, acknowledgement?}`, where
 * `day` stands above it. `act(what, message)` is called for `acknowledge`, `retry` and `discard`. What is
 * drawn already stays, so that a button keeps the focus.
 */
export function draw(place, shown, act) {
  const { message, isOwn, progress, failure, acknowledgement } = shown;
  const drawn = JSON.stringify([shown.day, shown.hasAuthor, shown.hasTime, progress, failure, acknowledgement, message.timestamp]);
  if (place.dataset.drawn === drawn) return;
  place.dataset.drawn = drawn;
  place.dataset.own = isOwn;
  const isUrgent = message.priority === "urgent";
  place.dataset.urgent = isUrgent;
  const asks = !isOwn && message.requiresAck;
  const button = (what, label, className) => {
    const made = element("button", `button ${className}`, label);
    made.type = "button";
    made.addEventListener("click", () => act(what, message));
    return made;
  };
  const text = element("p", "text", plain(message.content));
  text.dir = "auto";
  const time = element("time", "", clock(message.timestamp));
  time.dateTime = message.timestamp;
  time.title = fullTime(message.timestamp);
  const bubble = [
    isUrgent && element("p", "mark urgent", [icon("urgent"), "Urgent"]),
    text,
    asks && !acknowledgement && button("acknowledge", "Acknowledge", "primary wide acknowledge"),
    asks && acknowledgement === "pending" && element("p", "mark", [icon("waiting"), "Acknowledged, waiting to be sent"]),
    asks && acknowledgement === "done" && element("p", "mark", [icon("sent"), "Acknowledged"]),
  ];
  const children = [
    shown.day && element("p", "day", shown.day),
    isOwn ? element("p", "unseen", "You:") : author(message, shown.hasAuthor),
    element("div", "bubble", bubble.filter(Boolean)),
    shown.hasTime && element("p", "foot", [time, progress && element("span", `progress ${progress}`, [icon(progress), PROGRESS[progress]])].filter(Boolean)),
    failure && element("p", "trouble", plain(failure)),
    failure && element("div", "choices", [button("retry", "Try again", ""), button("discard", "Discard", "")]),
  ];
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...children.filter(Boolean));
  // The button that was pressed is gone; whoever goes on by keyboard goes on from here.
  if (hadFocus) place.focus({ preventScroll: true });
}

function author(message, isShown) {
  const made = element("p", isShown ? "author" : "unseen", plain(message.senderName ?? "Dispatch"));
  made.dir = "auto";
  return made;
}
