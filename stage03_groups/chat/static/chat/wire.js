// The wire log: a table of everything that this page's WebSockets do.
// It is a tool for looking, the same in every stage: you need not read it.
//
// A page sees messages, not frames: pings, pongs and the headers of the handshake
// stay inside the browser. Its network panel shows more.

"use strict";

{
  const LONGEST = 200; // Characters of a payload that are shown.
  const ROWS = 500; // Older rows make room for newer ones.

  // RFC 6455, section 7.4.1, and the registry that it opened.
  const CLOSE_CODES = {
    1000: "normal closure",
    1001: "going away: the page was left, or the server is stopping",
    1002: "protocol error",
    1003: "unsupported kind of data",
    1005: "never on the wire: the close frame carried no code",
    1006: "never on the wire: the connection ended without a close frame, or never began",
    1007: "data that does not fit its type, such as text that is not UTF-8",
    1008: "policy violation",
    1009: "message too big",
    1010: "the client needs an extension that the server lacks",
    1011: "internal error: the server's code raised an exception",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "never on the wire: the TLS handshake failed",
  };

  function meaning(code) {
    if (code in CLOSE_CODES) return CLOSE_CODES[code];
    if (code >= 3000 && code < 4000) return "registered by a library or framework";
    if (code >= 4000 && code < 5000) return "this application's own code";
    return "not a close code";
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // Where the log is narrow, its rows are no rows to CSS. The roles keep them a table.
  const columns = ["Time", "Direction", "Opcode", "Bytes", "Payload"];
  const heads = columns.map((column) => element("th", { role: "columnheader" }, column));
  const head = element("tr", { role: "row" }, ...heads);
  const rows = element("tbody", { id: "wire", role: "rowgroup" });
  const scroll = element(
    "div",
    { class: "wire-scroll", role: "region", "aria-labelledby": "wire-title", tabindex: 0 },
    element("table", { role: "table" }, element("thead", { role: "rowgroup" }, head), rows),
  );
  const clear = element("button", { type: "button" }, "Clear");
  clear.addEventListener("click", () => rows.replaceChildren());
  const title = element("h2", { id: "wire-title" }, "Wire log");
  // This script is deferred: the page's own elements are there already.
  const section = element("section", { class: "wire" }, title, clear, scroll);
  document.querySelector("main").append(section);

  // Who sees the end of the log goes on to see it, whatever a change adds.
  function change(how) {
    const atTheEnd = scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 2;
    how();
    if (atTheEnd) scroll.scrollTop = scroll.scrollHeight;
  }

  // Add a row and return its last cell, for what is known only later.
  function log(direction, opcode, size, payload) {
    const row = element("tr", { role: "row", class: direction.split(" ")[1] });
    const time = new Date();
    const clock = time.toTimeString().slice(0, 8);
    const milliseconds = String(time.getMilliseconds()).padStart(3, "0");
    for (const text of [`${clock}.${milliseconds}`, direction, opcode, size, payload]) {
      row.append(element("td", { role: "cell" }, text));
    }
    change(() => {
      rows.append(row);
      if (rows.rows.length > ROWS) rows.deleteRow(0);
    });
    return row.lastElementChild;
  }

  function logMessage(direction, message) {
    if (typeof message === "string") {
      log(direction, "text (0x1)", bytes(message), shorten(message));
    } else {
      const size = message.byteLength ?? message.size;
      const cell = log(direction, "binary (0x2)", size, "");
      new Response(message).arrayBuffer().then((buffer) => {
        change(() => { cell.textContent = shorten(hexadecimal(buffer)); });
      });
    }
  }

  function logClose(direction, code, reason, remark) {
    const size = code && code !== 1005 && code !== 1006 ? 2 + bytes(reason) : "";
    const text = [code && `${code} ${meaning(code)}`, reason && `“${reason}”`, remark];
    log(direction, "close (0x8)", size, text.filter(Boolean).join(", "));
  }

  function bytes(text) {
    return new TextEncoder().encode(text).length;
  }

  function hexadecimal(buffer) {
    const start = new Uint8Array(buffer).subarray(0, LONGEST);
    return Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }

  function shorten(text) {
    return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  }

  // The page goes on saying `new WebSocket(…)`, and gets one that also writes the log.
  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters);
      log("→ out", "handshake", "", `GET ${this.url}`);
      this.addEventListener("open", () => {
        const subprotocol = this.protocol && `, subprotocol ${this.protocol}`;
        log("← in", "handshake", "", `101 Switching Protocols${subprotocol}`);
      });
      this.addEventListener("message", ({ data }) => logMessage("← in", data));
      this.addEventListener("error", () => {
        log("· local", "error event", "", "a browser never tells a page the cause");
      });
      this.addEventListener("close", ({ code, reason }) => {
        if (code === 1006) {
          log("· local", "close event", "", `1006 ${meaning(1006)}`);
        } else {
          logClose("← in", code, reason);
        }
      });
    }

    send(message) {
      super.send(message);
      if (this.readyState === WebSocket.OPEN) logMessage("→ out", message);
    }

    close(code, reason = "") {
      const open = this.readyState === WebSocket.OPEN;
      super.close(...(code === undefined ? [] : [code, reason]));
      if (open) logClose("→ out", code, reason);
    }
  };
}
