// The page "When it does not work": a field that leaves only what has some words in it.
// Without this all mistakes are listed.

"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const mistakes = [...document.querySelectorAll(".sights details")];
  const texts = mistakes.map((each) => each.textContent.toLowerCase());
  if (mistakes.length === 0) return;

  const label = document.createElement("label");
  label.textContent = "Only mistakes with these words";
  const field = document.createElement("input");
  field.type = "search";
  field.autocomplete = "off";
  field.spellcheck = false;
  label.append(field);
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  const form = document.createElement("form");
  form.className = "sights-filter";
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Mistakes");
  form.append(label, said);
  form.addEventListener("submit", (event) => event.preventDefault());

  const headings = [...document.querySelectorAll("h2, h3")].filter((each) => partOf(each).length);
  headings[0].before(form);

  // The mistakes below a heading, up to the next one that is as high.
  function partOf(heading) {
    const found = [];
    let next = heading.nextElementSibling;
    while (next && !(/^H[1-6]$/.test(next.tagName) && next.tagName <= heading.tagName)) {
      found.push(...next.querySelectorAll(":scope.sights > details"));
      next = next.nextElementSibling;
    }
    return found;
  }

  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    mistakes.forEach((each, place) => {
      each.hidden = !words.every((word) => texts[place].includes(word));
    });
    for (const heading of headings) {
      heading.hidden = partOf(heading).every((each) => each.hidden);
    }
    const shown = mistakes.filter((each) => !each.hidden).length;
    said.textContent = words.length
      ? `${shown} of ${mistakes.length} shown.`
      : `${mistakes.length} mistakes, all shown.`;
  }

  let timer; // A screen reader is told when the typing has stopped.
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 150);
  });
  filter();
});
