// The official Socket.IO client against the server: polling, the upgrade, WebSocket, refusals.
// Arguments: the server's address, a dispatcher's token, the token of the driver `drv-1`.
// Prints what it saw as one JSON object.

import { randomUUID } from "node:crypto";
import { io } from "socket.io-client";

const [url, dispatcher, driver] = process.argv.slice(2);
const open = (token, transports) => io(`${url}/messaging`, { auth: { token }, transports, forceNew: true, reconnection: false });
const once = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

async function connect(token, transports) {
  const socket = open(token, transports);
  const refused = once(socket, "connect_error").then((error) => Promise.reject(error));
  const session = await Promise.race([once(socket, "session"), refused]);
  return { socket, session };
}

const polling = await connect(driver, ["polling"]);
const upgraded = await connect(driver, ["polling", "websocket"]);
const websocket = await connect(dispatcher, ["websocket"]);
if (upgraded.socket.io.engine.transport.name !== "websocket") await once(upgraded.socket.io.engine, "upgrade");

const received = [once(polling.socket, "new_message"), once(upgraded.socket, "new_message")];
const message = { recipientId: "drv-1", content: "ETA? 🚚", clientMessageId: randomUUID() };
const answer = await websocket.socket.timeout(5000).emitWithAck("send_message", message);
const [byPolling, byUpgraded] = await Promise.all(received);
const again = await websocket.socket.timeout(5000).emitWithAck("send_message", message);
const bare = await websocket.socket.timeout(5000).emitWithAck("send_message");
const binary = await websocket.socket.timeout(5000).emitWithAck("send_message", Buffer.from([1, 2, 3]));
const stranger = open("nonsense", ["polling", "websocket"]);
const refusal = await once(stranger, "connect_error");

console.log(
  JSON.stringify({
    session: websocket.session,
    transport: upgraded.socket.io.engine.transport.name,
    answer,
    received: [byPolling, byUpgraded],
    duplicate: again.duplicate,
    refused: [bare.error.code, binary.error.code],
    refusal: refusal.message,
  }),
);
for (const { socket } of [polling, upgraded, websocket]) socket.close();
stranger.close();
