// The HTTP server that the page with the emulator comes from, on this machine only. It serves the
// page, the emulator, its assets and the Memory Stick to begin with, and nothing else.

import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pack } from '../page/pack.js';
import { assets, core, filesIn, here } from './packages.js';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

// A page gets shared memory, and with it threads, only with these.
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** What of PPSSPP's assets a program without PPSSPP's own menus does not read. */
const UNUSED = /^(debugger|lang|mime|themes)\//;

/**
 * @param {[string, Uint8Array][]} stick paths on the Memory Stick and what is there
 * @param {number} port 0 for any
 * @returns {Promise<http.Server>} listening on 127.0.0.1
 */
export async function servePage(stick, port = 0) {
  const folders = { '/core/': core, '/page/': path.join(here, 'page') };
  const server = http.createServer((request, response) => {
    const send = (type, pieces) => {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      response.writeHead(200, { ...HEADERS, 'Content-Type': type, 'Content-Length': length });
      pieces.forEach((piece) => response.write(piece));
      response.end();
    };
    const name = request.url === '/' ? '/page/index.html' : request.url;
    if (name === '/stick') return send('application/octet-stream', pack(stick));
    if (name === '/assets') {
      const wanted = filesIn(assets).filter((file) => !UNUSED.test(file));
      const read = (file) => [file, fs.readFileSync(path.join(assets, file))];
      return send('application/octet-stream', pack(wanted.map(read)));
    }
    // One folder and a plain name: there is no way out of it.
    const [, folder, file] = /^(\/\w+\/)([\w-]+\.\w+)$/.exec(name) ?? [];
    const found = folder in folders && path.join(folders[folder], file);
    if (!found || !fs.existsSync(found)) {
      response.writeHead(404, HEADERS);
      return response.end();
    }
    return send(TYPES[path.extname(found)] ?? 'application/octet-stream', [fs.readFileSync(found)]);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
