// Servers that are not to be trusted, and the sentence with which the TV turns each down. None of
// them ever sees a request.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { target } from '../runner/packages.js';
import { seconds } from '../runner/psp.js';
import { switchOn } from '../runner/television.js';

const PATIENCE = seconds(60);

async function assertRefused(psp, sentence, name) {
  await psp.waitFor(new RegExp(`^shown: \\w+: .*${sentence}`), PATIENCE);
  await psp.frames(2);
  await psp.screenshot(path.join(target, 'screenshots', `${name}.png`));
  await psp.stop();
}

test('a certificate for another host is refused', async (t) => {
  const archive = ['--certificate-name', 'example.org'];
  const {
    psp,
    archive: { exchanges },
  } = await switchOn(t, { archive });
  await assertRefused(psp, 'the certificate is for another host', 'wrong-host');
  assert.deepEqual(exchanges, []);
});

test('a certificate that has expired is refused', async (t) => {
  const {
    psp,
    archive: { exchanges },
  } = await switchOn(t, { archive: ['--certificate-expired'] });
  await assertRefused(psp, 'the certificate has expired', 'expired');
  assert.deepEqual(exchanges, []);
});

test('a certificate of an authority that nobody told the TV about is refused', async (t) => {
  const {
    psp,
    archive: { exchanges },
  } = await switchOn(t, { settings: { extra_ca: undefined } });
  await assertRefused(psp, 'the certificate was not signed by a known authority', 'unknown');
  assert.deepEqual(exchanges, []);
});

for (const [how, sentence] of [
  ['not-yet-valid', 'the certificate is not valid yet'],
  ['self-signed', 'the certificate was signed by nobody but itself'],
  ['through-leaf', 'the certificate was signed by one that is no authority'],
]) {
  test(`a certificate that is ${how} is refused`, async (t) => {
    const {
      psp,
      archive: { exchanges },
    } = await switchOn(t, { archive: [`--certificate-${how}`] });
    await assertRefused(psp, sentence, how);
    assert.deepEqual(exchanges, []);
  });
}
