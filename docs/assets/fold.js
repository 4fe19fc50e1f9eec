// Long listings show what is new in them, and long reports how they begin and end. The
// rest is a button away. Searching in the page opens what it finds; print shows it all.

"use strict";

{
  const LONG = 24; // Lines of a listing that is shown whole.
  const LONG_REPORT = 22; // Lines of what a terminal shows.
  const AROUND = 2; // Lines around what is new.
  const LEAST = 5; // Fewer are not worth a button.
  const WHOLE = ".whole, .slide"; // What is never folded, or in one of these.
  const FINDS = "onbeforematch" in document.body; // Can a search open what is hidden?

  for (const code of document.querySelectorAll(".md-typeset .highlight > pre > code")) {
    if (code.closest(WHOLE)) continue;
    const lines = linesOf(code);
    const [, language] = code.closest(".highlight").className.match(/language-(\w+)/) ?? [];
    for (const [first, last, words] of lines ? stretches(lines, language) : []) {
      fold(lines.slice(first, last).flat(), words);
    }
  }

  // The nodes of each line, or null where a node reaches over several.
  function linesOf(code) {
    const lines = [[]];
    for (let node = code.firstChild; node; node = node.nextSibling) {
      const end = node.textContent.indexOf("\n") + 1;
      if (end && end < node.textContent.length) {
        if (node.nodeType !== Node.TEXT_NODE) return null;
        node.splitText(end);
      }
      lines.at(-1).push(node);
      if (end) lines.push([]);
    }
    if (!lines.at(-1).length) lines.pop();
    return lines;
  }

  // What to fold: its first line, the line after its last, and what the button says.
  function stretches(lines, language) {
    const isReport = language === "console" || language === "pycon";
    if (language === "diff" || lines.length <= (isReport ? LONG_REPORT : LONG)) return [];
    const has = (line, name) =>
      line.some((node) => node.classList?.contains(name) || node.querySelector?.(`.${name}`));
    const isNew = lines.map((line) => has(line, "hll"));
    let shown;
    if (isReport) {
      // Commands, the paragraphs that it begins with, and those that it ends with.
      const isEmpty = lines.map((line) => !line.some((node) => node.textContent.trim()));
      const begins = Math.max(4, isEmpty.lastIndexOf(true, 10) + 1);
      const ends = isEmpty.lastIndexOf(true, lines.length - 8);
      const last = Math.max(ends, lines.length - 16);
      shown = lines.map((line, at) => has(line, "gp") || at < begins || at > last);
    } else if (isNew.includes(true)) {
      shown = lines.map((_, at) =>
        isNew.slice(Math.max(0, at - AROUND), at + AROUND + 1).includes(true),
      );
    } else {
      return [[16, lines.length, `Show all ${lines.length} lines`]];
    }
    const found = [];
    for (let first = 0; first < lines.length; first++) {
      if (shown[first]) continue;
      let last = first;
      while (last < lines.length && !shown[last]) last++;
      const words = `${last - first} lines ${isReport ? "more" : "as before"}`;
      if (last - first >= LEAST) found.push([first, last, `… ${words}`]);
      first = last;
    }
    return found;
  }

  function fold(nodes, words) {
    const folded = document.createElement("span");
    folded.className = "folded";
    nodes[0].before(folded);
    folded.append(...nodes);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "unfold";
    folded.before(button);
    const show = (isShown) => {
      if (isShown) folded.removeAttribute("hidden");
      else folded.setAttribute("hidden", FINDS ? "until-found" : "");
      button.setAttribute("aria-expanded", isShown);
      // The style sheet shows this: the text of the listing stays what it is.
      button.setAttribute("aria-label", isShown ? "Fold these lines" : words);
    };
    show(false);
    button.addEventListener("click", () => show(folded.hasAttribute("hidden")));
    folded.addEventListener("beforematch", () => show(true));
  }
}
