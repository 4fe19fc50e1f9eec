// The page "Protocol workbench": what frames.js knows, shown, and what is typed, handed to it.
// The bytes are the only state: each control changes them, and all is drawn from them.

"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { parseHex, hex, number, count, write, judge, fields, utf8, codeMeaning, accept, GUID, OPCODES } = window.workbench;
  const MOST = 70000; // Bytes: more than the longest example of RFC 6455.
  const SHOWN = 24; // Bytes of a payload that are shown one by one.
  const LINKED = 500; // Bytes that an address may carry.
  const LISTED = 24; // Frames, remarks or messages that are listed.
  const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d); // That of section 5.7.

  const find = (id) => document.getElementById(`wb-${id}`);
  const form = find("form");
  let bytes = new Uint8Array();
  let current = 0; // Which of the frames is shown.
  let isHex = false; // How the payload is shown.
  let judged;

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // `source` is the field that somebody types into: it is left alone.
  function setBytes(next, source) {
    bytes = next;
    draw(source);
  }

  function draw(source) {
    find("tool").classList.remove("wb-stopped", "wb-unread");
    judged = judge(bytes, form.sender.value);
    current = Math.max(0, Math.min(current, judged.frames.length - 1));
    if (source !== form.hex) {
      form.hex.value = hex(bytes);
      complain(form.hex, "");
    }
    drawTabs();
    drawBits();
    drawRemarks();
    drawServer();
    drawFields();
    drawPayload();
    drawMessages();
    fillControls(source);
    const link = find("link");
    link.hidden = bytes.length > LINKED;
    link.href = `#bytes=${hex(bytes).replaceAll(" ", "")}&from=${form.sender.value}`;
  }

  for (let code = 0; code < 16; code += 1) {
    const words = `0x${code.toString(16).toUpperCase()} ${OPCODES[code] ?? "not defined"}`;
    form.opcode.append(element("option", { value: code }, words));
  }

  function complain(field, sentence) {
    const place = find(`${field.name}-error`);
    if (place.textContent !== sentence) place.textContent = sentence;
    field.setAttribute("aria-invalid", String(Boolean(sentence)));
  }

  // What was typed is no frame: what was shown of the one before is taken away.
  function stop(field, sentence) {
    complain(field, sentence);
    find("tool").classList.add("wb-stopped");
    find("tool").classList.toggle("wb-unread", field === form.hex);
    find("controls").disabled = field === form.hex;
    const name = { hex: "bytes", key: "masking key", payload: "payload" }[field.name];
    const words = `Nothing to judge until the ${name} can be read.`;
    find("remarks").replaceChildren(element("li", { class: "note" }, words));
  }

  // What is shown for the first of many, and how many more there are.
  function listed(many, one, tag, show) {
    const more = many.length - LISTED;
    return [
      ...many.slice(0, LISTED).map(show),
      ...(more > 0 ? [element(tag, {}, `… and ${count(more, one)} more`)] : []),
    ];
  }

  // The frames

  const title = (frame) => {
    const name = OPCODES[frame.opcode] ?? "unknown";
    if (frame.length === null) return name;
    return `${name}, ${count(frame.length, "byte")}${frame.fin ? "" : ", more to come"}`;
  };

  function drawTabs() {
    const had = find("frames").contains(document.activeElement);
    find("frames").hidden = judged.frames.length < 2;
    find("frames").replaceChildren(...listed(judged.frames, "frame", "span", (frame, place) => {
      const tab = element("button", { type: "button", "aria-pressed": place === current }, `${place + 1} · ${title(frame)}`);
      tab.addEventListener("click", () => {
        current = place;
        draw();
      });
      return tab;
    }));
    if (had) find("frames").children[current].focus();
  }

  // The bits

  function drawBits() {
    const bits = find("bits");
    const frame = judged.frames[current];
    const shown = frame ? fields(frame, bytes) : [];
    const size = frame ? frame.head : 0;
    const had = bits.contains(document.activeElement) ? Number(document.activeElement.dataset.bit) : null;
    bits.replaceChildren();
    for (let byte = 0; byte < size; byte += 1) {
      const value = bytes[frame.start + byte];
      const row = element("div", { class: "wb-row" });
      const card = element(
        "div", { class: "wb-byte", role: "group", "aria-label": `byte ${byte + 1}` },
        element("p", {}, `byte ${byte + 1}`, element("code", {}, hex([value]))), row,
      );
      for (let bit = 8 * byte; bit < 8 * byte + 8; bit += 1) {
        const field = shown.find((each) => each.bits[0] <= bit && bit < each.bits[1]);
        const isOn = (value >> (7 - (bit & 7))) & 1;
        const button = element("button", {
          type: "button", class: `wb-${field.id}`, "data-bit": bit, "aria-pressed": Boolean(isOn), tabindex: -1,
          "aria-label": `${field.id === "rsv" ? `RSV${bit}` : field.name}, bit ${(bit & 7) + 1} of byte ${byte + 1}`,
        }, String(isOn));
        row.append(button);
      }
      for (const each of shown) {
        const from = Math.max(each.bits[0], 8 * byte);
        const to = Math.min(each.bits[1], 8 * byte + 8);
        if (from < to) {
          const label = element("span", { class: `wb-name wb-${each.id}` }, each.name.split(",")[0]);
          label.dataset.span = to - from;
          row.append(label);
        }
      }
      bits.append(card);
    }
    const buttons = bits.querySelectorAll("button");
    const stop = buttons[Math.min(had ?? 0, buttons.length - 1)];
    if (stop) stop.tabIndex = 0;
    if (had !== null) stop?.focus();
  }

  find("bits").addEventListener("click", (event) => {
    const bit = event.target.closest("button")?.dataset.bit;
    if (bit === undefined) return;
    event.target.closest("button").focus(); // Safari focuses no button that is clicked.
    const next = bytes.slice();
    next[judged.frames[current].start + (bit >> 3)] ^= 0x80 >> (bit & 7);
    setBytes(next);
  });

  // One stop for the tabulator, and from there the arrows.
  find("bits").addEventListener("keydown", (event) => {
    const buttons = [...find("bits").querySelectorAll("button")];
    const here = buttons.indexOf(document.activeElement);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8 }[event.key];
    const place = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : here + step;
    if (!buttons[place] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    buttons[here].tabIndex = -1;
    buttons[place].tabIndex = 0;
    buttons[place].focus();
  });

  function drawFields() {
    const frame = judged.frames[current];
    find("fields").replaceChildren(...(frame ? fields(frame, bytes) : []).map((field) => element(
      "tr", {},
      element("th", { scope: "row" }, element("span", { class: `wb-chip wb-${field.id}` }), field.name),
      element("td", {}, element("code", {}, field.binary.replace(/(.{8})(?=.)/g, "$1 "))),
      element("td", {}, field.value ?? ""),
      element("td", {}, field.meaning),
    )));
  }

  // The payload

  const character = (byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte === 0x20 ? "␣" : "·");

  function drawPayload() {
    const frame = judged.frames[current];
    const place = find("payload");
    place.replaceChildren();
    if (!frame?.payload) return;
    const column = (tag, ...cells) => element(tag, {}, ...cells.map((cell) => element("span", {}, cell)));
    const rows = frame.mask ? ["on the wire", "⊕ masking key", "= payload", "as ASCII"] : ["payload", "as ASCII"];
    const shown = Array.from(frame.payload.subarray(0, SHOWN), (byte, at) => column(
      "li",
      ...(frame.mask ? [hex([frame.wire[at]]), hex([frame.mask[at % 4]])] : []),
      hex([byte]), character(byte),
    ));
    const more = frame.payload.length - shown.length;
    if (shown.length) {
      place.append(element("ol", { class: "wb-columns", "data-rows": rows.length }, column("li", ...rows), ...shown));
    }
    const rest = more > 0 ? `… and ${count(more, "byte")} more. ` : "";
    place.append(element("p", {}, rest + says(frame)));
  }

  function shorten(text) {
    const characters = [...text];
    return characters.length > 60 ? `“${characters.slice(0, 60).join("")}…”` : `“${text}”`;
  }

  // What a payload means, where one frame alone can say it.
  function says(frame) {
    const { payload, opcode } = frame;
    if (frame.missing) return `${count(payload.length, "byte")} of ${number(frame.length)} are there.`;
    if (payload.length === 0) return opcode === 8 ? "No payload: no code, no reason." : "No payload.";
    if (opcode === 8 && payload.length > 1) {
      const code = payload[0] * 256 + payload[1];
      const reason = utf8(payload.subarray(2));
      return `Code ${code}: ${codeMeaning(code)}.${reason ? ` Reason: ${shorten(reason)}.` : ""}`;
    }
    const text = [1, 9, 10].includes(opcode) && utf8(payload);
    return text ? `As UTF-8: ${shorten(text)}` : "";
  }

  function drawMessages() {
    find("messages").replaceChildren(...listed(judged.messages, "message", "li", (message) => {
      const kind = OPCODES[message.opcode];
      const from = message.frames.length > 1
        ? `, from frames ${listed(message.frames, "frame", "i", (each) => each + 1).map((each) => each.textContent ?? each).join(", ")}` : "";
      const text = message.opcode === 1 && utf8(message.payload);
      const start = message.payload.subarray(0, SHOWN);
      const content = text ? `: ${shorten(text)}`
        : start.length ? `: ${hex(start)}${message.payload.length > SHOWN ? " …" : ""}` : "";
      return element("li", {}, `A ${kind} message of ${count(message.payload.length, "byte")}${from}${content}`);
    }));
    if (judged.messages.length === 0) find("messages").append(element("li", {}, "No whole message."));
  }

  // The rules, and our server

  function drawRemarks() {
    const { remarks, frames } = judged;
    const lines = listed(remarks, "remark", "li", ({ words, section, isWrong, frame }) => element(
      "li", { class: isWrong ? "wrong" : "note" },
      element("b", {}, isWrong ? "Not allowed. " : "Note. "),
      frames.length > 1 ? `Frame ${frame + 1}: ` : "", `${words} `,
      element("a", { href: `https://www.rfc-editor.org/rfc/rfc6455#section-${section}` }, `RFC 6455, section ${section}`),
    ));
    const isCut = remarks.some((each) => each.kind === "cut");
    if (!isCut && !remarks.some((each) => each.isWrong)) {
      const words = frames.length === 0 ? "No bytes, no frame."
        : frames.length === 1 ? "This frame keeps the rules." : "These frames keep the rules.";
      lines.unshift(element("li", { class: "right" }, frames.length ? element("b", {}, "Right. ") : "", words));
    }
    find("remarks").replaceChildren(...lines);
  }

  const experiments = [...document.querySelectorAll(".experiment")];

  // The experiment with these bytes, or else the first of their kind.
  function drawServer() {
    const place = find("server");
    place.hidden = form.sender.value !== "client" || judged.frames.length === 0;
    if (place.hidden) return;
    const same = experiments.find(({ dataset }) => dataset.sent === hex(bytes));
    const kinds = judged.remarks.map((each) => each.kind);
    if (kinds.every((kind) => kind === "open")) {
      const opcodes = judged.frames.map((each) => each.opcode);
      const isCut = judged.frames.length > 1 && opcodes.includes(0);
      if (judged.messages.some((each) => each.opcode === 1)) kinds.push(isCut ? "pieces" : "text");
    }
    const alike = kinds.map((kind) => experiments.find(({ dataset }) => dataset.kind === kind)).find(Boolean);
    const found = same ?? alike;
    if (!found) {
      place.replaceChildren("None of the ten experiments below is of this kind.");
      return;
    }
    const heading = document.getElementById(`experiment-${found.dataset.name}`);
    place.replaceChildren(
      element("b", {}, same ? "What our own server really did with these bytes: " : "What our own server really did with bytes of this kind: "),
      `${found.querySelector(".outcome").textContent} `,
      element("a", { href: `#${heading.id}` }, `Experiment ${heading.firstChild.textContent}`),
    );
  }

  // The controls

  function fillControls(source) {
    const frame = judged.frames[current];
    find("controls").disabled = !frame;
    if (!frame) return;
    form.opcode.value = String(frame.opcode);
    form.fin.checked = frame.fin;
    [1, 2, 3].forEach((bit) => { form[`rsv${bit}`].checked = Boolean(frame.rsv & (8 >> bit)); });
    form.masked.checked = Boolean(frame.masked);
    form.key.disabled = find("new-key").disabled = !frame.mask;
    if (source !== form.key) {
      form.key.value = frame.mask ? hex(frame.mask) : "";
      complain(form.key, "");
    }
    const payload = frame.payload ?? new Uint8Array();
    form.form.value = String(frame.form ?? 7);
    form.form.options[0].disabled = payload.length > 125;
    form.form.options[1].disabled = payload.length > 65535;
    const text = utf8(payload);
    // What a text field would change is shown as hex.
    const isText = text !== null && !/[\r\0]/.test(text);
    if (source !== form.payload) {
      const asHex = isHex || !isText;
      form.as.value = asHex ? "hex" : "text";
      form.payload.value = asHex ? hex(payload) : text;
      complain(form.payload, "");
    }
    form.as[0].disabled = !isText;
    find("split").disabled = payload.length < 2 || frame.opcode > 7;
  }

  // Write the frame that is shown anew, with some parts changed.
  function rewrite(changes, source) {
    const frame = judged.frames[current];
    const parts = {
      ...frame, payload: frame.payload ?? new Uint8Array(), form: frame.form ?? 7, ...changes,
    };
    replaceFrame([write(parts)], source);
  }

  function replaceFrame(frames, source) {
    const { start, end } = judged.frames[current];
    const parts = [bytes.subarray(0, start), ...frames, bytes.subarray(end)];
    const size = parts.reduce((sum, each) => sum + each.length, 0);
    if (size > MOST) {
      const words = `That would be ${number(size)} bytes. The workbench takes ${number(MOST)} at most.`;
      if (source) {
        stop(source, words);
      } else { // A button that cannot do it: the frame is as it was.
        draw();
        complain(form.payload, words);
      }
      return;
    }
    const next = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      next.set(part, at);
      at += part.length;
    }
    if (source) complain(source, "");
    setBytes(next, source);
  }

  function changeFirstByte() {
    const { start } = judged.frames[current];
    const rsv = [1, 2, 3].reduce((sum, bit) => sum | (form[`rsv${bit}`].checked ? 0x80 >> bit : 0), 0);
    const next = bytes.slice();
    next[start] = (form.fin.checked ? 0x80 : 0) | rsv | Number(form.opcode.value);
    setBytes(next);
  }

  for (const name of ["opcode", "fin", "rsv1", "rsv2", "rsv3"]) {
    form[name].addEventListener("change", changeFirstByte);
  }
  form.masked.addEventListener("change", () => rewrite({ mask: form.masked.checked ? KEY : null }));
  form.form.addEventListener("change", () => rewrite({ form: Number(form.form.value) }));
  form.key.addEventListener("input", () => {
    const { bytes: mask, error } = parseHex(form.key.value);
    const words = error ?? (mask.length === 4 ? "" : `A masking key has 4 bytes. This has ${mask.length}.`);
    if (words) stop(form.key, words);
    else rewrite({ mask }, form.key);
  });
  find("new-key").addEventListener("click", () => {
    rewrite({ mask: crypto.getRandomValues(new Uint8Array(4)) });
  });
  form.payload.addEventListener("input", () => {
    const typed = form.payload.value;
    const { bytes: payload, error } = form.as.value === "hex" ? parseHex(typed) : { bytes: new TextEncoder().encode(typed) };
    if (error) stop(form.payload, error);
    else rewrite({ payload }, form.payload);
  });
  for (const radio of form.as) {
    radio.addEventListener("change", () => {
      isHex = form.as.value === "hex";
      draw();
    });
  }
  // The bytes may be none: they are read again.
  for (const radio of form.sender) radio.addEventListener("change", readHex);
  function readHex() {
    const { bytes: next, error } = parseHex(form.hex.value, MOST);
    if (error) {
      stop(form.hex, error);
    } else {
      complain(form.hex, "");
      setBytes(next, form.hex);
    }
  }
  form.hex.addEventListener("input", readHex);
  form.addEventListener("submit", (event) => event.preventDefault());

  // One frame becomes two pieces of one message (section 5.4).
  find("split").addEventListener("click", () => {
    const frame = judged.frames[current];
    const half = Math.ceil(frame.payload.length / 2);
    replaceFrame([
      write({ ...frame, fin: false, form: 7, payload: frame.payload.subarray(0, half) }),
      write({ ...frame, rsv: 0, opcode: 0, form: 7, payload: frame.payload.subarray(half) }),
    ]);
  });
  find("ping").addEventListener("click", () => {
    const { start, end, masked } = judged.frames[current];
    const ping = write({ opcode: 9, mask: masked ? KEY : null, payload: new TextEncoder().encode("there?") });
    replaceFrame([bytes.slice(start, end), ping]);
  });
  find("remove").addEventListener("click", () => {
    replaceFrame([]);
    if (judged.frames.length === 0) form.hex.focus(); // The button is disabled now.
  });

  // Where bytes come from

  function load(next, sender) {
    form.sender.value = sender;
    current = 0;
    setBytes(next);
  }

  find("load").addEventListener("click", () => {
    const option = form.example.selectedOptions[0];
    const zeros = Array(Number(option.dataset.zeros ?? 0)).fill(0);
    const [head] = [parseHex(option.value).bytes];
    load(Uint8Array.of(...head, ...zeros), option.dataset.sender);
  });

  for (const experiment of experiments) {
    const heading = document.getElementById(`experiment-${experiment.dataset.name}`);
    const title = heading.firstChild.textContent;
    form.example.append(element("option", { value: experiment.dataset.sent, "data-sender": "client" }, `Experiment ${title}`));
    const button = experiment.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => {
      load(parseHex(experiment.dataset.sent).bytes, "client");
      find("title").scrollIntoView();
      find("title").focus({ preventScroll: true });
    });
  }

  function loadFromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (!wanted.get("bytes")) return false;
    form.sender.value = wanted.get("from") === "server" ? "server" : "client";
    form.hex.value = wanted.get("bytes");
    current = 0;
    const { bytes: next, error } = parseHex(form.hex.value, MOST);
    if (error) stop(form.hex, error);
    else setBytes(next);
    return true;
  }
  window.addEventListener("hashchange", loadFromAddress);

  find("without").hidden = true;
  find("tool").hidden = false;
  if (!loadFromAddress()) find("load").click();

  // Sec-WebSocket-Accept

  const keyField = document.getElementById("accept-key");
  function drawAccept() {
    const found = accept(keyField.value);
    const put = (id, text) => { document.getElementById(`accept-${id}`).textContent = text; };
    put("given", found.sum.slice(0, -GUID.length));
    put("hash", hex(found.hash));
    put("value", found.accept);
    put("header", found.accept);
    put("wrong", found.wrong && `${found.wrong} A server that does not look computes an answer all the same.`);
    keyField.setAttribute("aria-invalid", String(Boolean(found.wrong)));
  }
  keyField.addEventListener("input", drawAccept);
  keyField.readOnly = false;
  const another = document.getElementById("accept-new");
  another.hidden = false;
  another.addEventListener("click", () => {
    keyField.value = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
    drawAccept();
  });
});
