// The page for drivers: who is here, and what they see.
//
// Layout, in reading order:
//
// - `sign_in.js`: the door.
// - `thread.js`: the conversation as far as this page holds it; `thread_view.js` and `message.js` draw it.
// - `compose.js`: where the driver writes; `outbox.js`: what is yet to be sent.
// - `receipts.js`: who has received, read and acknowledged what.
// - `link.js`: the messaging connection; `api.js`: the server over HTTP.
// - `text.js`, `keep.js`: texts and times; what outlives a reload.

import * as api from "./api.js";
import { compose } from "./compose.js";
import { keep, kept, onOtherTab } from "./keep.js";
import { Link } from "./link.js";
import { icon } from "./message.js";
import { Outbox } from "./outbox.js";
import { Receipts } from "./receipts.js";
import { onSignIn, showSignIn } from "./sign_in.js";
import { plain } from "./text.js";
import { Thread } from "./thread.js";
import { ThreadView } from "./thread_view.js";

/** A connection that is away for less than this is nobody's concern. */
const LOSS_NOTICE_MS = 1_200;

/** Dispatch has stopped typing when this long nothing was said about it. */
const TYPING_LIMIT_MS = 8_000;

const find = (selector) => document.querySelector(selector);

/** What is open for the driver who is signed in; `close()` lets go of it. */
let open;

