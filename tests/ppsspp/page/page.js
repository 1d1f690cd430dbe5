// Runs the emulator in this page. What the runner may ask of it is in `window.psp`; what it has to
// say goes to the browser's console, a line with a tag each, and to `window.onPspFrame`.

import { KEYS } from './keys.js';
import { unpack } from './pack.js';
import * as sockets from './sockets.js';

/** Where the libretro core has its Memory Stick. */
const STICK = '/data/saves/PPSSPP';
const GAME_EBOOT = 'PSP/GAME/TESTCARD/EBOOT.PBP';
const CONFIG = '/home/web_user/.config/retroarch/retroarch.cfg';
const SCREENSHOT = '/screenshot.png';

// Nothing of RetroArch's own on the picture, and pictures of what the PSP drew.
const RETROARCH = {
  audio_latency: 64,
  libretro_log_level: 1,
  log_verbosity: true,
  menu_enable_widgets: false,
  savefile_directory: '/data/saves',
  screenshot_directory: '/',
  system_directory: '/',
  video_font_enable: false,
  video_gpu_screenshot: false,
  video_smooth: false,
  video_vsync: true,
};

const PPSSPP = {
  ppsspp_cropto16x9: 'disabled',
  ppsspp_enable_wlan: 'enabled',
  ppsspp_internal_resolution: '480x272',
  ppsspp_language: 'English',
  ppsspp_memstick_inserted: 'enabled',
};

const canvas = document.getElementById('canvas');
let emulator;
let tap;

const settings = (table) =>
  Object.entries(table)
    .map(([key, value]) => `${key} = "${value}"\n`)
    .join('');

function write(path, bytes) {
  emulator.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
  emulator.FS.writeFile(path, bytes);
}

async function unpackFrom(url, directory) {
  const packed = await (await fetch(url)).arrayBuffer();
  for (const [path, bytes] of unpack(packed)) write(`${directory}/${path}`, bytes);
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function toBase64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}

/** Tells of every picture that the emulator has finished since. */
function watchFrames() {
  let seen = -1;
  const look = () => {
    const frames = emulator._get_current_frame_count();
    if (frames !== seen) window.onPspFrame?.((seen = frames));
    requestAnimationFrame(look);
  };
  look();
}

window.psp = {
  /** Starts the program at `eboot`, a path on the Memory Stick. */
  async start(eboot, options = {}) {
    if (!crossOriginIsolated) throw new Error('the page is not isolated, so it has no threads');
    emulator = await EJS_Runtime({
      canvas,
      noInitialRun: true,
      arguments: [],
      preRun: [],
      postRun: [],
      totalDependencies: 0,
      parent: document.getElementById('screen'),
      callbacks: {
        setupCoreSettingFile: (path) => write(path, settings({ ...PPSSPP, ...options })),
      },
      print: (line) => console.log(`[out] ${line}`),
      printErr: (line) => console.log(`[err] ${line}`),
      locateFile: (file) => `/core/${file}`,
      getSavExt: () => '.srm',
    });
    sockets.install(emulator.FS);
    write(CONFIG, settings(RETROARCH));
    await unpackFrom('/assets', '/PPSSPP');
    await unpackFrom('/stick', STICK);
    emulator.callMain([`${STICK}/${eboot}`]);
    emulator._ejs_set_keyboard_enabled(0); // Keys are ours.
    emulator.resumeMainLoop();
    watchFrames();
  },

  /** A button of libretro's pad goes down (1) or up (0). */
  button: (id, down) => emulator._simulate_input(0, id, down),

  files() {
    const { FS } = emulator;
    const walk = (directory) =>
      FS.readdir(directory)
        .filter((name) => name !== '.' && name !== '..')
        .flatMap((name) => {
          const path = `${directory}/${name}`;
          const { mode, size } = FS.stat(path);
          if (FS.isDir(mode)) return walk(path);
          return [{ path: path.slice(STICK.length + 1), size }];
        });
    return walk(STICK);
  },

  read(path) {
    return toBase64(emulator.FS.readFile(`${STICK}/${path}`));
  },

  write: (path, base64) => write(`${STICK}/${path}`, fromBase64(base64)),

  /** A PNG of the picture that the PSP shows, in its own size. There after some frames. */
  orderScreenshot() {
    if (emulator.FS.analyzePath(SCREENSHOT).exists) emulator.FS.unlink(SCREENSHOT);
    emulator._cmd_take_screenshot();
  },

  /** The ordered screenshot, or null as long as it is not complete. */
  screenshot() {
    if (!emulator.FS.analyzePath(SCREENSHOT).exists) return null;
    const bytes = emulator.FS.readFile(SCREENSHOT);
    const end = String.fromCharCode(...bytes.subarray(-8, -4));
    return end === 'IEND' ? toBase64(bytes) : null;
  },

  /** From here on listens to what comes out of the emulator. Returns samples a second. */
  async listen() {
    const { audioCtx, gain } = emulator.AL.currentCtx;
    await audioCtx.audioWorklet.addModule('/page/tap.js');
    const node = new AudioWorkletNode(audioCtx, 'tap', { channelCount: 2 });
    tap = [];
    node.port.onmessage = ({ data }) => tap.push(data);
    gain.connect(node).connect(audioCtx.destination);
    return audioCtx.sampleRate;
  },

  /** What was heard since `listen`: interleaved stereo, signed 16 bit. */
  heard() {
    const blocks = tap.map((block) => new Uint8Array(block.buffer));
    const all = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      all.set(block, at);
      at += block.length;
    }
    return toBase64(all);
  },
};

/** For a person: larger, with the keyboard, and begun by a click, or there is no sound. */
function watch() {
  const screen = document.getElementById('screen');
  const invitation = document.getElementById('invitation');
  screen.className = 'watched';
  const ids = Object.fromEntries(KEYS.map(([key, , id]) => [key, id]));
  const press = (event, down) => {
    if (!emulator || ids[event.code] === undefined) return;
    event.preventDefault();
    if (!event.repeat) window.psp.button(ids[event.code], down);
  };
  addEventListener('keydown', (event) => press(event, 1));
  addEventListener('keyup', (event) => press(event, 0));
  invitation.hidden = false;
  invitation.onclick = () => {
    invitation.hidden = true;
    window.psp.start(GAME_EBOOT).catch((error) => {
      invitation.textContent = `It does not start: ${error.message}`;
      invitation.hidden = false;
    });
  };
}

if (location.hash === '#watch') watch();
