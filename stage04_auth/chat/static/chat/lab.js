// The instruments of the course: bytes, a code to close with, a network to lose.
// No chat needs them, and you need not read them. They use what chat.js has.

{
  const LIMIT = 1024 * 1024; // Bytes: Daphne takes no larger message.

  const fileForm = document.querySelector("#file");
  const closeForm = document.querySelector("#close");
  const dropButton = document.querySelector("#drop");

  let dropped = false; // Do we pretend that there is no network?

  document.querySelector("#raw").addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target.raw.value); // It stays in its field, to be mended and tried again.
  });

  fileForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [file] = fileForm.file.files;
    if (file.size > LIMIT) {
      report(`${file.name} has more than ${LIMIT} bytes: nothing was sent.`);
    } else if (file.size === 0) {
      // Daphne would not send an empty message back.
      report(`${file.name} is empty: nothing was sent.`);
    } else {
      send(await file.arrayBuffer());
    }
  });

  closeForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const closing = socket;
    try {
      closing?.close(Number(closeForm.code.value), closeForm.reason.value);
    } catch (error) {
      report(error.message); // The browser lets a page use 1000 and 3000 to 4999 only.
      return;
    }
    end(closing ? "Closing …" : "Not connected.", true);
    closing?.addEventListener("close", ({ code }) => {
      if (!socket) report(`Closed with code ${code}.`, "closed");
    });
  });

  dropButton.addEventListener("click", () => {
    dropped = !dropped;
    dropButton.textContent = dropped ? "Restore the network" : "Drop the network";
    document.querySelector("#played").hidden = !dropped;
    // A page cannot pull the plug. But at a message over its limit Daphne hangs up
    // without a close frame, and that is what a lost network looks like.
    if (dropped && socket?.readyState === WebSocket.OPEN) {
      socket.send(new Uint8Array(LIMIT + 1));
    }
  });

  // The page goes on saying `new WebSocket(…)`. No browser connects to port 1, so there
  // every attempt fails.
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      const nowhere = new URL(url);
      nowhere.port = 1;
      super(dropped ? nowhere : url);
    }
  };
}
