// A mark at each line of a listing where people slip: it opens the notes below.
"use strict";

{
  document.addEventListener("DOMContentLoaded", () => {
    for (const notes of document.querySelectorAll(".pitfalls")) {
      const code = notes.previousElementSibling?.querySelector("code");
      const all = [...notes.querySelectorAll("[data-line]")];
      for (const line of code ? new Set(all.map((note) => note.dataset.line)) : []) {
        const here = all.filter((note) => note.dataset.line === line);
        endOfLine(code, Number(line)).insertNode(markOf(here));
      }
    }
  });

  function markOf(notes) {
    const titles = notes.map((note) => note.querySelector("summary span").textContent);
    const mark = document.createElement("button");
    mark.className = "pitfall-mark";
    mark.title = titles.join("\n");
    mark.setAttribute("aria-label", `Pitfalls in this line: ${titles.join("; ")}`);
    mark.addEventListener("click", () => {
      notes[0].parentElement.open = true; // The line below which all of them are.
      for (const note of notes) {
        note.open = true;
      }
      notes[0].querySelector("summary").focus();
    });
    return mark;
  }

  // Return where a line of code ends: before its line break.
  function endOfLine(code, number) {
    const range = document.createRange();
    const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    let line = 1;
    while (texts.nextNode()) {
      const { data } = texts.currentNode;
      for (let at = data.indexOf("\n"); at >= 0; at = data.indexOf("\n", at + 1)) {
        if (line === number) {
          range.setStart(texts.currentNode, at);
          return range;
        }
        line += 1;
      }
    }
    range.selectNodeContents(code);
    range.collapse(false);
    return range;
  }
}
