// SHA-1 (RFC 3174). Browsers have one, but not for a page that was opened from a file.
// It is too weak for secrets today. A handshake needs no secret.

"use strict";

{
  const rotate = (word, bits) => (word << bits) | (word >>> (32 - bits));

  // Takes a Uint8Array, returns one of 20 bytes.
  function sha1(message) {
    // The message, a bit that is set, zeros up to whole blocks, its length in bits.
    const padded = new Uint8Array(((message.length + 8) >> 6 << 6) + 64);
    padded.set(message);
    padded[message.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
    view.setUint32(padded.length - 4, message.length << 3);

    const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    const words = new Int32Array(80);
    for (let block = 0; block < padded.length; block += 64) {
      let [a, b, c, d, e] = state;
      for (let t = 0; t < 80; t += 1) {
        words[t] = t < 16
          ? view.getInt32(block + 4 * t)
          : rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
        const [mixed, constant] =
          t < 20 ? [(b & c) | (~b & d), 0x5a827999]
          : t < 40 ? [b ^ c ^ d, 0x6ed9eba1]
          : t < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
          : [b ^ c ^ d, 0xca62c1d6];
        const next = (rotate(a, 5) + mixed + e + words[t] + constant) | 0;
        [a, b, c, d, e] = [next, a, rotate(b, 30), c, d];
      }
      [a, b, c, d, e].forEach((word, place) => { state[place] += word; });
      state.forEach((word, place) => { state[place] = word | 0; });
    }
    const digest = new DataView(new ArrayBuffer(20));
    state.forEach((word, place) => digest.setInt32(4 * place, word));
    return new Uint8Array(digest.buffer);
  }

  window.workbench = { ...window.workbench, sha1 };
}
