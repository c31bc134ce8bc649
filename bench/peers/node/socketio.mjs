// Messaging as it is commonly built: the official Socket.IO server, one process, rooms per tenant,
// team and user. It verifies the token and numbers messages within a conversation. In its favour it
// stores nothing, limits nobody, and shows no presence.

import jwt from 'jsonwebtoken';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const messaging = new Server(server).of('/messaging');

/** The newest `seq` of each conversation, by tenant and driver. */
const newest = new Map();
let cursor = 0;

messaging.use((socket, next) => {
  try {
    const { token } = socket.handshake.auth;
    socket.data = jwt.verify(token, process.env.JWT_SECRET, { algorithms: ['HS256'] });
    next();
  } catch {
    next(new Error('unauthorized'));
  }
});

messaging.on('connection', (socket) => {
  const { sub, tenantId, role, exp } = socket.data;
  const dispatches = role !== 'driver';
  const team = `tenant:${tenantId}:dispatch`;
  const room = (user) => `tenant:${tenantId}:user:${user}`;
  socket.join([`tenant:${tenantId}`, room(sub)]);
  if (dispatches) socket.join(team);

  socket.on('send_message', (request, acknowledge) => {
    const driver = dispatches ? request.recipientId : sub;
    const conversation = `${tenantId}:${driver}`;
    const seq = (newest.get(conversation) ?? 0) + 1;
    newest.set(conversation, seq);
    const message = {
      messageId: randomUUID(),
      conversationId: driver,
      seq,
      cursor: `${tenantId}-${++cursor}`,
      senderId: sub,
      senderRole: role,
      recipientId: dispatches ? driver : 'dispatch',
      content: request.content,
      priority: request.priority ?? 'normal',
      requiresAck: request.requiresAck ?? false,
      timestamp: new Date().toISOString(),
      clientMessageId: request.clientMessageId,
    };
    socket.to([team, room(driver)]).emit('new_message', message);
    acknowledge({ ok: true, messages: [message], duplicate: false });
  });

  const expiresAt = new Date(exp * 1000).toISOString();
  socket.emit('session', { userId: sub, tenantId, role, cursor: `${tenantId}-${cursor}`, expiresAt });
});

server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
