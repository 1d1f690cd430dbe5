// The way from the emulated PSP to servers on this machine. A browser gives a page no TCP, so the
// emulator makes a WebSocket of each socket, and this makes a TCP connection of each WebSocket
// again: one to /tcp/PORT is connected to that port of 127.0.0.1, if it is one of those that were
// named.
//
// What TCP promises is kept up: a connection is there when the server has accepted it and refused
// when it has not, its end is an end and its reset a reset, and no more than a window of bytes is
// on its way that the PSP has not read. A WebSocket has no such window, a browser takes all that it
// is sent. So the page tells how much was read (page/sockets.js); without that the server is not
// read either, and stops sending when the system's buffers are full. The bridge never looks into
// what it passes on.

import net from 'node:net';
import { load } from './packages.js';

/** Bytes that may be sent and not read yet: what a PSP's TCP offers. */
export const WINDOW = 64 * 1024;

/** The code of a WebSocket whose TCP connection was reset (RFC 6455 §7.4.2: private use). */
const RESET = 4000;

/** Carries WebSockets that come to an HTTP server of ours to the `ports` of this machine. */
export class Bridge {
  #ports;
  #sockets = new Set();
  #websockets = new (load('ws').WebSocketServer)({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered][0],
  });

  /**
   * @param {import('node:http').Server} http
   * @param {Iterable<number>} ports
   */
  constructor(http, ports) {
    this.#ports = new Set(ports);
    http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Hangs up on everybody. */
  close() {
    for (const socket of this.#sockets) socket.destroy();
  }

  #upgrade(request, socket, head) {
    socket.on('error', () => socket.destroy());
    const port = Number(/^\/tcp\/(\d{1,5})$/.exec(request.url)?.[1]);
    const { origin, host } = request.headers;
    // Pages of others have no business here.
    const ours = origin === undefined || origin === `http://${host}`;
    if (!ours || !this.#ports.has(port)) return refuse(socket, '403 Forbidden');

    const tcp = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.#sockets.add(tcp).add(socket);
    tcp.once('close', () => this.#sockets.delete(tcp));
    socket.once('close', () => this.#sockets.delete(socket));
    // Whoever gives up before the connection is there leaves no connection behind.
    const abandon = () => tcp.destroy();
    socket.once('close', abandon);
    const refused = () => refuse(socket, '502 Bad Gateway');
    tcp.once('error', refused);
    tcp.once('connect', () => {
      tcp.off('error', refused);
      socket.off('close', abandon);
      this.#websockets.handleUpgrade(request, socket, head, (ws) => carry(ws, tcp));
    });
  }
}

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function carry(ws, tcp) {
  let unread = 0;
  tcp.on('data', (bytes) => {
    unread += bytes.length;
    if (unread >= WINDOW) tcp.pause();
    ws.send(bytes);
  });
  ws.on('message', (message, binary) => {
    if (binary) {
      if (tcp.writable && !tcp.write(message)) {
        ws.pause();
        tcp.once('drain', () => ws.resume());
      }
    } else {
      unread -= Number(message);
      if (unread < WINDOW) tcp.resume();
    }
  });
  tcp.on('end', () => ws.close(1000));
  tcp.on('error', () => ws.close(RESET));
  ws.on('close', () => tcp.destroy());
  ws.on('error', () => tcp.destroy());
}
