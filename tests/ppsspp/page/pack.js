// Many files in one body: for each the length of its path, the path, the length of its bytes, the
// bytes; lengths are u32, little end first. The runner packs, the page unpacks.

const word = (value) => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

/** The pieces of a body that holds these [path, bytes]. */
export function pack(files) {
  return files.flatMap(([path, bytes]) => {
    const name = new TextEncoder().encode(path);
    return [word(name.length), name, word(bytes.length), bytes];
  });
}

/** The [path, bytes] in a body. */
export function* unpack(buffer) {
  const view = new DataView(buffer);
  let at = 0;
  const take = () => {
    const bytes = new Uint8Array(buffer, at + 4, view.getUint32(at, true));
    at += 4 + bytes.length;
    return bytes;
  };
  while (at < buffer.byteLength) {
    const path = new TextDecoder().decode(take());
    yield [path, take().slice()];
  }
}
