// The messaging connection: Socket.IO, opened anew whenever it is lost, with a token that holds.

import { Refused, refresh } from "./api.js";
import { io } from "./socket.io.esm.min.js";

const ANSWER_LIMIT_MS = 10_000;

/** A connection that a phone slept through is given this long to answer. */
const CHECK_LIMIT_MS = 4_000;

/** The token is exchanged this long before it ends, if nobody asked for that before. */
const RENEW_BEFORE_MS = 90_000;

/** A token that is refused so soon after it was issued isn't exchanged at once again. */
const RENEW_EVERY_MS = 10_000;

/** No timer waits longer (2^31 ms, rounded down). */
const LONGEST_WAIT_MS = 2_000_000_000;

export class Link {
  #socket;
  #timer;
  #renewal;
  #closed = false;
  #failures = 0;
  #renewedAt = 0;
  #handlers;

  /**
   * Opens. `handlers`: `session(info)` after each connection, `event(name, data)`, `lost()`, `signedOut()` when the session
   * is over, `forbidden()` when this user may not message.
   */
  constructor(handlers) {
    this.#handlers = handlers;
    this.ready = false;
    // WebSocket first: then nothing depends on a proxy that sends all of one client's requests to one server.
    this.#socket = io("/messaging", {
      autoConnect: false,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 3_000,
      timeout: ANSWER_LIMIT_MS,
    });
    this.#socket.on("session", (info) => this.#opened(info));
    this.#socket.on("disconnect", () => this.#lost());
    this.#socket.on("connect_error", (error) => this.#refused(error.message));
    this.#socket.on("auth_expiring", () => this.#renew());
    for (const name of ["new_message", "receipt", "typing", "presence", "head"]) {
      this.#socket.on(name, (data) => this.ready && handlers.event(name, data));
    }
    this.hurry = () => {
      if (this.#closed || document.visibilityState !== "visible") return;
      if (this.ready) this.#check();
      else if (!this.#socket.connected) this.#reopen();
    };
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.#socket.connect();
  }

  /** Closes for good. */
  close() {
    this.#closed = true;
    this.ready = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#renewal);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.#socket.disconnect();
  }

  /**
   * Asks, and returns the answer. Throws [`Refused`] with `retryable` and `retryAfterMs` when it is no; any other error
   * means that nobody knows whether the server heard.
   */
  async ask(name, data, limit = ANSWER_LIMIT_MS) {
    if (!this.ready) throw new Error("not connected");
    const answer = await this.#socket.timeout(limit).emitWithAck(name, data);
    if (answer?.ok) return answer;
    const { code = "unknown", message, retryable = false, retryAfterMs } = answer?.error ?? {};
    throw Object.assign(new Refused(0, code, message), { retryable, retryAfterMs });
  }

  #opened(info) {
    this.#failures = 0;
    this.ready = true;
    clearTimeout(this.#renewal);
    const left = Date.parse(info.expiresAt) - Date.now() - RENEW_BEFORE_MS;
    // A clock that is wrong must not make this a loop: the server says `auth_expiring` by its own.
    if (left > 0) this.#renewal = setTimeout(() => this.#renew(), Math.min(left, LONGEST_WAIT_MS));
    this.#handlers.session(info);
  }

  #lost() {
    this.ready = false;
    this.#handlers.lost();
    // The library comes back by itself unless the server closed the socket, as it does when it is shut down.
    if (!this.#socket.active) this.#later();
  }

  async #refused(reason) {
    this.#handlers.lost();
    if (this.#socket.active || this.#closed) return;
    if (reason === "unauthorized" || reason === "token_expired") {
      if (Date.now() - this.#renewedAt < RENEW_EVERY_MS) this.#later();
      else await this.#renew();
    } else if (reason === "forbidden") this.#handlers.forbidden();
    else this.#later();
  }

  /** Opens a connection that begins with a new token. What was under way on the old one is asked again. */
  async #renew() {
    clearTimeout(this.#renewal);
    try {
      await refresh();
      this.#renewedAt = Date.now();
    } catch (error) {
      if (this.#closed) return;
      if (error.status === 401) this.#handlers.signedOut();
      else this.#later();
      return;
    }
    if (!this.#closed) this.#reopen();
  }

  #reopen() {
    clearTimeout(this.#timer);
    this.ready = false;
    this.#socket.disconnect();
    clearTimeout(this.#timer);
    this.#socket.connect();
  }

  #later() {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#failures += 1;
    const wait = Math.min(500 * 2 ** this.#failures, 10_000) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#reopen(), wait);
  }

  async #check() {
    try {
      await this.ask("resume", {}, CHECK_LIMIT_MS);
    } catch (error) {
      if (!(error instanceof Refused) && this.ready && !this.#closed) this.#reopen();
    }
  }
}
