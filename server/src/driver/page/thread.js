// The driver's conversation as far as this page holds it: a stretch without holes that ends with the newest message.

import * as api from "./api.js";

export class Thread {
  #id;
  #link;
  #changed;
  #paged;
  #catching = false;
  #again = false;
  #loaded = false;

  /** Ascending by `seq`. */
  messages = [];
  /** Whether there are older ones on the server. */
  hasEarlier = false;
  /** Where to resume. */
  cursor = undefined;

  /**
   * The conversation `id`. `changed(arrived)` is called with the messages that are new at its end, `paged(page)` with each
   * page of history.
   */
  constructor(id, link, changed, paged) {
    this.#id = id;
    this.#link = link;
    this.#changed = changed;
    this.#paged = paged;
  }

  /** The newest message's place, 0 without one. */
  get newest() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Whether it has been read from the server. */
  get isLoaded() {
    return this.#loaded;
  }

  /** Takes a message that came by itself. One that isn't the next means that others were lost. */
  take(message) {
    if (!this.#loaded || message.seq > this.newest + 1) this.catchUp();
    else if (message.seq === this.newest + 1) this.#append([message]);
  }

  /** Whether the server stands where this page does; if not, catches up. */
  compare(cursor) {
    if (this.#loaded && cursor !== this.cursor) this.catchUp();
  }

  /** Reads what is missing, and tries again later when it can't. */
  async catchUp() {
    this.#again = true;
    if (this.#catching) return;
    this.#catching = true;
    try {
      while (this.#again && this.#link().ready) {
        this.#again = false;
        if (this.#loaded) await this.#resume();
        else await this.#load();
      }
    } catch {
      // A loss of the connection leads here again; a server that can't answer is asked again.
      this.#again = true;
      setTimeout(() => this.catchUp(), 2_000);
    } finally {
      this.#catching = false;
    }
  }

  /** Reads a page of older messages. */
  async earlier() {
    const first = this.messages[0]?.seq;
    if (first === undefined) return;
    const page = await api.history(this.#id, first);
    if (this.messages[0]?.seq !== first) return;
    const { messages, more } = page;
    this.#paged(page);
    this.messages = [...messages, ...this.messages];
    this.hasEarlier = more;
    this.#changed([]);
  }

  /** The newest page. Where the tenant stands is asked before, so that nothing falls between the two. */
  async #load() {
    const { cursor } = await this.#link().ask("resume", {});
    const page = await api.history(this.#id);
    const { messages, more } = page;
    this.#paged(page);
    this.messages = messages;
    this.hasEarlier = more;
    this.cursor = messages.at(-1)?.cursor ?? cursor;
    this.#loaded = true;
    this.#changed(messages);
  }

  async #resume() {
    for (let more = true; more; ) {
      let page;
      try {
        page = await this.#link().ask("resume", { cursor: this.cursor });
      } catch (error) {
        if (error.code !== "invalid") throw error;
        // The server doesn't know the cursor, as after a restored backup: what is held may be void.
        await this.#load();
        return;
      }
      // Those that came by themselves meanwhile are here already.
      const next = page.messages.filter((message) => message.seq > this.newest);
      if (next.length > 0 && next[0].seq !== this.newest + 1) {
        await this.#load();
        return;
      }
      more = page.more;
      this.#append(next);
      if (!more && next.length === 0) this.cursor = this.messages.at(-1)?.cursor ?? page.cursor;
    }
  }

  #append(messages) {
    if (messages.length === 0) return;
    this.messages = [...this.messages, ...messages];
    this.cursor = messages.at(-1).cursor;
    this.#changed(messages);
  }
}
