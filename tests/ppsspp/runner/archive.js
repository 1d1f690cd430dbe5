// archive.org on this machine: `testcard-sim serve`, for as long as a test takes. Films, pace and
// faults are its options; nothing of that is here.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { testcardSim } from './programs.js';

/** PEM, base64 between two lines, as the DER in it. */
function derOf(pem) {
  const [, base64] = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(pem);
  return Buffer.from(base64, 'base64');
}

/**
 * Serves with these options of `testcard-sim serve`, over TLS unless they say otherwise.
 *
 * @param {string[]} options
 */
export async function serve(options = []) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'testcard-archive-'));
  const caFile = path.join(folder, 'ca.pem');
  const all = ['serve', '--log', '--ca-out', caFile, ...options];
  const child = spawn(testcardSim, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exchanges = [];
  createInterface({ input: child.stderr }).on('line', (line) => exchanges.push(line));
  const said = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`testcard-sim ended with ${code}: ${exchanges.join('\n')}`);
  });
  ended.catch(() => {}); // It ends in the end.
  const [line] = await Promise.race([once(said, 'line'), ended]);
  const { url, nodes, films } = JSON.parse(line);
  const pem = fs.readFileSync(caFile, 'utf8');
  fs.rmSync(folder, { recursive: true });
  return {
    /** Where archive.org is, and what of it where. */
    url,
    films,
    /** The ports of the front and of its nodes. */
    ports: [url, ...nodes].map((at) => Number(new URL(at).port)),
    /** The certificate to trust. */
    ca: { pem, der: derOf(pem) },
    /** A line for every exchange so far. */
    exchanges,
    async stop() {
      const gone = ended.catch(() => {});
      child.kill();
      await gone;
    },
  };
}
