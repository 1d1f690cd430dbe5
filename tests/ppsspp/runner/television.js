// The TV, switched on with an archive of its own on this machine. What `testcard.toml` says unless
// a test says otherwise: two channels with a film each, seen from a moment on that is always the
// same.

import { serve } from './archive.js';
import { eboot } from './programs.js';
import { start } from './psp.js';

/** How long each film is, in seconds: 30 minutes. */
export const FILM_SECONDS = 1800;

/**
 * The film of the first channel: its moov behind everything, as few bytes as it takes, and pictures
 * that are too large for a PSP.
 */
export const FILM = `film:${FILM_SECONDS}:min:last`;

/** The film of the second channel. */
const OTHER_FILM = `other:${FILM_SECONDS}:min:last`;

const LINE_UP = `
[[channel]]
id = "test"
number = 1
name = "Test"
programme = [{ title = "Test card", item = "film", file = "film.mp4", duration = "30:00" }]

[[channel]]
id = "other"
number = 2
name = "Other"
programme = [{ title = "Another one", item = "other", file = "other.mp4", duration = "30:00" }]
`;

/** When it is there, at boot. */
const WHEN = '2026-01-01T20:42:00Z';

/** Where in the film that is: a channel of one programme repeats it from 1970 on. */
export const SCHEDULED_MS = Date.parse(WHEN) % (FILM_SECONDS * 1000);

/** TOML of a flat table: JSON's strings and numbers are TOML's too. */
const toml = (table) =>
  Object.entries(table)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');

/**
 * Switches the TV on for a test, and everything off after it.
 *
 * @param {string} [options.film] what `film` is instead, as `--film` has it
 * @param {string[]} [options.archive] of `testcard-sim serve`
 * @param {object} [options.settings] of testcard.toml; `undefined` leaves one out
 * @param {Object<string, string | Uint8Array>} [options.files] on the Memory Stick
 */
export async function switchOn(
  t,
  { film = FILM, archive: options = [], settings = {}, files = {} } = {},
) {
  const archive = await serve(['--film', film, '--film', OTHER_FILM, ...options]);
  t.after(() => archive.stop());
  const psp = await start({
    eboot: eboot(),
    ports: archive.ports,
    files: {
      'ca.der': archive.ca.der,
      'channels.toml': LINE_UP,
      'testcard.toml': toml({
        base_url: archive.url,
        extra_ca: 'ca.der',
        line_up: 'channels.toml',
        channel: 1,
        when: WHEN,
        sound_dump: 'sound.pcm',
        trace: 'trace.jsonl',
        ...settings,
      }),
      ...files,
    },
  });
  t.after(() => psp.stop().catch(() => {})); // Tests stop it themselves to see whether it failed.
  return { psp, archive };
}
