// Event streams as they are commonly built: Express, and ioredis for what other services publish.
// In its favour it checks no token, filters no role, and keeps no log to resume from.

import express from 'express';
import { Redis } from 'ioredis';

/** The open responses of each tenant. */
const streams = new Map();

const redis = new Redis(process.env.REDIS_URL);
await redis.psubscribe('tenant:*:*');
let id = 0;
redis.on('pmessage', (_pattern, channel, json) => {
  const open = streams.get(channel.split(':')[1]);
  if (open === undefined) return;
  // One frame for all of them, rather than one each.
  const frame = `id: ${++id}\nevent: ${JSON.parse(json).type}\ndata: ${json}\n\n`;
  for (const response of open) response.write(frame);
});

const app = express();
app.get('/sse/:tenant', (request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write('event: ready\ndata: {}\n\n');
  const { tenant } = request.params;
  if (!streams.has(tenant)) streams.set(tenant, new Set());
  streams.get(tenant).add(response);
  response.on('close', () => streams.get(tenant).delete(response));
});

const server = app.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
