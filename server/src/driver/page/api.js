// The server over HTTP. The tokens are in cookies that this page can't read.

/** The server answered no: `status`, and `code`, a stable word. */
export class Refused extends Error {
  constructor(status, code, detail) {
    super(detail ?? code);
    this.status = status;
    this.code = code;
  }
}

/** No answer came. */
export class Unreachable extends Error {}

const LIMIT_MS = 15_000;

async function call(method, path, body) {
  const request = { method, signal: AbortSignal.timeout(LIMIT_MS), cache: "no-store" };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { "Content-Type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(path, request);
    if (answer.status === 204) return null;
    if (answer.ok) return await answer.json();
  } catch (error) {
    throw new Unreachable(String(error));
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.code ?? "unknown", problem.detail ?? problem.title);
}

/** Reads `path`, with a new access token where the old one has ended. */
async function read(path) {
  try {
    return await call("GET", path);
  } catch (error) {
    if (error.status !== 401) throw error;
    await refresh();
    return call("GET", path);
  }
}

/** Signs in and returns who that is. `tenant` may be empty. */
export const signIn = (email, password, tenant) =>
  call("POST", "/auth/login", { email, password, ...(tenant && { tenant }) });

/** Ends the session. */
export const signOut = () => call("POST", "/auth/logout");

/** Who is signed in. */
export const me = () => read("/auth/me");

/**
 * Exchanges the refresh token. A token that is used twice ends the session, so tabs do it one after the other: the second
 * one sends what the first one was given.
 */
export function refresh() {
  const exchange = () => call("POST", "/auth/refresh");
  return navigator.locks ? navigator.locks.request("sally.driver.refresh", exchange) : exchange();
}

/** The driver's conversation in the list, or `undefined` while it has no message. */
export async function conversation(id) {
  const { conversations } = await read("/api/conversations");
  return conversations.find((one) => one.conversationId === id);
}

/** `{messages, more, receipts}`: the newest, or those before `beforeSeq`, ascending. */
export function history(id, beforeSeq) {
  const before = beforeSeq === undefined ? "" : `?beforeSeq=${beforeSeq}`;
  return read(`/api/conversations/${encodeURIComponent(id)}/messages${before}`);
}
