// Frames of RFC 6455 as bytes: read them, write them, judge them. Nothing here knows a page.

"use strict";

{
  const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3.
  const MIB = 1024 * 1024;
  const OPCODES = {
    0x0: "continuation", 0x1: "text", 0x2: "binary", 0x8: "close", 0x9: "ping", 0xa: "pong",
  };
  const CODES = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported kind of data",
    1007: "data that does not fit its type",
    1008: "policy violation",
    1009: "message too big",
    1010: "an extension is missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
  };
  const OWN = {
    1004: "It is reserved, and has no meaning yet.",
    1005: "It is what a program tells itself where a close frame had no code.",
    1006: "It is what a program tells itself where no close frame came.",
    1015: "It is what a program tells itself where the TLS handshake failed.",
  };

  const isControl = (opcode) => opcode >= 0x8;
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const hexOpcode = (opcode) => `0x${opcode.toString(16).toUpperCase()}`;
  const number = (value) => value.toLocaleString("en");
  const count = (value, one) => `${number(value)} ${one}${BigInt(value) === 1n ? "" : "s"}`;

  // Bytes that somebody typed or pasted: { bytes }, or { error } in a sentence.
  function parseHex(text, most = Infinity) {
    // Two spaces for two characters: places stay.
    const digits = text.replace(/0x|\\x/gi, "  ").replace(/[\s,:;_-]/g, " ");
    const wrong = digits.match(/[^0-9a-f ]/iu);
    if (wrong) {
      const place = [...text.slice(0, wrong.index)].length + 1;
      return { error: `“${wrong[0]}”, character ${number(place)}, is no hexadecimal digit. Those are 0 to 9 and a to f.` };
    }
    const bytes = [];
    for (const group of digits.split(" ").filter(Boolean)) {
      if (group.length % 2) {
        return { error: `“${group.slice(-20)}” has an odd number of digits. A byte has two, so 5 is 05.` };
      }
      for (let place = 0; place < group.length; place += 2) {
        bytes.push(parseInt(group.slice(place, place + 2), 16));
      }
    }
    if (bytes.length > most) {
      return { error: `These are ${number(bytes.length)} bytes. The workbench takes ${number(most)} at most.` };
    }
    return { bytes: Uint8Array.from(bytes) };
  }

  function applyMask(bytes, mask) {
    return bytes.map((byte, place) => byte ^ mask[place % 4]);
  }

  // Section 5.2. `form` is the number of bits that hold the length: 7, 16 or 64.
  function write({ fin = true, rsv = 0, opcode = 1, mask = null, payload, form = 7 }) {
    const size = payload.length;
    const least = size <= 125 ? 7 : size < 65536 ? 16 : 64;
    form = Math.max(form, least);
    const head = [(fin << 7) | (rsv << 4) | opcode, mask ? 0x80 : 0];
    head[1] |= form === 7 ? size : form === 16 ? 126 : 127;
    for (let bits = form - 8; form > 7 && bits >= 0; bits -= 8) {
      head.push(bits > 24 ? 0 : (size >>> bits) & 0xff);
    }
    const bytes = new Uint8Array(head.length + (mask ? 4 : 0) + size);
    bytes.set(head);
    if (mask) bytes.set(mask, head.length);
    bytes.set(mask ? applyMask(payload, mask) : payload, bytes.length - size);
    return bytes;
  }

  // One frame that starts at a byte. What is `missing` of it is a BigInt: 0n if nothing is.
  // Without its whole head, nobody knows how much: then `isHeadCut`.
  function readFrame(bytes, start) {
    const [first, second] = [bytes[start], bytes[start + 1]];
    const frame = {
      start,
      fin: Boolean(first & 0x80),
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      masked: null, form: null, length: null, mask: null, wire: null, payload: null,
    };
    const rest = bytes.length - start;
    const cut = (size) => ({
      ...frame, isHeadCut: true, head: Math.min(size, rest), missing: BigInt(size - rest), end: bytes.length,
    });
    if (rest < 2) return cut(2);
    frame.masked = Boolean(second & 0x80);
    const short = second & 0x7f;
    frame.form = short < 126 ? 7 : short === 126 ? 16 : 64;
    const lengthSize = { 7: 0, 16: 2, 64: 8 }[frame.form];
    const head = 2 + lengthSize + (frame.masked ? 4 : 0);
    if (rest < 2 + lengthSize) return cut(head);
    frame.length = BigInt(short);
    if (lengthSize) {
      frame.length = 0n;
      for (const byte of bytes.subarray(start + 2, start + 2 + lengthSize)) {
        frame.length = frame.length * 256n + BigInt(byte);
      }
    }
    if (rest < head) return cut(head);
    const here = frame.length < BigInt(rest - head) ? Number(frame.length) : rest - head;
    frame.head = head;
    frame.end = start + head + here;
    frame.missing = frame.length - BigInt(here);
    if (frame.masked) frame.mask = bytes.slice(start + head - 4, start + head);
    frame.wire = bytes.slice(start + head, frame.end);
    frame.payload = frame.masked ? applyMask(frame.wire, frame.mask) : frame.wire;
    return frame;
  }

  function readAll(bytes) {
    const frames = [];
    for (let start = 0; start < bytes.length; start = frames.at(-1).end) {
      frames.push(readFrame(bytes, start));
    }
    return frames;
  }

  // Where UTF-8 ends to be UTF-8 (RFC 3629): { at, isCut } of the character that is none,
  // or null. `isCut`: so far so good, but the bytes end in the middle of it.
  function badUtf8(bytes) {
    for (let at = 0; at < bytes.length;) {
      const lead = bytes[at];
      const more = lead < 0x80 ? 0
        : lead >= 0xc2 && lead < 0xe0 ? 1
        : lead >= 0xe0 && lead < 0xf0 ? 2
        : lead >= 0xf0 && lead < 0xf5 ? 3 : -1;
      if (more < 0) return { at, isCut: false };
      // No longer than needed, no halves of UTF-16, nothing above U+10FFFF.
      let [low, high] = { 0xe0: [0xa0, 0xbf], 0xed: [0x80, 0x9f], 0xf0: [0x90, 0xbf], 0xf4: [0x80, 0x8f] }[lead] ?? [0x80, 0xbf];
      for (let place = at + 1; place <= at + more; place += 1) {
        if (place >= bytes.length) return { at, isCut: true };
        if (bytes[place] < low || bytes[place] > high) return { at, isCut: false };
        [low, high] = [0x80, 0xbf];
      }
      at += more + 1;
    }
    return null;
  }

  function utf8(bytes) {
    return badUtf8(bytes) ? null : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  function codeMeaning(code) {
    if (code in CODES) return CODES[code];
    if (code in OWN) return "never on the wire";
    if (code >= 3000 && code < 4000) return "registered by a library or framework";
    if (code >= 4000 && code < 5000) return "this application's own code";
    return "no close code";
  }

  // All that is to be said about bytes from one side, "client" or "server":
  // { frames, messages, remarks }. A remark has a `kind`, the number of its `frame`, `words`,
  // a `section` of RFC 6455, and `isWrong` where a rule is broken.
  function judge(bytes, sender) {
    const frames = readAll(bytes);
    const messages = [];
    const remarks = [];
    let open = null; // The message that is not finished.
    let isClosed = false;
    frames.forEach((frame, place) => {
      const say = (kind, section, words, isWrong = true) => {
        remarks.push({ kind, section, words, isWrong, frame: place });
      };
      const control = isControl(frame.opcode);
      const isKnown = frame.opcode in OPCODES;
      if (frame.rsv) {
        const set = [1, 2, 3].filter((bit) => frame.rsv & (8 >> bit)).map((bit) => `RSV${bit}`);
        say("reserved-bit", "5.2", `${set.join(" and ")} must be 0: no extension that gives a meaning to ${set.length > 1 ? "these bits" : "this bit"} was agreed on in the handshake.`);
      }
      if (!isKnown) {
        say("opcode", "5.2", `The opcode ${hexOpcode(frame.opcode)} has no meaning. ${control ? "0xB to 0xF are kept for control frames" : "0x3 to 0x7 are kept for frames with data"} that somebody may define one day.`);
      }
      if (control && !frame.fin) {
        say("control-in-pieces", "5.5", "A control frame must not come in pieces: FIN must be 1.");
      }
      if (sender === "client" && frame.masked === false) {
        say("unmasked", "5.1", "A client must mask every frame, and this one is not masked. A server must close the connection.");
      }
      if (sender === "server" && frame.masked) {
        say("masked", "5.1", "A server must not mask, and this frame is masked. A client must close the connection.");
      }
      judgeLength(frame, control, sender, open, say);
      if (frame.isHeadCut || frame.missing) return;
      if (isClosed && !control) {
        say("after-close", "5.5.1", "Data after a close frame: whoever has sent one must send no data any more.");
      }
      if (frame.opcode === 8) {
        isClosed = true;
        judgeClose(frame.payload, say);
      } else if (!control && isKnown) {
        open = gather(frame, place, open, messages, say);
      }
    });
    const frame = frames.length - 1;
    if (open && !(frames[frame].isHeadCut || frames[frame].missing)) {
      remarks.push({
        kind: "open", section: "5.4", isWrong: false, frame,
        words: "The message is not finished. More continuation frames must follow, the last one with FIN.",
      });
    }
    return { frames, messages, remarks };
  }

  function judgeLength(frame, control, sender, open, say) {
    const { length, form } = frame;
    if (length !== null) {
      if (control && length > 125n) {
        say("control-too-long", "5.5", `A control frame carries 125 bytes at most. This one says ${number(length)}.`);
      }
      const least = length <= 125n ? 7 : length < 65536n ? 16 : 64;
      if (form > least) {
        say("length", "5.2", `A length of ${number(length)} fits into ${least} bits, and the shortest form must be used. This one has ${form}.`);
      }
      if (length >= 1n << 63n) {
        say("length", "5.2", "The first bit of a length of 64 bits must be 0.");
      }
      const before = !control && open ? open.payload.length : 0;
      if (sender === "client" && !control && length + BigInt(before) > BigInt(MIB)) {
        say("too-much", "10.4", `This makes a message of ${number(length + BigInt(before))} bytes. RFC 6455 sets no limit here, but lets each side set one. Our server takes ${number(MIB)} (1 MiB).`, false);
      }
    }
    if (frame.isHeadCut) {
      say("cut", "5.2", `The frame ends in the middle of its head: ${count(frame.missing, "byte")} of it ${frame.missing === 1n ? "is" : "are"} missing${frame.masked === null ? ", at least" : ""}. The other side waits for more.`, false);
    } else if (frame.missing) {
      say("cut", "5.2", `The frame ends in the middle: ${number(frame.missing)} of ${count(frame.length, "byte")} of payload ${frame.missing === 1n ? "is" : "are"} missing. The other side waits for more.`, false);
    }
  }

  function judgeClose(payload, say) {
    if (payload.length === 0) return;
    if (payload.length === 1) {
      say("half-a-code", "5.5.1", "A close frame carries nothing, or a code of two bytes. One byte is half a code.");
      return;
    }
    const code = payload[0] * 256 + payload[1];
    if (code in OWN) {
      say("code", "7.4.1", `The code ${code} must not be sent. ${OWN[code]}`);
    } else if (code < 1000 || code > 4999) {
      say("code", "7.4.2", `${code} is no close code. Those are 1000 to 4999.`);
    } else if (code < 3000 && !(code in CODES)) {
      say("code", "7.4.2", `The code ${code} has no meaning. 1000 to 2999 belong to the protocol, which has not defined it.`);
    }
    const bad = badUtf8(payload.subarray(2));
    if (bad) {
      const byte = hex(payload.subarray(2 + bad.at, 3 + bad.at));
      say("utf-8", "5.5.1", `The reason is no UTF-8 from its byte ${number(bad.at + 1)} (${byte}) on.`);
    }
  }

  // Adds a frame to the message that it is part of. Returns the one that is not finished.
  function gather(frame, place, open, messages, say) {
    if (frame.opcode === 0 && !open) {
      say("sequence", "5.4", "A continuation frame, but there is nothing to continue: no message has begun.");
      return null;
    }
    if (frame.opcode !== 0 && open) {
      say("sequence", "5.4", "A new message begins, but the one before is not finished: only control frames may come between its pieces.");
    }
    if (frame.opcode !== 0) {
      open = { opcode: frame.opcode, payload: new Uint8Array(), frames: [], read: 0, isBad: false };
    }
    const payload = new Uint8Array(open.payload.length + frame.payload.length);
    payload.set(open.payload);
    payload.set(frame.payload, open.payload.length);
    open.payload = payload;
    open.frames.push(place);
    let bad = null;
    if (open.opcode === 1 && !open.isBad) {
      // What came before is UTF-8, but perhaps for its last character.
      bad = badUtf8(payload.subarray(open.read));
      if (bad) bad.at += open.read;
      open.read = bad ? bad.at : payload.length;
    }
    if (bad && (frame.fin || !bad.isCut)) {
      open.isBad = true;
      const byte = hex(payload.subarray(bad.at, bad.at + 1));
      say("utf-8", "8.1", bad.isCut
        ? `The text ends in the middle of a character, which begins with byte ${number(bad.at + 1)} (${byte}). A text must be UTF-8.`
        : `The text is no UTF-8 from byte ${number(bad.at + 1)} (${byte}) on. A text must be UTF-8.`);
    }
    if (!frame.fin) return open;
    messages.push(open);
    return null;
  }

  // What a frame says, field by field: { id, name, bits: [from, to], value, meaning }.
  function fields(frame, bytes) {
    const bits = (from, to) => {
      let text = "";
      for (let bit = from; bit < to; bit += 1) {
        text += (bytes[frame.start + (bit >> 3)] >> (7 - (bit & 7))) & 1;
      }
      return text;
    };
    const opcode = OPCODES[frame.opcode];
    const list = [
      {
        id: "fin", name: "FIN", bits: [0, 1],
        meaning: frame.fin ? "the last frame of a message, or the only one" : "more frames of this message follow",
      },
      {
        id: "rsv", name: "RSV1–3", bits: [1, 4],
        meaning: frame.rsv ? "kept for extensions, and none is in use" : "kept for extensions: not used",
      },
      {
        id: "opcode", name: "opcode", bits: [4, 8], value: hexOpcode(frame.opcode),
        meaning: opcode ? `${opcode}${isControl(frame.opcode) ? ", a control frame" : ""}` : "not defined",
      },
    ];
    if (frame.masked === null) return list.map((each) => ({ ...each, binary: bits(...each.bits) }));
    list.push(
      {
        id: "mask", name: "MASK", bits: [8, 9],
        meaning: frame.masked ? "the payload is masked, as from a client" : "the payload is not masked, as from a server",
      },
      {
        id: "length", name: "length, 7 bits", bits: [9, 16],
        value: String(bytes[frame.start + 1] & 0x7f),
        meaning: frame.form === 7 ? count(frame.length, "byte") + " of payload"
          : `the length is in the next ${frame.form} bits`,
      },
    );
    const end = 8 * Math.min(2 + { 7: 0, 16: 2, 64: 8 }[frame.form], frame.head);
    if (end > 16) {
      list.push({
        id: "length", name: `length, ${frame.form} bits`, bits: [16, end],
        value: frame.length === null ? "" : number(frame.length),
        meaning: frame.length === null ? "not all of it is there" : count(frame.length, "byte") + " of payload",
      });
    }
    if (frame.masked && 8 * frame.head > end) {
      list.push({
        id: "key", name: "masking key", bits: [end, 8 * frame.head],
        value: hex(bytes.subarray(frame.start + end / 8, frame.start + frame.head)),
        meaning: "each byte of the payload is combined with one of these by exclusive or",
      });
    }
    return list.map((each) => ({ ...each, binary: bits(...each.bits) }));
  }

  // Sec-WebSocket-Accept, and what is wrong with the key: 16 bytes in Base64 (section 4.1).
  function accept(key) {
    const sum = key.trim() + GUID;
    const hash = window.workbench.sha1(new TextEncoder().encode(sum));
    return { sum, hash, accept: btoa(String.fromCharCode(...hash)), wrong: wrongKey(key.trim()) };
  }

  function wrongKey(key) {
    if (!key) return "There is no key.";
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(key) || key.length % 4) {
      return "This is not Base64, so no client may send it.";
    }
    const size = atob(key).length;
    if (size !== 16) return `This is Base64 of ${count(size, "byte")}. A key is 16 random bytes.`;
    return "";
  }

  window.workbench = {
    ...window.workbench,
    GUID, OPCODES, parseHex, hex, number, count, write, judge, fields, badUtf8, utf8, codeMeaning, accept,
  };
}
