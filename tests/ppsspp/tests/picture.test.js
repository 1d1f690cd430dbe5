// The picture: what the PSP decodes of the project's clip, against what ffmpeg says of it.
// psp/eboot/src/checks/picture.rs does the PSP's part.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../runner/packages.js';
import { eboot } from '../runner/programs.js';
import { seconds, start } from '../runner/psp.js';

const CLIP = 'testcard-480x272.mp4';
const file = path.join(root, 'recorded-sessions/clips', CLIP);

/** A PSP that does these checks, with the clip beside it. */
async function startChecks(t, checks) {
  const settings = `checks = ${JSON.stringify(checks)}\npicture_film = ["${CLIP}"]\n`;
  const files = { 'checks.toml': settings, [CLIP]: fs.readFileSync(file) };
  const psp = await start({ eboot: eboot('checks'), files });
  t.after(() => psp.stop().catch(() => {}));
  return psp;
}

/** What ffmpeg has for the picture of that number: rows of red, green, blue and 255. */
function reference(number) {
  const frame = ['-vf', `select=eq(n\\,${number})`, '-frames:v', '1'];
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-'];
  return execFileSync('ffmpeg', ['-v', 'error', '-i', file, ...frame, ...raw]);
}

/** Peak signal-to-noise ratio of the colours of two pictures, in decibels. */
function psnr(one, other) {
  let sum = 0;
  for (let at = 0; at < one.length; at += 1) {
    if (at % 4 !== 3) sum += (one[at] - other[at]) ** 2;
  }
  return 10 * Math.log10(255 ** 2 / (sum / (one.length * 0.75)));
}

test('pictures come in their order and at their times, after seeks and damage too', async (t) => {
  const psp = await startChecks(t, ['picture-film']);
  await psp.waitFor(/^RESULT PASS/, seconds(120));
  // The first one, a B picture, and one after some seconds.
  for (const number of [0, 46, 359]) {
    const [found, expected] = [await psp.readFile(`picture-${number}.rgba`), reference(number)];
    assert.equal(found.length, expected.length, `picture ${number} has another size`);
    // They make red, green and blue in other ways: 48 dB. The next picture is 23 dB like this one.
    const likeness = psnr(found, expected);
    assert.ok(likeness > 45, `picture ${number} is ${likeness} dB like ffmpeg's`);
  }
  await psp.stop();
});

test('what does not fit is refused in words, and what is smaller is shown', async (t) => {
  const psp = await startChecks(t, ['picture-refusals', 'picture-sizes']);
  await psp.waitFor(/^RESULT PASS/, seconds(60));
  await psp.stop();
});
