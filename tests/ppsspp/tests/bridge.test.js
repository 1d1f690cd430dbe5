// The bridge alone, between a WebSocket and a server in this process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { before, test } from 'node:test';
import { Bridge, WINDOW } from '../runner/bridge.js';
import { install, load } from '../runner/packages.js';

const MEGABYTE = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) ^ (i >> 8)));

before(install);

/** A server that does `serve` with whoever connects, and a way to it through a bridge. */
async function bridgeTo(t, serve) {
  const server = net.createServer((tcp) => {
    tcp.on('error', () => {}); // Some tests hang up on it.
    serve(tcp);
  });
  server.listen(0, '127.0.0.1');
  const front = http.createServer().listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(front, 'listening')]);
  const { port } = server.address();
  const bridge = new Bridge(front, [port]);
  t.after(() => {
    bridge.close();
    front.close();
    server.close();
  });
  const url = `ws://127.0.0.1:${front.address().port}/tcp`;
  const connect = (to = port, options = {}) => new (load('ws'))(`${url}/${to}`, options);
  return { connect, server, port };
}

/** Reads all that comes, and says so as the page does. */
async function readAll(ws) {
  const pieces = [];
  ws.on('message', (piece) => {
    pieces.push(piece);
    ws.send(`${piece.length}`);
  });
  const [code] = await once(ws, 'close');
  return { bytes: Buffer.concat(pieces), code };
}

test('a megabyte comes through as it was sent, and its end is an end', async (t) => {
  const { connect } = await bridgeTo(t, (tcp) => tcp.end(MEGABYTE));
  const { bytes, code } = await readAll(connect());
  assert.ok(bytes.equals(MEGABYTE));
  assert.equal(code, 1000);
});

test('a megabyte goes out as it was sent', async (t) => {
  const received = [];
  const { connect, server } = await bridgeTo(t, (tcp) => tcp.on('data', (b) => received.push(b)));
  const accepted = once(server, 'connection');
  const ws = connect();
  await once(ws, 'open');
  ws.send(MEGABYTE);
  ws.close();
  const [tcp] = await accepted;
  await once(tcp, 'close');
  assert.ok(Buffer.concat(received).equals(MEGABYTE));
});

test('who does not read is sent no more than a window and a piece', async (t) => {
  const { connect, server } = await bridgeTo(t, () => {});
  const accepted = once(server, 'connection');
  const ws = connect();
  const [tcp] = await accepted;

  // The system takes some megabytes itself before it says that it is full. What stops is the
  // server.
  const sent = MEGABYTE.length * 64;
  let written = 0;
  const write = () => {
    while (written < sent && tcp.write(MEGABYTE)) written += MEGABYTE.length;
  };
  tcp.on('drain', write);
  let unread = 0;
  ws.on('message', (piece) => (unread += piece.length));
  write();
  await once(ws, 'message');
  // A question and its answer on the same connection: all that was to come before it is here.
  for (let i = 0; i < 10; i += 1) {
    ws.ping();
    await once(ws, 'pong');
  }
  assert.ok(unread >= WINDOW, `${unread} bytes came`);
  assert.ok(unread < 2 * WINDOW, `${unread} bytes came`);
  assert.ok(written < sent, 'the server could send all of it');

  // And it goes on when it is read.
  ws.send(`${unread}`);
  await once(ws, 'message');
});

test('a connection that nobody accepts is refused', async (t) => {
  const { connect, server } = await bridgeTo(t, () => {});
  server.close();
  const [error] = await once(connect(), 'error');
  assert.match(error.message, /502/);
});

test('a port that was not named is refused', async (t) => {
  const { connect } = await bridgeTo(t, () => {});
  const [error] = await once(connect(1), 'error');
  assert.match(error.message, /403/);
});

test('a page from elsewhere is refused', async (t) => {
  const { connect, port } = await bridgeTo(t, () => {});
  const [error] = await once(connect(port, { origin: 'https://archive.org' }), 'error');
  assert.match(error.message, /403/);
});

test('a reset is told from an end', async (t) => {
  const { connect } = await bridgeTo(t, (tcp) => tcp.once('data', () => tcp.resetAndDestroy()));
  const ws = connect();
  await once(ws, 'open');
  ws.send(Buffer.from('GET'));
  const { code } = await readAll(ws);
  assert.equal(code, 4000);
});

test('who hangs up is hung up on at the server', async (t) => {
  const { connect, server } = await bridgeTo(t, (tcp) => tcp.resume());
  const accepted = once(server, 'connection');
  const ws = connect();
  await once(ws, 'open');
  const [tcp] = await accepted;
  ws.terminate();
  await once(tcp, 'close');
});
