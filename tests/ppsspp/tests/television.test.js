// The TV from its first picture to half a minute of sound and to another channel, over TLS, with an
// archive that behaves and with one that does not.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { target } from '../runner/packages.js';
import { seconds } from '../runner/psp.js';
import { soundOf } from '../runner/reference.js';
import { FILM, FILM_SECONDS, SCHEDULED_MS, switchOn } from '../runner/television.js';

const SECONDS = 30;
const FRAME_BYTES = 4;
/** Longest time from switching on to sound, in emulated seconds. */
const PATIENCE = seconds(60);

const TUNED = /^tuned: (\S+) at (\d+) ms$/;

const picture = (name) => path.join(target, 'screenshots', `${name}.png`);

/**
 * Lets the TV play so many seconds of sound; what of the film that was, all samples of it, and the
 * number of the line that said that it began.
 */
async function listenTo(psp, length = SECONDS) {
  const started = /^sound: sound\.pcm frame (\d+) is at (\d+) us, (\d+) Hz$/;
  const [, first, micros, hertz] = (await psp.waitFor(started, PATIENCE)).map(Number);
  const since = psp.lines.findIndex(({ text }) => started.test(text));
  const bytes = length * hertz * FRAME_BYTES;
  const isComplete = async () => {
    const dump = (await psp.files()).find((file) => file.path.endsWith('/sound.pcm'));
    return dump.size >= first * FRAME_BYTES + bytes;
  };
  const until = psp.frame + seconds(length * 3);
  while (!(await isComplete())) {
    assert.ok(psp.frame < until, `no ${length} s of sound in three times as long`);
    await psp.frames(60);
  }
  const dump = await psp.readFile('sound.pcm');
  const heard = dump.subarray(first * FRAME_BYTES, first * FRAME_BYTES + bytes);
  return { heard, at: micros / 1e6, hertz: Number(hertz), length, since };
}

/** Fails unless what was heard is what ffmpeg decodes from there on, bit by bit. */
async function assertIsTheFilm({ heard, at, hertz, length }, film = FILM) {
  const expected = await soundOf(film, { at, hertz, seconds: length });
  if (heard.equals(expected.subarray(0, heard.length))) return;
  const differs = heard.findIndex((byte, i) => byte !== expected[i]);
  fs.writeFileSync(path.join(target, 'heard.pcm'), heard);
  fs.writeFileSync(path.join(target, 'expected.pcm'), expected);
  assert.fail(`differs from sample ${Math.floor(differs / FRAME_BYTES)} on, of ${hertz} a second`);
}

/** What the TV says of itself every ten seconds, the next time. */
async function nextReport(psp) {
  const heardBy = psp.frame;
  await psp.frames(seconds(11));
  const pattern = /^sound: (\d+) underruns, (\d+) bytes in \d+ exchanges$/;
  const said = psp.lines
    .filter(({ frame }) => frame >= heardBy)
    .map(({ text }) => pattern.exec(text))
    .find(Boolean);
  assert.ok(said, 'it says nothing about underruns');
  const [, underruns, bytes] = said.map(Number);
  return { underruns, bytes };
}

/**
 * Fails unless the sound has gone on since it began. There are two ways for it not to: the speaker
 * finds nothing to play, or the TV sees that coming and pauses everything in time, which counts as
 * no underrun.
 */
async function assertNoGap(psp, { since }) {
  const report = await nextReport(psp);
  assert.equal(report.underruns, 0);
  const starved = psp.lines.slice(since).filter(({ text }) => text.startsWith('starved: '));
  assert.deepEqual(starved, []);
  return report;
}

/** What the TV says about memory. */
function memoryIn(psp) {
  const said = psp.lines
    .map(({ text }) => /^memory: heap \d+ of (\d+) KiB, at most (\d+);/.exec(text))
    .filter(Boolean);
  assert.ok(said.length > 0, 'it says nothing about memory');
  const [, size, peak] = said.at(-1).map(Number);
  return { size, peak };
}

test('the film is heard from its second on the schedule, bit by bit, without a gap', async (t) => {
  const { psp } = await switchOn(t);
  await psp.waitFor(/^shown: tuning: /, PATIENCE);
  // What is said to be shown is drawn in the next frame or two.
  await psp.frames(6);
  await psp.screenshot(picture('tuning'));
  const aimedAt = Number((await psp.waitFor(TUNED, PATIENCE))[2]);
  const tuned = psp.frame;
  const emulated = (tuned / 59.94) * 1000;
  assert.ok(aimedAt >= SCHEDULED_MS && aimedAt <= SCHEDULED_MS + emulated, `${aimedAt} ms`);

  const sound = await listenTo(psp);
  // Time goes on while it tunes, and the schedule with it: the first sample is not from before the
  // position that was on when it began to, nor from after the one that is on when the sample is
  // played, which is before SECONDS of sound are complete. Frames are seen a little late: a second.
  const passed = (psp.frame - tuned) / 59.94 - sound.length + 1;
  const skipped = sound.at - aimedAt / 1000;
  t.diagnostic(`it took ${passed.toFixed(1)} s at most, and ${skipped.toFixed(1)} s were skipped`);
  assert.ok(skipped >= 0 && skipped <= passed, `${skipped} s skipped in ${passed} s`);
  await psp.screenshot(picture('playing'));
  await assertNoGap(psp, sound);
  const { size, peak } = memoryIn(psp);
  t.diagnostic(`the heap has ${size} KiB, and at most ${peak} KiB of it were taken`);
  await psp.stop();
  await assertIsTheFilm(sound);
  assert.ok(size - peak >= 1024, 'less than 1 MiB to spare');
});

