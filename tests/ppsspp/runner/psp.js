// A PSP that runs a program, to be watched and used by tests: PPSSPP in a browser without a window.
//
// Time is counted in frames, of which a PSP shows 59.94 a second (`seconds` converts). A machine
// that is busy emulates slowly, but a program gets as much done in a frame there as anywhere. Only
// that no frame comes at all is measured in real time. Whatever is waited for is a line that the
// program printed, or a frame.
//
// When the program fails, so does everything that is asked of the PSP from then on, `stop`
// included: a panic, `RESULT FAIL`, an access or an instruction that PPSSPP calls bad, a page that
// crashed.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { KEYS } from '../page/keys.js';
import { Bridge } from './bridge.js';
import { servePage } from './page-server.js';
import { install, load, target } from './packages.js';

/** Where a program is on the Memory Stick. */
export const GAME = 'PSP/GAME/TESTCARD';

const FRAMES_PER_SECOND = 59.94;

/** The frames that a PSP shows in so many seconds. */
export const seconds = (count) => Math.ceil(count * FRAMES_PER_SECOND);

/** The buttons, as libretro numbers them. */
export const BUTTONS = Object.fromEntries(KEYS.map(([, button, id]) => [button, id]));

/** Frames for which a button is held, and then let go: enough for who looks ten times a second. */
const PRESS_FRAMES = 8;

/** Frames after which a screenshot has to be there; it takes one or two. */
const SCREENSHOT_FRAMES_MAX = 120;

/** Real seconds without a frame after which the emulator is given up. It may load for a while. */
const STALL_SECONDS = 60;

/** What a line on PPSSPP's console has to be like for the program to have failed. */
const FATAL = [
  /^\[err\] \[libretro (ERROR|WARN)\] \[(CPU|JIT|MEMMAP)\]/,
  /^\[err\] \[libretro (ERROR|WARN)\] .*\bUnknown syscall/,
  /^\[err\] (Aborted|RuntimeError|worker sent an error)/,
];

