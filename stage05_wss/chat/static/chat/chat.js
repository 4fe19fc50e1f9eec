// Connect, send, receive, reconnect, and say how it stands. page.js shows it.

const PATIENCE = 10_000; // Milliseconds: what has no answer by then is lost.
const FIRST_DELAY = 500; // Milliseconds until the first attempt to reconnect.
const LONGEST_DELAY = 8_000; // Somebody may be watching.
const STABLE = 5_000; // A connection that lived this long was a good one.
// The close codes of our own server.
const LOGGED_OUT = 4401;
const CAUSES = {
  [LOGGED_OUT]: "You have been logged out",
  4503: "The server cannot reach what it depends on, so nobody can be heard",
};

let socket; // None while the next attempt waits.
let connectedAt;
let ourName; // As the server's welcome has it.
let attempt = 0; // How many times in a row we have tried to reconnect.
let timer; // The next attempt waits here, or the end of our patience with this one.

function connect() {
  timer = setTimeout(giveUp, PATIENCE);
  connectedAt = undefined;
  report("", "connecting");
  // ws: for http:, wss: for https:, and the host that this page came from.
  const scheme = location.protocol.replace("http", "ws");
  // The room's socket has the address of its page, under /ws.
  socket = new WebSocket(`${scheme}//${location.host}/ws${location.pathname}`);
  socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
  // The event "error" says nothing that "close", which always follows, does not.
  socket.addEventListener("close", ({ code, target }) => {
    if (target !== socket) return; // We had given it up.
    const cause = connectedAt ? "Connection lost" : "The server refused, or is away";
    // After a logout, the next handshake would be refused.
    end(`${CAUSES[code] ?? cause} (code ${code}).`, code === LOGGED_OUT);
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

function receive({ type, room, name, text, code, detail }) {
  switch (type) {
    case "welcome":
      clearTimeout(timer);
      connectedAt = Date.now();
      ourName = name;
      return report(`Connected to ${room} as ${name}.`, "open");
    case "join":
      return show(type, `${name} has joined.`);
    case "leave":
      return show(type, `${name} has left.`);
    case "announcement":
      return show(type, `Announcement: ${text}`);
    case "message":
      if (name === ourName) settle(text);
      return show(type, text, name);
    case "error":
      settle();
      return show(type, `Error ${code}: ${detail}`);
  }
}

function send(message, text) {
  // A socket that is not open would lose the message without a word.
  if (socket?.readyState !== WebSocket.OPEN) {
    report("Not connected: nothing was sent.");
    return false;
  }
  socket.send(message);
  expectAnswer(message, text);
  return true;
}

textForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textForm.message.value;
  if (send(JSON.stringify({ type: "message", text }), text)) textForm.reset();
});

connect();