test('what is chosen in the guide is tuned to', async (t) => {
  const { psp } = await switchOn(t);
  const [, first] = await psp.waitFor(TUNED, PATIENCE);
  assert.match(first, /\/film\/film\.mp4$/);
  await psp.waitFor(/^shown: playing:/, PATIENCE);
  await psp.press('triangle');
  await psp.screenshot(picture('guide'));
  await psp.press('down');
  await psp.press('cross');
  const [, second, aimedAt] = await psp.waitFor(TUNED, PATIENCE);
  const emulated = (psp.frame / 59.94) * 1000;
  assert.match(second, /\/other\/other\.mp4$/);
  assert.ok(aimedAt >= SCHEDULED_MS && aimedAt <= SCHEDULED_MS + emulated, `${aimedAt} ms`);
  await psp.waitFor(/^shown: playing:/, PATIENCE);
  await psp.screenshot(picture('other-channel'));
  await psp.stop();
});

test('the picture is seen in step with its sound', async (t) => {
  const { psp } = await switchOn(t, { film: `film:${FILM_SECONDS}:min:last+480x272` });
  // Nothing behind the colon: no word of why there would be no picture.
  await psp.waitFor(/^shown: playing: ?$/, PATIENCE);
  await psp.frames(seconds(15));
  await psp.screenshot(picture('picture'));
  await psp.frames(seconds(2)); // The trace is written every second.
  const trace = (await psp.readFile('trace.jsonl')).toString();
  await psp.stop();

  const events = trace.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const playing = events.findIndex(({ ev }) => ev === 'playing');
  assert.ok(playing >= 0, trace);
  const { t: startedAt, at_us: from } = events[playing];
  const pictures = events.slice(playing).filter(({ ev }) => ev === 'picture');
  const steps = pictures.slice(1).map(({ pts_us }, n) => pts_us - pictures[n].pts_us);
  const frame = Math.min(...steps);
  const span = pictures.at(-1).pts_us - pictures[0].pts_us;
  const dropped = Math.round(span / frame) + 1 - pictures.length;
  // The sound is known to have no gap, so where it is follows from the time that has passed.
  const early = pictures.map(({ t: at, pts_us }) => pts_us - from - (at - startedAt));
  const bounds = [Math.min(...early), Math.max(...early)].map((us) => Math.round(us / 1000));
  t.diagnostic(
    `${pictures.length} pictures in ${span / 1e6} s, ${dropped} dropped, ${bounds} ms early`,
  );
  assert.ok(span >= 14e6, `pictures for ${span} us only`);
  assert.ok(dropped <= pictures.length / 20, `${dropped} were dropped`);
  assert.ok(bounds[0] >= -100 && bounds[1] <= 100, `${bounds} ms`);
  assert.ok(!events.some(({ ev }) => ev === 'starved'), 'it had to wait');
});

test('a film with its index in front is heard, and read no faster than it is played', async (t) => {
  const bytes = 90e6;
  const film = `film:${FILM_SECONDS}:${bytes}:first`;
  const { psp } = await switchOn(t, { film });
  const [, index] = (await psp.waitFor(/^index: (\d+) bytes at \d+$/, PATIENCE)).map(Number);
  const sound = await listenTo(psp, 10);
  const since = psp.lines[sound.since].frame;
  const report = await assertNoGap(psp, sound);
  // The link is as fast as this machine. What may have come is the index with its first look at the
  // file, what was played, and a window full: 4 MiB and two chunks of 64 KiB, and as much again for
  // the pictures before the moment that decoding has to begin with.
  const played = ((psp.frame - since) / 59.94) * (bytes / FILM_SECONDS);
  const window = 4 * 1024 * 1024 + 4 * 64 * 1024;
  t.diagnostic(`${report.bytes} bytes came, ${Math.round(played)} were played, index ${index}`);
  await psp.stop();
  assert.ok(report.bytes <= index + played + window, `${report.bytes} bytes came`);
  await assertIsTheFilm(sound, film);
});

// Requests to nodes: 0 finds where the index is, 1 reads it, 2 begins at the moment to be shown.

test('connections that end and break half-way are not heard', async (t) => {
  const { psp } = await switchOn(t, {
    archive: ['--fault', 'node:2:close=200000', '--fault', 'node:3:reset=200000'],
  });
  const sound = await listenTo(psp);
  const failures = psp.lines.filter(({ text }) => text.startsWith('node failed: '));
  await assertNoGap(psp, sound);
  await psp.stop();
  await assertIsTheFilm(sound);
  assert.equal(failures.length, 2);
});

test('an address that has run out is left for a fresh one, and not heard', async (t) => {
  const { psp, archive } = await switchOn(t, {
    archive: ['--fault', 'node:2:status=401', '--fault', 'node:3:close=200000'],
  });
  const sound = await listenTo(psp);
  await assertNoGap(psp, sound);
  await psp.stop();
  await assertIsTheFilm(sound);
  const toNodes = archive.exchanges.map((line) => /\/items\/\S+/.exec(line)?.[0]).filter(Boolean);
  assert.ok(toNodes.length > 4, archive.exchanges.join('\n'));
  assert.equal(new Set(toNodes).size, toNodes.length, 'an address was used twice');
  assert.equal(archive.exchanges.filter((line) => line.includes('→ 401,')).length, 1);
});

test('a redirect to plain http is refused, in words', async (t) => {
  const { psp, archive } = await switchOn(t, {
    archive: ['--fault', 'download:always:redirect=http'],
  });
  await psp.waitFor(
    /^shown: failed: The archive sent us on to an address that is not secure/,
    PATIENCE,
  );
  await psp.frames(2);
  await psp.screenshot(picture('redirect-to-http'));
  await psp.stop();
  assert.ok(
    !archive.exchanges.some((line) => /\/files\//.test(line)),
    archive.exchanges.join('\n'),
  );
});
