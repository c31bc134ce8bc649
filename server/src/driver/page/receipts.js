// Who has received, read and acknowledged what: as the history says and as is heard since. It is kept on the device, for when
// there is no connection.

import { keep, kept } from "./keep.js";

/** So many acknowledgements are remembered. */
const REMEMBERED = 500;

const MARK_DELAY_MS = 150;

export class Receipts {
  #me;
  #link;
  #changed;
  #name;
  #state;
  #timer;
  /** What this connection was told. */
  #told = { delivered: 0, read: 0 };
  #wanted = { delivered: 0, read: 0 };

  constructor(me, link, changed) {
    this.#me = me;
    this.#link = link;
    this.#changed = changed;
    this.#name = `receipts.${me.tenantId}.${me.userId}`;
    this.#state = { delivered: 0, read: 0, ownRead: 0, acknowledged: {}, ...kept(this.#name, {}) };
  }

  /** Up to where the driver has read. */
  get ownRead() {
    return this.#state.ownRead;
  }

  /** `sent`, `delivered` or `read`: how far a message of the driver's has come. */
  progress(seq) {
    if (seq <= this.#state.read) return "read";
    return seq <= this.#state.delivered ? "delivered" : "sent";
  }

  /** `undefined`, `pending` or `done`. */
  acknowledgement(messageId) {
    return this.#state.acknowledged[messageId];
  }

  /** Takes a `receipt`. */
  take({ userId, kind, seq, messageId }) {
    if (kind === "acknowledged") this.#acknowledged(messageId, "done");
    else if (userId !== this.#me.userId) {
      const delivered = Math.max(this.#state.delivered, seq);
      const read = kind === "read" ? Math.max(this.#state.read, seq) : this.#state.read;
      this.#update({ delivered, read });
    } else if (kind === "read") this.readUpTo(seq);
  }

  /** Takes what a page of history says, which every device is told alike. */
  takePage({ messages, receipts }) {
    for (const receipt of receipts) this.take(receipt);
    for (const { messageId, acknowledgedBy } of messages) if (acknowledgedBy) this.#acknowledged(messageId, "done");
  }

  /** The driver has read up to `seq`, here or elsewhere. */
  readUpTo(seq) {
    if (seq > this.#state.ownRead) this.#update({ ownRead: seq });
  }

  /** Everything up to `seq` has reached this device; `read` says that it was seen. */
  mark(seq, read) {
    this.#wanted.delivered = Math.max(this.#wanted.delivered, seq);
    if (read) {
      this.#wanted.read = Math.max(this.#wanted.read, seq);
      this.readUpTo(seq);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), MARK_DELAY_MS);
  }

  /** The driver acknowledges; it is told when there is a connection. */
  acknowledge(messageId) {
    this.#acknowledged(messageId, "pending");
    this.#tell();
  }

  /** A new connection: whatever the last one may not have passed on is told again. */
  connected() {
    this.#told = { delivered: 0, read: 0 };
    this.#tell();
  }

  close() {
    clearTimeout(this.#timer);
  }

  async #tell() {
    const link = this.#link();
    if (!link.ready) return;
    try {
      for (const kind of ["delivered", "read"]) {
        const seq = this.#wanted[kind];
        if (seq > this.#told[kind]) {
          this.#told[kind] = seq;
          await link.ask(`mark_${kind}`, { conversationId: this.#me.userId, seq });
        }
      }
      const pending = Object.entries(this.#state.acknowledged).filter(([, state]) => state === "pending");
      for (const [messageId] of pending) {
        // One that the server refuses for good has been settled some other way.
        await link.ask("acknowledge_message", { messageId }).catch((error) => {
          if (error.retryable !== false) throw error;
        });
        this.#acknowledged(messageId, "done");
      }
    } catch {
      this.#told = { delivered: 0, read: 0 };
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#tell(), 2_000);
    }
  }

  #acknowledged(messageId, state) {
    if (this.#state.acknowledged[messageId] === "done") return;
    const all = Object.entries({ ...this.#state.acknowledged, [messageId]: state });
    this.#update({ acknowledged: Object.fromEntries(all.slice(-REMEMBERED)) });
  }

  #update(change) {
    this.#state = { ...this.#state, ...change };
    keep(this.#name, this.#state);
    this.#changed();
  }
}
