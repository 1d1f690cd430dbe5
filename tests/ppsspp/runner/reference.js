// What ffmpeg hears in a film, to compare with.
//
// An AAC decoder remembers: one block that overlaps the next, and where its random numbers are that
// stand for noise. So to hear the same from somewhere in a film on, it has to begin at the same
// access unit, which is where core's player begins.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { serve } from './archive.js';

/** Frames of sound in an access unit. */
const UNIT_FRAMES = 1024;

/** Access units before the film's first sound: what the encoder puts there. */
const PRIMING_UNITS = 1;

/** How long before the target decoding begins: SOUND_RUN_IN of core/src/playback. */
const RUN_IN_SECONDS = 0.13;

/** Room for a film's sound, packed or not. */
const BYTES_MAX = 256 * 1024 * 1024;

/**
 * The sound of a film of `testcard-sim serve` from a second on that a player aims at, to the film's
 * end or a little later than `seconds` after: interleaved stereo, signed 16 bit, little end first.
 *
 * @param {string} film as `--film` has it
 */
export async function soundOf(film, { at, hertz, seconds }) {
  const units = accessUnits(await adtsOf(film));
  const begins = Math.floor(((at - RUN_IN_SECONDS) * hertz) / UNIT_FRAMES) + PRIMING_UNITS;
  const ends = begins + Math.ceil(((seconds + 1) * hertz) / UNIT_FRAMES);
  const pcm = ffmpeg(['-f', 'aac', '-i', '-', '-f', 's16le', '-ac', '2', '-'], {
    input: Buffer.concat(units.slice(begins, ends)),
  });
  const first = Math.round(at * hertz) - (begins - PRIMING_UNITS) * UNIT_FRAMES;
  return pcm.subarray(first * 4);
}

function ffmpeg(how, options) {
  const quiet = ['-v', 'error', ...(options.input ? [] : ['-nostdin'])];
  return execFileSync('ffmpeg', [...quiet, ...how], { maxBuffer: BYTES_MAX, ...options });
}

/** The film's access units, each with a header that says how long it is. */
async function adtsOf(film) {
  const archive = await serve(['--film', film]);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'testcard-film-'));
  try {
    const file = path.join(folder, 'film.mp4');
    const request = https.get(archive.films[0].direct, { ca: archive.ca.pem });
    const [response] = await once(request, 'response');
    await pipeline(response, fs.createWriteStream(file));
    return ffmpeg(['-i', file, '-vn', '-c:a', 'copy', '-f', 'adts', '-'], {});
  } finally {
    fs.rmSync(folder, { recursive: true });
    await archive.stop();
  }
}

/** The pieces of an ADTS stream (ISO/IEC 13818-7 §6.2): 13 bits of each header are its length. */
function accessUnits(adts) {
  const units = [];
  for (let from = 0; from < adts.length;) {
    const length = ((adts.readUInt32BE(from + 2) >> 5) & 0x1fff) >>> 0;
    units.push(adts.subarray(from, from + length));
    from += length;
  }
  return units;
}
