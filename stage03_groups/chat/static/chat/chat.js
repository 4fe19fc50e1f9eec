const FIRST_DELAY = 500; // Milliseconds until the first attempt to reconnect.
const LONGEST_DELAY = 30_000;
const STABLE = 5_000; // A connection that lived this long was a good one.

// The close codes of our own server.
const CAUSES = { 4503: "The server has lost Redis, so nobody can be heard" };

const connectButton = document.querySelector("#connect");
const textForm = document.querySelector("#text");

let socket;
let attempt = 0; // How many times in a row we have tried to reconnect.
let timer; // The next attempt waits here.
let wanted = true; // Does the user want to be connected?

function connect() {
  clearTimeout(timer);
  // ws: for http:, wss: for https:, and the host that this page came from.
  const scheme = location.protocol.replace("http", "ws");
  // No browser connects to port 1, so there every attempt fails.
  const host = dropped ? `${location.hostname}:1` : location.host;
  let openedAt;
  // The room's socket has the address of its page, name included, under /ws.
  const address = `/ws${location.pathname}${location.search}`;
  socket = new WebSocket(`${scheme}//${host}${address}`);
  report("Connecting …");

  socket.addEventListener("open", () => {
    openedAt = Date.now();
  });

  socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));

  // The event "error" says nothing that "close", which always follows, does not.
  socket.addEventListener("close", ({ code }) => {
    if (wanted) {
      if (Date.now() - openedAt > STABLE) attempt = 0;
      const cause = openedAt ? "Connection lost" : "The server refused, or is away";
      reconnect(CAUSES[code] ?? cause, code);
    } else {
      report(`Closed with code ${code}.`);
    }
  });
}

function reconnect(cause, code) {
  const longest = Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY);
  // Jitter: a thousand pages that lost the same server must not return at once.
  const delay = longest * (0.5 + Math.random() / 2);
  attempt += 1;
  const seconds = (delay / 1000).toFixed(1);
  report(`${cause} (code ${code}). Attempt ${attempt} in ${seconds} s.`);
  timer = setTimeout(connect, delay);
}

function receive(message) {
  switch (message.type) {
    case "welcome":
      report(`Connected to ${message.room} as ${message.name}.`);
      break;
    case "join":
      show(`${message.name} has joined.`);
      break;
    case "leave":
      show(`${message.name} has left.`);
      break;
    case "announcement":
      show(`Announcement: ${message.text}`);
      break;
    case "message":
      show(`${message.name}: ${message.text}`);
      break;
    case "error":
      show(`Error ${message.code}: ${message.detail}`);
      break;
  }
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
  const text = textForm.message.value;
  const isRaw = event.submitter?.name === "raw"; // A way to try what is not allowed.
  const message = isRaw ? text : JSON.stringify({ type: "message", text });
  // What was tried stays, to be mended and tried again.
  if (send(message) && !isRaw) textForm.reset();
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
