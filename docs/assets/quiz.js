// Questions to answer from memory: two tries, and then why.
"use strict";

{
  document.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("form.question")) {
      ask(form);
    }
  });

  function ask(form) {
    const answer = form.querySelector("details");
    const button = document.createElement("button");
    button.textContent = "Check";
    button.className = "check";
    const said = document.createElement("p");
    said.setAttribute("role", "status"); // A screen reader says what comes here.
    answer.before(button, said);
    answer.hidden = true;
    let tries = 2;

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const choice = form.querySelector("input:checked");
      if (!choice) {
        say(said, "Choose one first.");
        return;
      }
      tries -= 1;
      if (choice.value === form.dataset.right) {
        end("Right.");
      } else if (tries) {
        say(said, "No. ", hint(choice), " You have one more try.");
      } else {
        end("No. ", hint(choice), " This is the answer:");
      }
    });

    // What helps to think again, after this choice.
    function hint(choice) {
      return form.querySelector(`[data-hint="${choice.value}"]`).content.cloneNode(true);
    }

    function end(...words) {
      say(said, ...words);
      for (const input of form.querySelectorAll("input")) {
        input.disabled = true;
        if (input.value === form.dataset.right) {
          input.closest("label").classList.add("right");
        }
      }
      button.remove();
      answer.hidden = false;
      answer.open = true;
      // The focus was on the button, which is gone.
      answer.querySelector("summary").focus();
    }
  }

  // The same words again are said again: first they go, and then they come.
  function say(element, ...words) {
    element.replaceChildren();
    setTimeout(() => element.replaceChildren(...words), 50);
  }
}
