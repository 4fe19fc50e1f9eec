// The first use of a term on a page shows what the glossary says of it: on hover, on
// focus, on a tap. Escape closes it. TERMS comes from glossary.js.

"use strict";

(() => {
  // Prose only: no code, no headings, nothing that is pressed already or folded away.
  const NOT_HERE = `a, aside, button, code, details, dialog, figure, form, h1, h2, h3, h4,
    h5, h6, kbd, label, nav, pre, script, style, summary, svg, th, .admonition-title,
    .tabbed-set, [aria-live], [contenteditable], [data-no-terms], [role="button"],
    [role="img"], [role="log"]`;
  const PATIENCE = 200; // Milliseconds: a mouse on its way opens and closes nothing.
  const EDGE = 8; // Pixels between what is shown and the edge of the window.

  const page = location.pathname.match(/([^/]*?)(\.html)?$/)[1] || "index";
  const article = document.querySelector(".md-content__inner");
  const note = document.createElement("span");
  const meaning = document.createElement("span");
  const link = document.createElement("a");
  let shown = null; // The use of a term beside which the note stands.
  let timer;

  // Browsers from before 2024 know no popover, and show the text alone.
  if (article && page !== "glossary" && "popover" in note) {
    prepare();
    mark();
  }

  function mark() {
    const terms = new Map();
    for (const term of TERMS) {
      if (term.notOn?.includes(page)) continue;
      for (const form of term.forms.split("|")) terms.set(form, term);
    }
    // The longest first: a close frame is more than a frame.
    const forms = [...terms.keys()].sort((one, other) => other.length - one.length);
    const words = forms.join("|").replaceAll(" ", "\\s+");
    const pattern = new RegExp(
      String.raw`(?<![\p{L}\p{N}_./-])(?:${words})(?![\p{L}\p{N}_/-]|:/)`,
      "gu",
    );
    const known = new Set();
    for (const text of prose()) {
      const uses = [];
      for (const found of text.data.matchAll(pattern)) {
        const term = terms.get(found[0].replaceAll(/\s+/g, " "));
        if (!known.has(term)) uses.push([found, term]);
        known.add(term);
      }
      // From the end, so that what comes before stays where it was.
      for (const [found, term] of uses.reverse()) {
        const use = text.splitText(found.index);
        use.splitText(found[0].length);
        offer(use, term);
      }
    }
  }

  function prose() {
    const walker = document.createTreeWalker(
      article,
      NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT,
      (node) => {
        if (node.nodeType === Node.TEXT_NODE) return NodeFilter.FILTER_ACCEPT;
        return node.matches(NOT_HERE) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
      },
    );
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    return texts;
  }

  function offer(text, term) {
    // A button, but one that breaks between its words, as the text did.
    const use = document.createElement("span");
    use.className = "term";
    use.tabIndex = 0;
    use.setAttribute("role", "button");
    use.setAttribute("aria-expanded", "false");
    text.replaceWith(use);
    use.append(text);
    const open = () => show(use, term);
    use.addEventListener("focus", open);
    use.addEventListener("click", open);
    use.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") soon(open);
    });
    use.addEventListener("pointerleave", () => soon(hideUnlessFocused));
    use.addEventListener("blur", leave);
    use.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault(); // Space would scroll.
      if (shown === use) hide();
      else open();
    });
  }

  function prepare() {
    note.id = "term-note";
    note.className = "term-note";
    note.popover = "manual";
    link.textContent = "In the glossary";
    note.append(meaning, " ", link);
    note.addEventListener("pointerenter", () => clearTimeout(timer));
    note.addEventListener("pointerleave", () => soon(hideUnlessFocused));
    link.addEventListener("blur", leave);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !shown) return;
      const use = shown;
      const isInside = note.contains(document.activeElement);
      hide();
      if (isInside) {
        use.focus(); // Which shows it again.
        hide();
      }
    });
    document.addEventListener("pointerdown", (event) => {
      if (shown && !shown.contains(event.target) && !note.contains(event.target)) hide();
    });
  }

  function soon(act) {
    clearTimeout(timer);
    timer = setTimeout(act, PATIENCE);
  }

  function show(use, term) {
    clearTimeout(timer);
    if (shown === use) return;
    hide();
    shown = use;
    meaning.textContent = term.meaning;
    link.href = `glossary.html#${term.id}`;
    link.setAttribute("aria-label", `${term.term}, in the glossary`);
    use.after(note); // So that Tab goes from the term to the link.
    note.showPopover();
    use.setAttribute("aria-expanded", "true");
    use.setAttribute("aria-describedby", note.id);
    place(use);
  }

  function place(use) {
    const lines = use.getClientRects();
    const line = lines[lines.length - 1];
    const { width, height } = note.getBoundingClientRect();
    const view = document.documentElement;
    const left = Math.min(line.left, view.clientWidth - width - EDGE);
    const isBelow = line.bottom + height + EDGE <= view.clientHeight;
    const top = isBelow ? line.bottom + EDGE / 2 : lines[0].top - height - EDGE / 2;
    // It scrolls with the text.
    note.style.left = `${Math.max(EDGE, left) + scrollX}px`;
    note.style.top = `${Math.max(EDGE, top) + scrollY}px`;
  }

  function leave(event) {
    const goesOn = event.relatedTarget === shown || note.contains(event.relatedTarget);
    if (!goesOn) hide();
  }

  function hideUnlessFocused() {
    const focused = document.activeElement;
    if (focused !== shown && !note.contains(focused)) hide();
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    shown.setAttribute("aria-expanded", "false");
    shown.removeAttribute("aria-describedby");
    shown = null; // First: what loses the focus as it goes must not hide again.
    note.remove();
  }
})();
