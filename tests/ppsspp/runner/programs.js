// The programs that the recipes have built before anything here runs.

import path from 'node:path';
import { root } from './packages.js';

/** The EBOOT.PBP of the TV, or of another program of psp/eboot by its name. */
export function eboot(program = 'testcard') {
  const folder = path.join(root, 'target/psp');
  return path.join(folder, program === 'testcard' ? '' : program, 'EBOOT.PBP');
}

/** `testcard-sim`, which is archive.org on this machine. */
export const testcardSim = path.join(root, 'target/debug/testcard-sim');
