// Makes HE-AAC of AAC-LC as far as a decoder's output is concerned: each access unit of the ADTS
// stream on standard input gets an extension_payload of the type EXT_SBR_DATA without a header in it
// (ISO/IEC 14496-3 §4.4.2.7 and §4.5.2.8), so that a decoder that knows SBR doubles the rate and adds
// no treble. There is no free encoder for the real thing.

import fs from 'node:fs';

const HEADER = 7;
const stream = fs.readFileSync(0);
for (let at = 0; at + HEADER <= stream.length; ) {
  const length = ((stream[at + 3] & 3) << 11) | (stream[at + 4] << 3) | (stream[at + 5] >> 5);
  const unit = stream.subarray(at + HEADER, at + length);
  const bits = [...unit].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const end = bits.lastIndexOf('111'); // ID_END, and zeros up to a whole byte.
  if (end + 3 !== bits.lastIndexOf('1') + 1) throw new Error('an access unit without an end');
  // ID_FIL, one byte: EXT_SBR_DATA and bs_header_flag 0; ID_END.
  let longer = `${bits.slice(0, end)}110${'0001'}${'1101'}${'0000'}111`;
  longer = longer.padEnd(Math.ceil(longer.length / 8) * 8, '0');
  const bytes = Buffer.from(longer.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const header = Buffer.from(stream.subarray(at, at + HEADER));
  const size = HEADER + bytes.length;
  header[3] = (header[3] & ~3) | (size >> 11);
  header[4] = (size >> 3) & 0xff;
  header[5] = (header[5] & 0x1f) | ((size & 7) << 5);
  process.stdout.write(header);
  process.stdout.write(bytes);
  at += length;
}
