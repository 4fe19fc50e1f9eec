// What is seen of the connection: how it stands, what came, and what has no answer yet.

const connectButton = document.querySelector("#connect");
const countdown = document.querySelector("#countdown");
const textForm = document.querySelector("#text");

let tick; // The next step of the countdown waits here,
let patience; // and here the end of our patience, until an answer comes.
let unanswered = []; // What was sent, the oldest first.

// Without words, only the state changes, which is seen and not read out.
function report(words, state) {
  if (words) document.querySelector("#status").textContent = words;
  if (!state) return;
  clearTimeout(tick);
  countdown.textContent = "";
  document.querySelector("#status").dataset.state = state;
  connectButton.disabled = state === "open";
}

// Beside the status, not in it: a screen reader would read out every second.
function countDown(attempt, delay) {
  countdown.textContent = `Attempt ${attempt} in ${(delay / 1_000).toFixed(1)} s.`;
  if (delay > 1_000) tick = setTimeout(countDown, 1_000, attempt, delay - 1_000);
}

function show(type, text, name) {
  const item = document.createElement("li");
  item.className = type;
  item.textContent = text; // Not innerHTML: a message must not become a script.
  if (name) {
    const who = document.createElement("strong");
    who.textContent = `${name}: `;
    item.prepend(who);
  }
  const messages = document.querySelector("#messages");
  messages.querySelector("ul").append(item);
  messages.scrollTop = messages.scrollHeight; // To its end, where the newest is.
}

// The text is what will come back. Of an experiment, nobody knows.
function expectAnswer(message, text) {
  const line = document.createElement("li");
  const words = text ?? (message.byteLength ? `${message.byteLength} bytes` : message);
  const state = document.createElement("small");
  state.textContent = "sending …";
  line.append(words, " ", state);
  document.querySelector("#outbox").append(line);
  unanswered.push({ message, text, line, state });
  if (unanswered.length === 1) patience = setTimeout(giveUp, PATIENCE);
}

// An answer with this text has come. A text of somebody who has our name, and says the
// same, would do: nothing on the wire tells them apart. An error has no text.
function settle(text) {
  const by = (text) => unanswered.find((sent) => sent.text === text);
  const settled = by(text) ?? by(undefined) ?? (text === undefined && unanswered[0]);
  if (!settled) return;
  settled.line.remove();
  unanswered = unanswered.filter((sent) => sent !== settled);
  clearTimeout(patience);
  if (unanswered.length > 0) patience = setTimeout(giveUp, PATIENCE);
}

// What has no answer may have arrived. To send it twice is for the user to decide.
function giveBack() {
  clearTimeout(patience);
  for (const { message, text, line, state } of unanswered.splice(0)) {
    const question = document.querySelector("#unsent").content.cloneNode(true);
    const [again, discard] = question.querySelectorAll("button");
    const remove = () => {
      line.remove();
      textForm.message.focus();
    };
    again.addEventListener("click", () => send(message, text) && remove());
    discard.addEventListener("click", remove);
    state.replaceWith(question);
  }
}

function connectNow() {
  if (socket) return;
  clearTimeout(timer);
  attempt = 0;
  report("Connecting …");
  connect();
}

connectButton.addEventListener("click", () => {
  connectNow();
  textForm.message.focus(); // The button is about to be disabled.
});

// Somebody looks again: no reason to wait any longer.
document.addEventListener("visibilitychange", () => {
  const isWaiting = document.querySelector("#status").dataset.state === "waiting";
  if (isWaiting && !document.hidden) connectNow();
});
