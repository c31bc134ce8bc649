// The list of messages: drawn by key, kept at its end while the reader is there.

import { draw, frame } from "./message.js";
import { clock, day, plain } from "./text.js";

/** So near to the end, in pixels, counts as at the end. */
const END = 60;

const scroller = document.querySelector("#scroller");
const list = document.querySelector("#messages");
const earlier = document.querySelector("#earlier");
const newer = document.querySelector("#newer");
const empty = document.querySelector("#empty");
const typing = document.querySelector("#typing");
const announcement = document.querySelector("#announcement");

export class ThreadView {
  #places = new Map();
  #act;
  #isAtEnd = true;
  #seen;
  #stop = new AbortController();
  #observer;

  /** `act(what, message)` as for `draw`; `earlier()` reads older messages; `seen()` is called when the reader comes to the end. */
  constructor({ act, earlier: readEarlier, seen }) {
    this.#act = act;
    this.#seen = seen;
    const { signal } = this.#stop;
    scroller.addEventListener("scroll", () => this.#scrolled(), { signal });
    newer.addEventListener("click", () => this.toEnd(), { signal });
    earlier.addEventListener("click", readEarlier, { signal });
    // The keyboard comes and goes: whoever reads the end still does then.
    this.#observer = new ResizeObserver(() => this.#isAtEnd && this.toEnd());
    this.#observer.observe(scroller);
    this.#observer.observe(list);
  }

  /** Whether the end of the thread is what the reader sees. */
  get isAtEnd() {
    return this.#isAtEnd;
  }

  /** Draws `rows`, `{key, message, isOwn, …}` in order. */
  render(rows, { hasEarlier, isLoaded, unread }) {
    const height = scroller.scrollHeight;
    const first = list.firstElementChild;
    let before;
    let next = list.firstElementChild;
    const keys = new Set();
    rows.forEach((row, index) => {
      keys.add(row.key);
      let place = this.#places.get(row.key);
      if (!place) {
        place = frame();
        this.#places.set(row.key, place);
      }
      const today = day(row.message.timestamp);
      const isNewDay = !before || day(before.message.timestamp) !== today;
      const hasAuthor = isNewDay || before.message.senderId !== row.message.senderId;
      // One time is enough for what came in the same minute.
      const after = rows[index + 1]?.message;
      const hasTime = row.isOwn || after?.senderId !== row.message.senderId || clock(after.timestamp) !== clock(row.message.timestamp);
      draw(place, { ...row, day: isNewDay ? today : undefined, hasAuthor, hasTime }, this.#act);
      place.dataset.first = hasAuthor;
      if (place === next) next = next.nextElementSibling;
      else list.insertBefore(place, next);
      before = row;
    });
    for (const [key, place] of this.#places) {
      if (keys.has(key)) continue;
      place.remove();
      this.#places.delete(key);
    }
    earlier.hidden = !hasEarlier;
    empty.hidden = !isLoaded || rows.length > 0;
    if (this.#isAtEnd) this.toEnd();
    else if (first !== list.firstElementChild) scroller.scrollTop += scroller.scrollHeight - height;
    newer.hidden = this.#isAtEnd || unread === 0;
    newer.lastElementChild.textContent = `${unread} new`;
  }

  /** Goes to the newest message. */
  toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
    this.#scrolled();
  }

  /** Says a message that arrived to those who don't see it. */
  announce(message) {
    const urgent = message.priority === "urgent" ? "Urgent. " : "";
    announcement.textContent = `${urgent}${plain(message.senderName ?? "Dispatch")}: ${plain(message.content)}`;
  }

  /** Shows whether dispatch is writing. */
  showTyping(isTyping) {
    typing.textContent = isTyping ? "Dispatch is typing…" : "";
    if (this.#isAtEnd) this.toEnd();
  }

  /** Lets go of the page. */
  close() {
    this.#stop.abort();
    this.#observer.disconnect();
    this.showTyping(false);
    announcement.textContent = "";
    list.replaceChildren();
    newer.hidden = earlier.hidden = empty.hidden = true;
  }

  #scrolled() {
    const was = this.#isAtEnd;
    this.#isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END;
    if (this.#isAtEnd && !was) this.#seen();
  }
}
