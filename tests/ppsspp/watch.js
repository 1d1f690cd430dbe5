// `just ppsspp`: the TV in PPSSPP for a person, in a window of Chromium where there is a screen,
// and at an address for any browser on this machine. Its archive is this machine's too: the films
// of the line-up, all of them a test card.

import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { KEYS } from './page/keys.js';
import { serve } from './runner/archive.js';
import { Bridge } from './runner/bridge.js';
import { install, root } from './runner/packages.js';
import { servePage } from './runner/page-server.js';
import { eboot } from './runner/programs.js';
import { GAME, launch } from './runner/psp.js';

await install();
const lineUp = path.join(root, 'core/line-up.toml');
const archive = await serve(['--line-up', lineUp, '--small-pictures']);
const settings = `base_url = "${archive.url}"\nextra_ca = "ca.der"\n`;
const page = await servePage([
  [`${GAME}/EBOOT.PBP`, fs.readFileSync(eboot())],
  [`${GAME}/testcard.toml`, Buffer.from(settings)],
  [`${GAME}/ca.der`, archive.ca.der],
]);
new Bridge(page, archive.ports);
const url = `http://127.0.0.1:${page.address().port}/#watch`;

console.log(`Testcard in PPSSPP: ${url}\n`);
for (const [key, button] of KEYS) {
  console.log(`  ${key.replace(/^(Key|Arrow)/, '').padEnd(8)}${button}`);
}
console.log('\nThe Memory Stick is empty again the next time. Ctrl-C ends this.');

const stopped = once(process, 'SIGINT');
if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY) {
  const browser = await launch({ headless: false });
  const window = await browser.newPage({ viewport: null });
  await window.goto(url);
  await Promise.race([stopped, once(window, 'close')]);
  await browser.close();
} else {
  await stopped;
}
await archive.stop();
process.exit();
