// A button at each block of code. It copies what the reader types, and nothing else, so
// that it can be pasted.

"use strict";

{
  // By the language of a block: its lines that are typed.
  const TYPED = { console: withoutOutput, pycon: withoutPrompts, diff: whatComes };

  for (const block of document.querySelectorAll(".md-typeset .highlight")) {
    const code = block.querySelector("pre > code");
    if (!code || code.closest(".slide")) continue;
    const [, language] = block.className.match(/language-(\w+)/) ?? [];
    const parts = language === "diff" ? partsOf(code) : [];
    if (parts.length > 1) {
      parts.filter((part) => part.some((line) => line.textContent.slice(1))).forEach(offer);
      continue;
    }
    const lines = code.textContent.trimEnd().split("\n");
    const typed = language in TYPED ? TYPED[language](lines, code) : lines;
    if (!typed.length) continue;
    block.dataset.copy = typed.join("\n");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      button.textContent = await said(block.dataset.copy);
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  }

  // What comes in several places of a file can be pasted nowhere in one piece.
  function partsOf(code) {
    const parts = [];
    let before = null;
    for (const line of code.querySelectorAll(":scope > .gi")) {
      const isNext = before?.nextSibling?.textContent === "\n" && before.nextSibling.nextSibling === line;
      if (isNext) parts.at(-1).push(line);
      else parts.push([line]);
      before = line;
    }
    return parts;
  }

  // A button at the first line of a part. Its words are no text, so that no copy has them.
  function offer(part, place) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy copy-part";
    button.dataset.copy = part.map((line) => line.textContent.slice(1)).join("\n");
    button.dataset.words = "Copy";
    const many = part.length > 1 ? `these ${part.length} lines` : "this line";
    button.setAttribute("aria-label", `Copy ${many}, part ${place + 1}`);
    button.addEventListener("click", async () => {
      button.dataset.words = await said(button.dataset.copy);
      setTimeout(() => (button.dataset.words = "Copy"), 2000);
    });
    part[0].prepend(button);
  }

  // Copy, and say whether it went well.
  async function said(text) {
    const isCopied = await copy(text);
    speak(isCopied ? "Copied" : "This browser does not let a page copy");
    return isCopied ? "Copied" : "Not copied";
  }

  // A page that came over plain http from another machine has no clipboard.
  async function copy(text) {
    if (navigator.clipboard) {
      return navigator.clipboard.writeText(text).then(
        () => true,
        () => false,
      );
    }
    const focused = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    focused.focus();
    return isCopied;
  }

  function withoutOutput(lines, code) {
    const typed = code.cloneNode(true);
    for (const each of typed.querySelectorAll(".gp, .go")) each.remove();
    return typed.textContent.split("\n").filter((line) => line.trim());
  }

  // Of a diff, the lines that come. Which ones go, the reader sees.
  function whatComes(lines) {
    return lines.filter((line) => line.startsWith("+")).map((line) => line.slice(1));
  }

  // Before 3.13, Python's prompt wants an empty line after each indented block.
  function withoutPrompts(lines) {
    const statements = [];
    let isPrinted = true; // What Python prints is not typed.
    for (const line of lines) {
      if (line.startsWith(">>> ")) {
        statements.push([line.slice(4)]);
        isPrinted = false;
      } else if (line.startsWith("...") && !isPrinted) {
        statements.at(-1).push(line.slice(4));
      } else {
        isPrinted = true;
      }
    }
    return statements.flatMap((each) => (each.length > 1 ? [...each, ""] : each));
  }
}