onSignIn(enter);
find("#stranger button").addEventListener("click", () => leave());
find("#sign-out").addEventListener("click", askToLeave);
find("#leaving").addEventListener("close", () => find("#leaving").returnValue === "leave" && leave());
for (const input of document.querySelectorAll("[name=theme]")) {
  input.checked = input.value === document.documentElement.dataset.theme;
  input.addEventListener("change", () => {
    keep("theme", input.value);
    document.documentElement.dataset.theme = input.value;
    paintFrame();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") find("#menu").open = false;
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", paintFrame);
paintFrame();
document.addEventListener("click", (event) => {
  if (!find("#menu").contains(event.target)) find("#menu").open = false;
});
// Signed out, or in as somebody else, in another tab.
onOtherTab("me", () => location.reload());
begin();

/** The browser's own frame has the header's colour. */
function paintFrame() {
  find("[name=theme-color]").content = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
}

/** Somebody who was here before is asked for nothing. */
async function begin() {
  const before = kept("me");
  if (!before) return showSignIn();
  try {
    return enter(await api.me());
  } catch (error) {
    if (error.status === 401) return ended();
    // Without an answer: as the one who was here. The connection says so if that is over.
    return enter(before);
  }
}

function enter({ userId, tenantId, role, name }) {
  // Nothing else of the answer is kept: other tabs hear of every change.
  const me = { userId, tenantId, role, name };
  keep("me", me);
  show();
  if (me.role === "driver") {
    open = openThread(me);
    return;
  }
  find("#stranger-who").textContent = `You are signed in as ${plain(me.name ?? me.userId)} (${me.role}).`;
  find("#stranger").hidden = false;
}

/** Nothing but what is shown next. */
function show() {
  open?.close();
  open = undefined;
  for (const section of document.querySelectorAll("main")) section.hidden = true;
  find("#menu").open = false;
}

/** The session has ended without being asked to. */
function ended() {
  keep("me", undefined);
  show();
  showSignIn("You have been signed out. Sign in again; what you wrote is kept.");
}

function askToLeave() {
  const waiting = open?.waiting() ?? 0;
  if (waiting === 0) return leave();
  find("#menu").open = false;
  find("#leaving-why").textContent =
    waiting === 1
      ? "1 message hasn’t been sent. It stays on this device and goes out when you sign in here again."
      : `${waiting} messages haven’t been sent. They stay on this device and go out when you sign in here again.`;
  return find("#leaving").showModal();
}

async function leave() {
  // Without an answer the cookies stay, and so does the driver: a sign-out that didn't happen must not look like one.
  try {
    await api.signOut();
  } catch {
    const refusal = "You can’t sign out without a connection.";
    notice(refusal);
    find("#stranger-who").textContent = refusal;
    find("#menu").open = false;
    return;
  }
  keep("me", undefined);
  show();
  showSignIn();
}

/** What is wrong with the connection, above the thread. */
function notice(text) {
  find("#link-state").replaceChildren(...(text ? [icon("offline"), text] : []));
}

/** The driver's thread, live. */
function openThread(me) {
  let link = { ready: false };
  let wasOpen = false;
  let lossNotice;
  let typingEnds;
  let isDispatchOnline;
  let connections = 0;

  const isSeen = () => document.visibilityState === "visible" && view.isAtEnd;
  const unread = () => thread.messages.filter(({ seq, senderId }) => seq > receipts.ownRead && senderId !== me.userId).length;

  const receipts = new Receipts(me, () => link, () => render());
  const thread = new Thread(me.userId, () => link, arrived, (page) => receipts.takePage(page));
  const outbox = new Outbox(me, send, () => render());
  const view = new ThreadView({ act, earlier: () => thread.earlier().catch(() => {}), seen });
  const stopComposing = compose({
    send(text) {
      outbox.add(text);
      view.toEnd();
    },
    typing: (typing) => link.ready && link.ask("typing", { conversationId: me.userId, typing }).catch(() => {}),
  });

  function render() {
    const stored = thread.messages.map((message) => {
      const isOwn = message.senderId === me.userId;
      return {
        key: isOwn ? message.clientMessageId : message.messageId,
        message,
        isOwn,
        progress: isOwn ? receipts.progress(message.seq) : undefined,
        acknowledgement: receipts.acknowledgement(message.messageId),
      };
    });
    const keys = new Set(stored.map((row) => row.key));
    const waiting = outbox.items.filter((item) => !keys.has(item.clientMessageId)).map((item) => ({
      key: item.clientMessageId,
      message: { ...item, senderId: me.userId, timestamp: item.at },
      isOwn: true,
      progress: item.failure ? "failed" : "waiting",
      failure: item.failure,
    }));
    const count = unread();
    view.render([...stored, ...waiting], { hasEarlier: thread.hasEarlier, isLoaded: thread.isLoaded, unread: count });
    document.title = count === 0 ? "Dispatch" : `(${count}) Dispatch`;
  }

  function arrived(messages) {
    render();
    const theirs = messages.filter(({ senderId, seq }) => senderId !== me.userId && seq > receipts.ownRead);
    if (theirs.length > 0) {
      view.announce(theirs.at(-1));
      showTyping(false);
    }
    if (thread.newest > 0) receipts.mark(thread.newest, isSeen());
    render();
  }

  function seen() {
    if (thread.newest > 0 && isSeen()) receipts.mark(thread.newest, true);
    render();
  }

  async function send(item) {
    const { clientMessageId, content } = item;
    const { messages } = await link.ask("send_message", { clientMessageId, content });
    for (const message of messages) thread.take(message);
  }

  function act(what, message) {
    if (what === "acknowledge") receipts.acknowledge(message.messageId);
    if (what === "retry") outbox.retry(message.clientMessageId);
    if (what === "discard") outbox.discard(message.clientMessageId);
  }

  function showTyping(isTyping) {
    clearTimeout(typingEnds);
    view.showTyping(isTyping);
    if (isTyping) typingEnds = setTimeout(() => view.showTyping(false), TYPING_LIMIT_MS);
  }

  function showLink(state) {
    const isLost = state === "lost";
    const presence = isDispatchOnline === undefined ? "" : isDispatchOnline ? "Someone is at the desk" : "Nobody is at the desk right now";
    find("#presence").textContent = state === "open" ? presence : "Connecting…";
    notice(isLost ? "No connection. What you write is kept and sent when you are back." : "");
  }

  const handlers = {
    session() {
      wasOpen = true;
      clearTimeout(lossNotice);
      lossNotice = undefined;
      showLink("open");
      thread.catchUp();
      receipts.connected();
      // What was received, read and acknowledged meanwhile; a thread that isn't loaded yet reads it with its messages.
      if (thread.isLoaded) api.history(me.userId).then((page) => receipts.takePage(page), () => {});
      outbox.flush();
      isDispatchOnline = undefined;
      connections += 1;
      const asked = connections;
      api.conversation(me.userId).then((conversation) => {
        if (!conversation || asked !== connections) return;
        // A notice that came since the question is newer than the answer.
        isDispatchOnline ??= conversation.online;
        receipts.readUpTo(conversation.readSeq);
        if (link.ready) showLink("open");
      }, () => {});
    },
    event(name, data) {
      if (name === "new_message") thread.take(data);
      if (name === "head") thread.compare(data.cursor);
      if (name === "receipt") receipts.take(data);
      if (name === "typing" && data.userId === "dispatch") showTyping(data.typing);
      if (name === "presence" && data.userId === "dispatch") {
        isDispatchOnline = data.online;
        showLink("open");
      }
    },
    lost() {
      showTyping(false);
      lossNotice ??= setTimeout(() => showLink("lost"), wasOpen ? LOSS_NOTICE_MS : 2 * LOSS_NOTICE_MS);
    },
    signedOut: ended,
    forbidden: () => api.me().then(enter, ended),
  };

  find("#who").textContent = `Signed in as ${plain(me.name ?? me.userId)}`;
  find("#thread").hidden = false;
  document.addEventListener("visibilitychange", seen);
  showLink("connecting");
  render();
  link = new Link(handlers);

  return {
    waiting: () => outbox.items.length,
    close() {
      link.close();
      outbox.close();
      receipts.close();
      view.close();
      stopComposing();
      clearTimeout(lossNotice);
      clearTimeout(typingEnds);
      document.removeEventListener("visibilitychange", seen);
      document.title = "Dispatch";
    },
  };
}
