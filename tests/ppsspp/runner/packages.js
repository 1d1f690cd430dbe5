// What comes from npm, in target/ppsspp. package-lock.json says which bytes that may be; npm checks
// them. PPSSPP is under the GPL: it is downloaded to run it and is no part of this repository.
//
// Of PPSSPP's package only the emulator and the files it reads are unpacked. Its dependency, a
// player for web pages of 300 MB, is replaced in package.json by a package that is here anyway.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** tests/ppsspp. */
export const here = fileURLToPath(new URL('..', import.meta.url));
/** The repository. */
export const root = path.join(here, '../..');
/** Where everything goes that is not in git. */
export const target = path.join(root, 'target/ppsspp');
/** The emulator: ppsspp_libretro.js and .wasm. */
export const core = path.join(target, 'core');
/** PPSSPP's fonts, shaders and tables. */
export const assets = path.join(target, 'assets');

const require = createRequire(path.join(target, 'package.json'));

/** A package from npm. */
export const load = (name) => require(name);

/** Paths of the files below a directory, relative to it. */
export function filesIn(directory, below = '') {
  return fs.readdirSync(path.join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(below, entry.name);
    return entry.isDirectory() ? filesIn(directory, name) : [name];
  });
}

/** Downloads and unpacks what is missing, or another version than package-lock.json names. */
export async function install() {
  const lock = fs.readFileSync(path.join(here, 'package-lock.json'));
  const done = path.join(target, 'unpacked-from.json');
  if (fs.existsSync(done) && fs.readFileSync(done).equals(lock)) return;

  fs.mkdirSync(target, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(path.join(here, file), path.join(target, file));
  }
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: target,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (npm.status !== 0) throw new Error(`npm could not install into ${target}`);

  const emulator = path.join(target, 'node_modules/@emulatorjs/core-ppsspp');
  await unpack(path.join(emulator, 'ppsspp-thread-wasm.data'), core);
  await unpack(path.join(emulator, 'ppsspp-assets.zip'), assets);
  // Last, so that what broke off half-way is done again.
  fs.writeFileSync(done, lock);
}

/** Unpacks a 7z or zip file. */
async function unpack(archive, directory) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const messages = [];
  const sevenZip = await load('7z-wasm')({ print: (line) => messages.push(line) });
  sevenZip.FS.mkdir('/to');
  sevenZip.FS.mount(sevenZip.NODEFS, { root: directory }, '/to');
  sevenZip.FS.mkdir('/from');
  sevenZip.FS.mount(sevenZip.NODEFS, { root: path.dirname(archive) }, '/from');
  const failed = sevenZip.callMain(['x', '-y', '-o/to', `/from/${path.basename(archive)}`]);
  if (failed) throw new Error(`${archive} cannot be unpacked:\n${messages.join('\n')}`);
}
