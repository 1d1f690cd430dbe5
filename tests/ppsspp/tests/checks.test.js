// The core on the PSP against the core on the desktop: psp/eboot/src/bin/checks.rs computes, and
// what it writes has to be, to the byte, what the desktop has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { filesIn, root } from '../runner/packages.js';
import { eboot, testcardSim } from '../runner/programs.js';
import { seconds, start } from '../runner/psp.js';

const inRepository = (...names) => path.join(root, ...names);

/** Runs one check with these files to look at, until it has passed. */
async function check(t, name, files = {}) {
  const settings = `checks = ["${name}"]\n`;
  const psp = await start({ eboot: eboot('checks'), files: { 'checks.toml': settings, ...files } });
  t.after(() => psp.stop().catch(() => {}));
  await psp.waitFor(/^RESULT PASS/, seconds(600));
  for (const { text } of psp.lines) t.diagnostic(text);
  return psp;
}

test('the schedule is the same on the PSP, for every golden vector', async (t) => {
  const psp = await check(t, 'golden-vectors');
  const golden = fs.readFileSync(inRepository('core/tests/schedule/golden.tsv'));
  assert.ok((await psp.readFile('golden.tsv')).equals(golden));
  await psp.stop();
});

test('recorded sessions give the same trace on the PSP, in virtual time', async (t) => {
  const names = fs
    .readFileSync(inRepository('psp/eboot/src/checks/sessions.txt'), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));
  const files = {};
  for (const name of names) {
    const folder = inRepository('recorded-sessions', name);
    for (const file of filesIn(folder)) {
      files[`sessions/${name}/${file}`] = fs.readFileSync(path.join(folder, file));
    }
  }
  const psp = await check(t, 'sessions', files);

  const saved = fs.mkdtempSync(path.join(os.tmpdir(), 'testcard-sessions-'));
  t.after(() => fs.rmSync(saved, { recursive: true }));
  const recorded = names.map((name) => inRepository('recorded-sessions', name));
  execFileSync(testcardSim, ['replay', '--save', saved, ...recorded]);
  for (const name of names) {
    const desktop = fs.readFileSync(path.join(saved, name, 'trace.jsonl'));
    assert.ok((await psp.readFile(`${name}.trace.jsonl`)).equals(desktop), name);
  }
  await psp.stop();
});
