// The runner itself, with psp/eboot/src/bin/probe.rs, which does what it is told to.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { install, load, target } from '../runner/packages.js';
import { eboot } from '../runner/programs.js';
import { seconds, start } from '../runner/psp.js';

/** A PSP that does what `order` says. */
async function startProbe(t, order, options = {}) {
  const psp = await start({ eboot: eboot('probe'), files: { 'probe.txt': order }, ...options });
  t.after(() => psp.stop().catch(() => {}));
  return psp;
}

test('a program that leaves has ended well', async (t) => {
  const psp = await startProbe(t, 'leave');
  await psp.waitFor(/^RESULT PASS/);
  await psp.exit();
  await psp.stop();
});

test('waiting for what never comes fails when the program leaves', async (t) => {
  const psp = await startProbe(t, 'leave');
  await assert.rejects(psp.waitFor(/^the moon$/), /left, without a line like \/\^the moon\$\//);
});

test('waiting for what never comes fails after its frames', async (t) => {
  const psp = await startProbe(t, 'buttons');
  await assert.rejects(psp.waitFor(/^the moon$/, 30), /30 frames without/);
});

test('a panic fails everything, with its message', async (t) => {
  const psp = await startProbe(t, 'panic');
  await assert.rejects(psp.waitFor(/^the moon$/), /PANIC.*\n.*\n.*\n.*as it was told to/);
  await assert.rejects(psp.files(), /PANIC/);
  await assert.rejects(psp.stop(), /PANIC/);
});

test('RESULT FAIL fails everything', async (t) => {
  const psp = await startProbe(t, 'nonsense');
  await assert.rejects(psp.exit(), /RESULT FAIL nobody knows "nonsense"/);
  await assert.rejects(psp.stop(), /RESULT FAIL/);
});

test('reading memory that is not there fails everything', async (t) => {
  const psp = await startProbe(t, 'wild');
  await assert.rejects(psp.waitFor(/^RESULT/), /Invalid access at 00000010/);
});

test('a screenshot is what the PSP draws, pixel by pixel', async (t) => {
  await install();
  const { PNG } = load('pngjs');
  const psp = await startProbe(t, 'bars');
  await psp.waitFor(/^shown: bars/);
  await psp.frames(2);
  const file = path.join(target, 'screenshots/bars.png');
  await psp.screenshot(file);
  const { width, height, data } = PNG.sync.read(fs.readFileSync(file));
  assert.deepEqual([width, height], [480, 272]);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      const level = 255 - Math.floor(y / 2);
      const bar = Math.floor((x * 8) / 480);
      const expected = [0, 1, 2].map((bit) => ((bar >> bit) & 1 ? level : 0));
      assert.deepEqual([...data.subarray(at, at + 3)], expected, `at ${x}, ${y}`);
    }
  }
  await psp.press('cross');
  await psp.exit();
});

test('every button that is pressed is the one that goes down, once', async (t) => {
  const buttons = {
    up: 'UP',
    down: 'DOWN',
    left: 'LEFT',
    right: 'RIGHT',
    triangle: 'TRIANGLE',
    circle: 'CIRCLE',
    square: 'SQUARE',
    l: 'LTRIGGER',
    r: 'RTRIGGER',
    start: 'START',
    select: 'SELECT',
    cross: 'CROSS',
  };
  const psp = await startProbe(t, 'buttons');
  await psp.waitFor(/^ready/);
  for (const button of Object.keys(buttons)) await psp.press(button);
  await psp.exit();
  const down = psp.lines.map(({ text }) => /^down: CtrlButtons\((\w+)\)$/.exec(text)?.[1]);
  assert.deepEqual(down.filter(Boolean), Object.values(buttons));
});

test('what is written to the Memory Stick is there to be read', async (t) => {
  const psp = await startProbe(t, 'buttons');
  await psp.waitFor(/^ready/);
  await psp.writeFile('seen.txt', 'grüße');
  assert.equal((await psp.readFile('seen.txt')).toString(), 'grüße');
  assert.equal((await psp.readFile('/PSP/GAME/TESTCARD/probe.txt')).toString(), 'buttons');
  const paths = (await psp.files()).map(({ path: at, size }) => `${at} ${size}`);
  assert.ok(paths.includes('PSP/GAME/TESTCARD/seen.txt 7'), paths.join());
});

/** A server that does `answer` with who asks it something. Returns its port. */
async function answering(t, answer) {
  const server = net.createServer((tcp) => {
    tcp.on('error', () => {});
    tcp.once('data', () => answer(tcp));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return server.address().port;
}

test('a megabyte reaches the PSP as it was sent', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) ^ (i >> 8)));
  const sum = bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 0);
  const port = await answering(t, (tcp) => tcp.end(bytes));
  const psp = await startProbe(t, `read ${port} ${bytes.length}`, { ports: [port] });
  await psp.waitFor(/^paused/);
  await psp.press('cross');
  await psp.waitFor(new RegExp(`^read: ${bytes.length} sum ${sum} end 0$`));
});

test('a PSP that does not read stops its server, and starts it again', async (t) => {
  const piece = Buffer.alloc(1 << 16);
  const pieces = 256; // 16 MiB, more than the systems at both ends take by themselves
  let sent = 0;
  const port = await answering(t, (tcp) => {
    const write = () => {
      for (; sent < pieces; sent += 1) if (!tcp.write(piece)) return void (sent += 1);
      tcp.end();
    };
    tcp.on('drain', write);
    write();
  });
  const psp = await startProbe(t, `read ${port} 100000`, { ports: [port] });
  await psp.waitFor(/^paused/);
  // The longest that a second could bring is much less than what is missing.
  await psp.frames(seconds(1));
  const before = sent;
  await psp.frames(seconds(3));
  assert.equal(sent, before);
  assert.ok(sent < pieces);
  await psp.press('cross');
  await psp.waitFor(new RegExp(`^read: ${piece.length * pieces} .* end 0$`), seconds(120));
});

test('a port where nobody listens refuses the PSP', async (t) => {
  const psp = await startProbe(t, 'read 1 1', { ports: [1] });
  await psp.waitFor(/^(refused: 111|read: 0 sum 0 end 111)$/);
});

test('a connection that is reset is reset for the PSP', async (t) => {
  const port = await answering(t, (tcp) => tcp.resetAndDestroy());
  const psp = await startProbe(t, `read ${port} 1`, { ports: [port] });
  await psp.waitFor(/^read: 0 sum 0 end 104$/);
});
