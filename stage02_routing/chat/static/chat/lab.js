const LIMIT = 1024 * 1024; // Bytes: Daphne takes no larger message.

const dropButton = document.querySelector("#drop");
const fileForm = document.querySelector("#file");
const closeForm = document.querySelector("#close");

let dropped = false; // Do we pretend that there is no network?

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
