// What the copy button copies is what the reader types, so that it can be pasted.

document.addEventListener("DOMContentLoaded", () => {
  const offer = (language, typed) => {
    for (const block of document.querySelectorAll(`.language-${language}`)) {
      const lines = typed(block.querySelector("code").textContent.split("\n"));
      if (lines.length) {
        block.dataset.copy = lines.join("\n"); // The theme copies this, if it is there.
      }
    }
  };
  offer("pycon", withoutPrompts);
  // Of a diff, the lines that come. Which ones go, the reader sees.
  offer("diff", (lines) =>
    lines.filter((line) => line.startsWith("+")).map((line) => line.slice(1)),
  );
});

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
