// Listens to sound on its way out: blocks of interleaved stereo, signed 16 bit, go to the page.

class Tap extends AudioWorkletProcessor {
  process([[left, right = left]]) {
    if (left) {
      const block = new Int16Array(left.length * 2);
      for (let i = 0; i < left.length; i += 1) {
        block[2 * i] = Math.max(-1, Math.min(1, left[i])) * 32767;
        block[2 * i + 1] = Math.max(-1, Math.min(1, right[i])) * 32767;
      }
      this.port.postMessage(block, [block.buffer]);
    }
    return true;
  }
}

registerProcessor('tap', Tap);
