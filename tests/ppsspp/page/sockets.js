// The emulator's sockets. Emscripten makes each a WebSocket to ws://ADDRESS:PORT and puts all that
// arrives into a queue without an end, from which recv() takes. Here such a WebSocket goes to the
// bridge instead (runner/bridge.js), and the bridge is told what recv() took, so that it sends no
// more than a window beyond that. A connection that was refused or reset says so to recv() once all
// is read; without this it would be one that just ended.

const RESET = 4000; // runner/bridge.js
// Of WASI, which Emscripten's libc takes its numbers from.
const EAGAIN = 6;
const ECONNREFUSED = 14;
const ECONNRESET = 15;

/** What the emulator uses of a WebSocket, over one to the bridge. */
class PspSocket extends WebSocket {
  static fileSystem; // The emulator's; set before it runs.
  #taken = 0;
  /** What recv() says when there is nothing to read: 0 is an end, which has to be known first. */
  #error = EAGAIN;

  constructor(url, protocols) {
    const { hostname, port } = new URL(url);
    // Only this machine is there. Elsewhere nobody answers.
    super(
      `ws://${location.host}/${hostname === '127.0.0.1' ? 'tcp' : 'nowhere'}/${port}`,
      protocols,
    );
    let refused = true;
    this.addEventListener('open', () => (refused = false));
    this.addEventListener('close', ({ code }) => {
      this.#error = refused ? ECONNREFUSED : code === RESET ? ECONNRESET : 0;
    });
    // The emulator's socket is known only by its WebSocket, which it gets when this returns.
    queueMicrotask(() => this.#watchQueue());
  }

  #watchQueue() {
    const { streams, ErrnoError } = PspSocket.fileSystem;
    const isMine = ({ socket }) => socket === this;
    const queue = streams
      .map((stream) => stream?.node?.sock)
      .find((sock) => sock && Object.values(sock.peers).some(isMine))?.recv_queue;
    if (!queue) return; // It was closed as soon as it was opened.

    // recv() takes the first piece, and puts back what of it did not fit.
    queue.shift = () => {
      if (queue.length === 0 && this.#error) throw new ErrnoError(this.#error);
      const piece = Array.prototype.shift.call(queue);
      if (piece) this.#take(piece.data.length);
      return piece;
    };
    queue.unshift = (piece) => {
      this.#take(-piece.data.length);
      return Array.prototype.unshift.call(queue, piece);
    };
  }

  #take(bytes) {
    if (this.#taken === 0) {
      queueMicrotask(() => {
        if (this.#taken > 0 && this.readyState === WebSocket.OPEN) this.send(`${this.#taken}`);
        this.#taken = 0;
      });
    }
    this.#taken += bytes;
  }
}

export function install(fileSystem) {
  PspSocket.fileSystem = fileSystem;
  globalThis.WebSocket = PspSocket;
}
