// Sound: what the PSP decodes and plays of films of every rate, against what ffmpeg says of the same
// films. psp/eboot/src/checks/sound.rs does the PSP's part.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { here, target } from '../runner/packages.js';
import { eboot } from '../runner/programs.js';
import { seconds, start } from '../runner/psp.js';

const films = path.join(target, 'sound/films');
const references = path.join(target, 'sound/references');

/** Where the PSP starts to play, in seconds; checks/sound.rs has the same. */
const TARGET = 1.234;

const FRAME_BYTES = 4;

before(() => {
  fs.rmSync(path.join(target, 'sound'), { recursive: true, force: true });
  execFileSync(path.join(here, 'sound-films.sh'), [films, references]);
});

const names = () => fs.readdirSync(references).map((file) => path.basename(file, '.pcm'));

/** The frame that ffmpeg decodes for that second of a film. */
function frameAt(time, name) {
  // ADTS has no edit list, and SBR doubles the rate.
  if (name === 'sbr-22050') return Math.round(time * 44100);
  // The encoder puts one access unit before the first frame.
  return Math.round(time * Number(name.split('-')[1])) + 1024;
}

const reference = (name) => fs.readFileSync(path.join(references, `${name}.pcm`));

/** A PSP that does these checks with the films; `changes` to what checks.toml says about them. */
async function startChecks(t, checks, changes = {}) {
  const files = {};
  for (const name of fs.readdirSync(films)) files[name] = fs.readFileSync(path.join(films, name));
  let settings = files['checks.toml'].toString();
  for (const [key, list] of Object.entries({ checks, ...changes })) {
    const line = new RegExp(`^${key} = .*$`, 'm');
    settings = settings.replace(line, `${key} = ${JSON.stringify(list)}`);
  }
  files['checks.toml'] = settings;
  const psp = await start({ eboot: eboot('checks'), files });
  t.after(() => psp.stop().catch(() => {}));
  return psp;
}

/** Compares what the PSP left in a file with what ffmpeg has from that frame on. */
async function assertSame(psp, file, name, frame) {
  const expected = reference(name).subarray(frame * FRAME_BYTES);
  const found = await psp.readFile(file);
  const differs = expected.findIndex((byte, at) => byte !== found[at]);
  assert.equal(differs, -1, `${file} differs from frame ${Math.floor(differs / FRAME_BYTES)} on`);
  assert.equal(found.length, expected.length, `${file} has another length`);
}

test('every film is decoded bit by bit as by ffmpeg', async (t) => {
  const psp = await startChecks(t, ['sound-decoder']);
  await psp.waitFor(/^RESULT PASS/, seconds(60));
  for (const name of names()) await assertSame(psp, `${name}.mp4.pcm`, name, 0);
  await psp.stop();
});

test('what is played is the film from the target on, at its speed, without a gap', async (t) => {
  const psp = await startChecks(t, ['sound-player']);
  await psp.waitFor(/^RESULT PASS/, seconds(90));
  const nameOf = (file) => /([^/]+)\.mp4\.played\.pcm$/.exec(file.path)?.[1];
  const played = (await psp.files()).map(nameOf).filter(Boolean);
  assert.ok(played.length >= 10, `${played}`);
  for (const name of played) {
    await assertSame(psp, `${name}.mp4.played.pcm`, name, frameAt(TARGET, name));
  }
  await psp.stop();
});

// Not at 12 kHz, where PPSSPP's converter spoils every 64th frame.
for (const rate of [8000, 22050, 32000, 48000]) {
  test(`a tone of 440 Hz at ${rate} frames a second comes out as 440 Hz`, async (t) => {
    const film = `tone-${rate}.mp4`;
    const psp = await startChecks(t, ['sound-player'], { sound_play: [film] });
    const heardRate = await psp.listen();
    await psp.waitFor(/^RESULT PASS/, seconds(30));
    const hertz = pitch(await psp.heard(), heardRate);
    // PPSSPP's converter takes whole frames for each 64 of its own: up to 1 % too few.
    assert.ok(hertz > 434 && hertz < 442, `${hertz} Hz`);
    await psp.stop();
  });
}

test('the volume is heard, and so is that there is none', async (t) => {
  const psp = await startChecks(t, ['sound-volume']);
  const rate = await psp.listen();
  await psp.waitFor(/^RESULT PASS/, seconds(30));
  const heard = await psp.heard();
  await psp.stop();
  // The loudest frame of each 25 ms, from the first that is not silent on.
  const piece = Math.floor(rate / 40) * FRAME_BYTES;
  const levels = [];
  for (let at = 0; at + piece <= heard.length; at += piece) {
    let level = 0;
    for (let n = at; n < at + piece; n += 2) {
      level = Math.max(level, Math.abs(heard.readInt16LE(n)));
    }
    if (level > 0 || levels.length > 0) levels.push(level);
  }
  // Half of what is heard is at full volume; a busy machine leaves gaps anywhere.
  const sounding = levels.filter((level) => level > 0).sort((a, b) => a - b);
  const full = sounding[Math.floor(sounding.length * 0.75)];
  const isNear = (from, to) => (level) => level >= from * full && level <= to * full;
  const count = (from, to) => levels.filter(isNear(from, to)).length;
  const told = `${levels}`;
  assert.ok(full > 2000, told);
  assert.ok(count(0.9, 1.15) >= 15, told);
  assert.ok(count(0.45, 0.58) >= 15, told);
  assert.ok(levels.slice(-20).every((level) => level === 0), told);
});

test('pausing, seeking, starving and damage are survived, and others told apart', async (t) => {
  const psp = await startChecks(t, ['sound-refusals', 'sound-orders']);
  await psp.waitFor(/^RESULT PASS/, seconds(60));
  const told = psp.lines.map(({ text }) => text).join('\n');
  assert.match(told, /surround\.mp4: it has 6 channels; only one or two can be decoded/);
  assert.match(told, /dry once/);
  assert.match(told, /10 of 10 broken ones passed in silence; all broken: it is damaged/);
  await psp.stop();
});

/** The pitch of interleaved stereo in hertz, by the middle one of all its waves: gaps do not count. */
function pitch(bytes, rate) {
  const left = (at) => bytes.readInt16LE(at * FRAME_BYTES);
  const rises = [];
  for (let at = 1; at < Math.floor(bytes.length / FRAME_BYTES); at += 1) {
    const [before, after] = [left(at - 1), left(at)];
    if (before < 0 && after >= 0) rises.push(at - after / (after - before));
  }
  assert.ok(rises.length > 200, `only ${rises.length} waves were heard`);
  const waves = rises.slice(1).map((rise, n) => rise - rises[n]);
  waves.sort((a, b) => a - b);
  return rate / waves[Math.floor(waves.length / 2)];
}
