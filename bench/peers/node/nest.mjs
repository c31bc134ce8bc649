// The same as NestJS has it: `@Sse()` over a stream of RxJS, from ioredis. NestJS writes a frame for
// each client by itself. Plain JavaScript, so the decorators are applied by hand.

import 'reflect-metadata';
import { Controller, Module, Param, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { Subject, concat, filter, map, of } from 'rxjs';

const events = new Subject();
const redis = new Redis(process.env.REDIS_URL);
await redis.psubscribe('tenant:*:*');
let id = 0;
redis.on('pmessage', (_pattern, channel, json) => {
  const data = JSON.parse(json);
  events.next({ tenant: channel.split(':')[1], message: { id: String(++id), type: data.type, data } });
});

class Streams {
  stream(tenant) {
    const live = events.pipe(
      filter((event) => event.tenant === tenant),
      map((event) => event.message),
    );
    return concat(of({ type: 'ready', data: {} }), live);
  }
}
const method = Object.getOwnPropertyDescriptor(Streams.prototype, 'stream');
Sse(':tenant')(Streams.prototype, 'stream', method);
Param('tenant')(Streams.prototype, 'stream', 0);
Controller('sse')(Streams);

class App {}
Module({ controllers: [Streams] })(App);

const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
console.log(`listening on http://127.0.0.1:${app.getHttpServer().address().port}`);
