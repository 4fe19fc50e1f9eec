// The page "When it does not work": a field that leaves only what has some words in it,
// what fits best first. Without this all mistakes are listed.

"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const rows = [...document.querySelectorAll(".sights details")].map((details, place) => ({
    details,
    place,
    list: details.parentElement,
    title: details.querySelector("summary span").textContent.toLowerCase(),
    text: details.textContent.toLowerCase(),
    stage: Number(details.querySelector("small").textContent.match(/\d+/)),
  }));
  if (rows.length === 0) return;

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

  // What was found stands in a list of its own, since the best may be far below.
  const found = document.createElement("div");
  found.className = "sights";
  const headings = [...document.querySelectorAll("h2, h3")].filter(hasRows);
  headings[0].before(form, found);

  // Whether mistakes stand below a heading, up to the next one that is as high.
  function hasRows(heading) {
    let next = heading.nextElementSibling;
    while (next && !(/^H[1-6]$/.test(next.tagName) && next.tagName <= heading.tagName)) {
      if (next.matches(".sights")) return true;
      next = next.nextElementSibling;
    }
    return false;
  }

  // A word is found where a word begins: "port" is in no "import".
  function beginning(word) {
    const start = /^[\p{L}\p{N}]/u.test(word) ? "(?<![\\p{L}\\p{N}])" : "";
    return new RegExp(start + word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "u");
  }

  // Lower is better: all that was typed in the title, its words there, or elsewhere.
  function fit(row, whole, words) {
    if (whole.test(row.title)) return 0;
    if (words.every((word) => word.test(row.title))) return 1;
    return whole.test(row.text) ? 2 : 3;
  }

  function filter() {
    const typed = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const words = typed.map(beginning);
    const whole = beginning(typed.join(" "));
    const fitting = rows.filter((row) => words.every((word) => word.test(row.text)));
    for (const row of rows) {
      row.list.append(row.details); // Back into its list, in the old order.
      row.details.hidden = !fitting.includes(row);
    }
    for (const element of [...headings, ...new Set(rows.map((row) => row.list))]) {
      element.hidden = typed.length > 0;
    }
    found.hidden = typed.length === 0;
    if (typed.length) {
      const order = (row) => fit(row, whole, words) * 10 + row.stage;
      fitting.sort((a, b) => order(a) - order(b) || a.place - b.place);
      found.append(...fitting.map((row) => row.details));
    }
    said.textContent = typed.length
      ? `${fitting.length} of ${rows.length} shown.`
      : `${rows.length} mistakes, all shown.`;
  }

  let timer; // A screen reader is told when the typing has stopped.
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 150);
  });
  // A link to a heading that is not shown now: the list comes back first.
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!headings.includes(target)) return;
    field.value = "";
    filter();
    target.scrollIntoView();
  });
  filter();
});
