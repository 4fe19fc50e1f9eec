const FIRST_DELAY = 500; // Milliseconds until the first attempt to reconnect.
const LONGEST_DELAY = 30_000;
const STABLE = 5_000; // A connection that lived this long was a good one.
const LIMIT = 1024 * 1024; // Bytes: Daphne takes no larger message.

const connectButton = document.querySelector("#connect");
const dropButton = document.querySelector("#drop");
const textForm = document.querySelector("#text");
const fileForm = document.querySelector("#file");
const closeForm = document.querySelector("#close");

let socket;
let attempt = 0; // How many times in a row we have tried to reconnect.
let timer; // The next attempt waits here.
let wanted = true; // Does the user want to be connected?
let dropped = false; // Do we pretend that there is no network?

function connect() {
  clearTimeout(timer);
  // ws: for http:, wss: for https:, and the host that this page came from.
  const scheme = location.protocol.replace("http", "ws");
  // No browser connects to port 1, so there every attempt fails.
  const host = dropped ? `${location.hostname}:1` : location.host;
  let openedAt;
  socket = new WebSocket(`${scheme}//${host}/ws/echo/`);
  socket.binaryType = "arraybuffer"; // Bytes at hand, rather than a Blob to read.
  report("Connecting …");

  socket.addEventListener("open", () => {
    openedAt = Date.now();
    report("Connected.");
  });

  socket.addEventListener("message", ({ data }) => {
    show(typeof data === "string" ? data : `${data.byteLength} bytes`);
  });

  // The event "error" says nothing that "close", which always follows, does not.
  socket.addEventListener("close", ({ code }) => {
    if (wanted) {
      if (Date.now() - openedAt > STABLE) attempt = 0;
      reconnect(code);
    } else {
      report(`Closed with code ${code}.`);
    }
  });
}

function reconnect(code) {
  const longest = Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY);
  // Jitter: a thousand pages that lost the same server must not return at once.
  const delay = longest * (0.5 + Math.random() / 2);
  attempt += 1;
  const seconds = (delay / 1000).toFixed(1);
  report(`Connection lost (code ${code}). Attempt ${attempt} in ${seconds} s.`);
  timer = setTimeout(connect, delay);
}

function send(message) {
  // A socket that is not open would lose the message without a word.
  if (socket.readyState !== WebSocket.OPEN) {
    report("Not connected: nothing was sent.");
    return false;
  }
  socket.send(message);
  return true;
}

connectButton.addEventListener("click", () => {
  attempt = 0;
  wanted = true;
  if (socket.readyState === WebSocket.CLOSED) connect();
});

textForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (send(textForm.message.value)) textForm.reset();
});

fileForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = fileForm.file.files;
  if (file.size > LIMIT) {
    report(`${file.name} has more than ${LIMIT} bytes: nothing was sent.`);
  } else {
    send(await file.arrayBuffer());
  }
});

closeForm.addEventListener("submit", (event) => {
  event.preventDefault();
  try {
    socket.close(Number(closeForm.code.value), closeForm.reason.value);
  } catch (error) {
    report(error.message); // The browser lets a page use 1000 and 3000 to 4999 only.
    return;
  }
  wanted = false;
  clearTimeout(timer);
  if (socket.readyState === WebSocket.CLOSED) report("Not connected.");
});

dropButton.addEventListener("click", () => {
  dropped = !dropped;
  dropButton.setAttribute("aria-pressed", dropped);
  dropButton.textContent = dropped ? "Restore the network" : "Drop the network";
  // A page cannot pull the plug. But at a message over its limit Daphne hangs up
  // without a close frame, and that is what a lost network looks like.
  if (dropped && socket.readyState === WebSocket.OPEN) {
    socket.send(new Uint8Array(LIMIT + 1));
  }
});

function report(words) {
  document.querySelector("#status").textContent = words;
}

function show(message) {
  const item = document.createElement("li");
  item.textContent = message; // Not innerHTML: a message must not become a script.
  const messages = document.querySelector("#messages");
  messages.append(item);
  messages.scrollTop = messages.scrollHeight; // To its end, where the newest is.
}

connect();