const PRINTED = /^\[err\] \[libretro INFO\] \[PRINTF\] stdout: (.*)$/;
const PANIC_GOES_ON = /^\[err\] (?!\[)(.*)$/;
const EXITED = /^\[err\] \[libretro INFO\] \[SCEKERNEL\] sceKernelExitGame/;

/** Lines of the program that an error quotes. */
const QUOTED_LINES_MAX = 25;

export class PspFailure extends Error {
  name = 'PspFailure';
}

/**
 * Starts a program.
 *
 * @param {object} options
 * @param {string} options.eboot the EBOOT.PBP
 * @param {Object<string, string | Uint8Array>} [options.files] what else is beside it
 * @param {Iterable<number>} [options.ports] of this machine that the program may connect to, at
 *   127.0.0.1; all others refuse it, and there is no other host
 * @param {Object<string, string>} [options.ppsspp] options of PPSSPP's libretro core
 * @param {string} [options.log] a file for all that the emulator says
 * @returns {Promise<Psp>} the PSP, with a frame shown
 */
export async function start({ eboot, files = {}, ports = [], ppsspp = {}, log = defaultLog() }) {
  if (!fs.existsSync(eboot)) throw new Error(`${eboot} is not there: \`just psp\` builds it`);
  await install();
  const beside = { ...files, 'EBOOT.PBP': fs.readFileSync(eboot) };
  const onStick = Object.entries(beside).map(([name, content]) => [
    `${GAME}/${name}`,
    Buffer.from(content),
  ]);
  const browser = await launch();
  const server = await servePage(onStick);
  const bridge = new Bridge(server, ports);
  const psp = new Psp(browser, log, async () => {
    bridge.close();
    server.close();
    server.closeAllConnections();
  });
  try {
    await psp.boot(`http://127.0.0.1:${server.address().port}/`, ppsspp);
  } catch (error) {
    await psp.stop().catch(() => {});
    throw error;
  }
  return psp;
}

let logs = 0;

function defaultLog() {
  logs += 1;
  return path.join(target, 'logs', `${path.basename(process.argv[1] ?? 'psp')}-${logs}.log`);
}

/** A browser for the emulator; one without a window makes no noise. */
export function launch({ headless = true } = {}) {
  return load('playwright-core').chromium.launch({
    executablePath: findChromium(),
    headless,
    args: [
      '--no-sandbox', // Root in a container has none.
      '--autoplay-policy=no-user-gesture-required',
      ...(headless ? ['--mute-audio'] : []),
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
      // A browser likes to talk to its maker.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

/** Chromium or one of its kind: $CHROMIUM, or what is installed. */
function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const name of [process.env.CHROMIUM, ...names].filter(Boolean)) {
    try {
      return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
    } catch {
      // Not this one.
    }
  }
  throw new Error(`there is no Chromium: looked for ${names.join(', ')}`);
}

export class Psp {
  /** What the program printed: the frame after which it was, and the line. */
  lines = [];

  #browser;
  #page;
  #release;
  #log;
  #frame = 0;
  #exited = false;
  #panic = '';
  #failure = null;
  #reject;
  #failing = new Promise((_, reject) => (this.#reject = reject));
  #next = 0; // The line that `waitFor` looks at next.
  #waiting = new Set();
  #stalled;

  constructor(browser, log, release) {
    this.#browser = browser;
    this.#release = release;
    fs.mkdirSync(path.dirname(log), { recursive: true });
    this.#log = fs.createWriteStream(log);
    this.#failing.catch(() => {}); // Nobody may be asking just then.
  }

  /** Called by `start`. */
  async boot(url, ppsspp) {
    this.#page = await this.#browser.newPage({ viewport: { width: 480, height: 272 } });
    this.#page.on('console', (message) => this.#hear(message.text()));
    this.#page.on('pageerror', (error) => this.#fail(`the page failed: ${error.stack ?? error}`));
    this.#page.on('crash', () => this.#fail('the page crashed'));
    await this.#page.exposeFunction('onPspFrame', (frame) => this.#see(frame));
    await this.#page.goto(url);
    this.#watchForStall();
    await this.#page.evaluate(
      ([eboot, options]) => globalThis.psp.start(eboot, options),
      [`${GAME}/EBOOT.PBP`, ppsspp],
    );
    await this.frames(1);
  }

  /** The frames shown so far. */
  get frame() {
    return this.#frame;
  }

  /** Waits until so many more frames were shown, or the program has left. */
  frames(count) {
    const until = this.#frame + count;
    const enough = () => this.#exited || this.#frame >= until || undefined;
    return this.#wait(`${count} frames`, Infinity, enough);
  }

  /**
   * The first line that matches, of those that the program printed after the last line that this
   * found, and that it prints in the next `frames`.
   *
   * @param {RegExp} pattern
   * @returns {Promise<RegExpExecArray>} what matched
   */
  waitFor(pattern, frames = seconds(60)) {
    return this.#wait(`a line like ${pattern}`, frames, () => {
      while (this.#next < this.lines.length) {
        const match = pattern.exec(this.lines[this.#next].text);
        this.#next += 1;
        if (match) return match;
      }
      return undefined;
    });
  }

  /** Waits for the program to leave, which is none of its failures. */
  exit(frames = seconds(60)) {
    return this.#wait('the end of the program', frames, () => this.#exited || undefined);
  }

  /** Presses a button of `BUTTONS` and lets go of it again. */
  async press(button, frames = PRESS_FRAMES) {
    if (!(button in BUTTONS)) throw new TypeError(`a PSP has no button ${button}`);
    const set = (down) => this.#ask('button', BUTTONS[button], down);
    await set(1);
    await this.frames(frames);
    await set(0);
    await this.frames(PRESS_FRAMES);
  }

  /** What the PSP shows, 480 × 272, as a PNG in that file. */
  async screenshot(file) {
    await this.#ask('orderScreenshot');
    let png = null;
    for (let tries = 0; tries < SCREENSHOT_FRAMES_MAX && !png; tries += 1) {
      await this.frames(1);
      png = await this.#ask('screenshot');
    }
    if (!png) throw this.#quote('there is no screenshot');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, Buffer.from(png, 'base64'));
  }

  /** A file that is beside EBOOT.PBP; with a slash in front, by its path on the Memory Stick. */
  async readFile(name) {
    return Buffer.from(await this.#ask('read', pathOf(name)), 'base64');
  }

  /** Writes such a file. */
  async writeFile(name, content) {
    await this.#ask('write', pathOf(name), Buffer.from(content).toString('base64'));
  }

  /** All files on the Memory Stick: `path` and `size`. */
  files() {
    return this.#ask('files');
  }

  /** Listens to the sound that comes out from here on. Returns samples a second. */
  listen() {
    return this.#ask('listen');
  }

  /** What was heard: interleaved stereo, signed 16 bit, little end first. */
  async heard() {
    return Buffer.from(await this.#ask('heard'), 'base64');
  }

  /** Switches off. Fails if the program did. */
  async stop() {
    clearTimeout(this.#stalled);
    // A page that hangs does not close. Its process goes when this one does.
    const patience = new Promise((resolve) => setTimeout(resolve, 10_000).unref());
    await Promise.race([this.#browser.close(), patience]);
    await this.#release();
    await new Promise((resolve) => this.#log.end(resolve));
    const failure = this.#failure;
    this.#fail('it is switched off');
    if (failure) throw failure;
  }

  #ask(what, ...values) {
    const call = ([name, list]) => globalThis.psp[name](...list);
    return Promise.race([this.#failing, this.#page.evaluate(call, [what, values])]);
  }

  /** Waits until `look` has something to say; it is asked again with every line and frame. */
  #wait(what, frames, look) {
    return new Promise((resolve, reject) => {
      const until = this.#frame + frames;
      const again = () => {
        const found = look();
        if (found !== undefined) resolve(found);
        else if (this.#failure) reject(this.#failure);
        else if (this.#exited) reject(this.#quote(`the program left, without ${what}`));
        else if (this.#frame >= until) reject(this.#quote(`${frames} frames without ${what}`));
        else return this.#waiting.add(again);
        return this.#waiting.delete(again);
      };
      again();
    });
  }

  #hear(line) {
    this.#log.write(`${this.#frame} ${line}\n`);
    const [, text] = PRINTED.exec(line) ?? (this.#panic && PANIC_GOES_ON.exec(line)) ?? [];
    if (text !== undefined) {
      this.lines.push({ frame: this.#frame, text });
      // What it panics about is in the lines after. Its last is a result; if not, the next frame
      // comes.
      if (/^PANIC/.test(text)) this.#panic = text;
      if (/^RESULT FAIL/.test(text)) this.#fail(`the program says: ${this.#panic || text}`);
    } else if (FATAL.some((pattern) => pattern.test(line))) {
      this.#fail(`PPSSPP says: ${line}`);
    }
    this.#exited ||= EXITED.test(line);
    this.#wake();
  }

  #see(frame) {
    this.#frame = frame;
    if (this.#panic) this.#fail(`the program says: ${this.#panic}`);
    this.#watchForStall();
    this.#wake();
  }

  #wake() {
    for (const again of [...this.#waiting]) again();
  }

  #watchForStall() {
    clearTimeout(this.#stalled);
    const stalled = () => this.#fail(`no frame for ${STALL_SECONDS} seconds`);
    if (!this.#exited) this.#stalled = setTimeout(stalled, STALL_SECONDS * 1000);
  }

  #fail(why) {
    this.#failure ??= this.#quote(why);
    this.#reject(this.#failure);
    this.#wake();
  }

  #quote(why) {
    const last = this.lines.slice(-QUOTED_LINES_MAX).map(({ frame, text }) => `  ${frame} ${text}`);
    const printed = last.length > 0 ? last.join('\n') : '  nothing';
    return new PspFailure(
      `${why}\nThe program printed (frame, line):\n${printed}\n${this.#log.path}`,
    );
  }
}

const pathOf = (name) => (name.startsWith('/') ? name.slice(1) : `${GAME}/${name}`);
