// Connect, send, receive, reconnect, and say how it stands. page.js shows it.

const PATIENCE = 10_000; // Milliseconds: what has no answer by then is lost.
const FIRST_DELAY = 500; // Milliseconds until the first attempt to reconnect.
const LONGEST_DELAY = 8_000; // Somebody may be watching.
const STABLE = 5_000; // A connection that lived this long was a good one.

let socket; // None while the next attempt waits.
let connectedAt;
let attempt = 0; // How many times in a row we have tried to reconnect.
let timer; // The next attempt waits here, or the end of our patience with this one.

function connect() {
  timer = setTimeout(giveUp, PATIENCE);
  connectedAt = undefined;
  report("", "connecting");
  // ws: for http:, wss: for https:, and the host that this page came from.
  const scheme = location.protocol.replace("http", "ws");
  socket = new WebSocket(`${scheme}//${location.host}/ws/echo/`);
  socket.binaryType = "arraybuffer"; // Bytes at hand, rather than a Blob to read.
  socket.addEventListener("open", () => {
    clearTimeout(timer);
    connectedAt = Date.now();
    report("Connected.", "open");
  });
  socket.addEventListener("message", ({ data }) => {
    settle();
    show("message", typeof data === "string" ? data : `${data.byteLength} bytes`);
  });
  // The event "error" says nothing that "close", which always follows, does not.
  socket.addEventListener("close", ({ code, target }) => {
    if (target !== socket) return; // We had given it up.
    end(`Connection lost (code ${code}).`);
  });
}

// A network that goes silent closes nothing, so we must.
function giveUp() {
  socket.close();
  end(`No answer for ${PATIENCE / 1_000} s: the connection is lost.`);
}

function end(words, isForGood = false) {
  clearTimeout(timer);
  if (Date.now() - connectedAt > STABLE) attempt = 0;
  socket = undefined;
  report(words, isForGood ? "closed" : "waiting");
  giveBack();
  if (!isForGood) reconnect();
}

function reconnect() {
  const longest = Math.min(FIRST_DELAY * 2 ** attempt++, LONGEST_DELAY);
  // Jitter: a thousand pages that lost the same server must not return at once.
  const delay = longest * (0.5 + Math.random() / 2);
  timer = setTimeout(connect, delay);
  countDown(attempt, delay);
}

function send(message) {
  // A socket that is not open would lose the message without a word.
  if (socket?.readyState !== WebSocket.OPEN) {
    report("Not connected: nothing was sent.");
    return false;
  }
  socket.send(message);
  expectAnswer(message);
  return true;
}

textForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (send(textForm.message.value)) textForm.reset();
});

connect();
