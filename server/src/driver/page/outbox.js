// What is yet to be sent, in order. It is kept on the device, so nothing that was typed is lost with a connection, a reload
// or a flat battery. Every tab reads and writes the one kept list; a message that two of them send is stored once, by its
// `clientMessageId`.

import { keep, kept, onOtherTab } from "./keep.js";
import { uuid } from "./text.js";

/** After a failure that may pass. */
const RETRY_MS = 2_000;

export class Outbox {
  #name;
  #send;
  #changed;
  #busy = false;
  #timer;

  /**
   * The outbox of `me`. `send(item)` sends one and throws what went wrong; `changed()` is called when the list is another.
   */
  constructor(me, send, changed) {
    this.#name = `outbox.${me.tenantId}.${me.userId}`;
    this.#send = send;
    this.#changed = changed;
    onOtherTab(this.#name, changed);
  }

  /** `{clientMessageId, content, at, failure?}`, oldest first. */
  get items() {
    return kept(this.#name, []);
  }

  /** Adds a text at the end and sends it when it can be. */
  add(content) {
    this.#write([...this.items, { clientMessageId: uuid(), content, at: new Date().toISOString() }]);
    this.flush();
  }

  /** Tries a message that was refused again. */
  retry(id) {
    this.#write(this.items.map((item) => (item.clientMessageId === id ? { ...item, failure: undefined } : item)));
    this.flush();
  }

  /** Forgets a message. */
  discard(id) {
    this.#write(this.items.filter((item) => item.clientMessageId !== id));
  }

  /** Sends what waits, one after the other. Called whenever a connection is there. */
  async flush() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    try {
      for (let item = this.#next(); item; item = this.#next()) {
        const wait = await this.#attempt(item);
        if (wait !== undefined) {
          this.#timer = setTimeout(() => this.flush(), wait);
          break;
        }
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Stops trying by itself. */
  close() {
    clearTimeout(this.#timer);
  }

  #next() {
    return this.items.find((item) => !item.failure);
  }

  /** Sends one; says how long to wait, in ms, when it is to be tried again. */
  async #attempt(item) {
    try {
      await this.#send(item);
      this.discard(item.clientMessageId);
    } catch (error) {
      if (error.retryable !== false) return error.retryAfterMs ?? RETRY_MS;
      const failed = (one) => (one.clientMessageId === item.clientMessageId ? { ...one, failure: error.message } : one);
      this.#write(this.items.map(failed));
    }
  }

  #write(items) {
    keep(this.#name, items);
    this.#changed();
  }
}
