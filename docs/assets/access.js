// What the theme leaves out for those who use the keyboard, or hear the page.

"use strict";

// Say something to who hears the page. The same words twice are heard twice.
const speak = (() => {
  const region = document.createElement("div");
  region.className = "spoken";
  region.setAttribute("role", "status");
  document.body.append(region);
  let timer;
  return (words) => {
    clearTimeout(timer);
    region.textContent = "";
    timer = setTimeout(() => (region.textContent = words), 100);
  };
})();

{
  const drawer = document.getElementById("__drawer");

  // The theme's buttons are labels of hidden boxes, which no key reaches. A real button
  // stands in for each. The label stays, hidden, since the theme listens to it.
  function standIn(label, name) {
    if (!label) return null;
    const button = document.createElement("button");
    button.type = "button";
    button.className = label.className;
    button.setAttribute("aria-label", name);
    button.dataset.for = label.htmlFor;
    button.append(...label.childNodes);
    button.addEventListener("click", () => label.click());
    label.before(button);
    label.hidden = true;
    return button;
  }

  const isSeen = (each) => each.checkVisibility({ visibilityProperty: true });

  standIn(document.querySelector(".md-header__button[for=__search]"), "Search");
  // On a phone, Zensical's list of the page's sections.
  standIn(document.querySelector(".md-sidebar-button[for=__toc]"), "On this page");
  const menu = standIn(document.querySelector(".md-header__button[for=__drawer]"), "Menu");

  // Who opens the menu is in it, and comes back out of it.
  if (drawer && menu) {
    const told = () => menu.setAttribute("aria-expanded", drawer.checked);
    told();
    drawer.addEventListener("change", () => {
      told();
      const inside = document.querySelector(".md-sidebar--primary");
      if (drawer.checked) {
        [...inside.querySelectorAll("a[href], button")].find(isSeen)?.focus();
      } else if (inside.contains(document.activeElement)) {
        menu.focus();
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && drawer.checked) drawer.click();
    });
  }

  const search = document.querySelector(".md-search[role=dialog]");
  if (search && !search.hasAttribute("aria-label")) {
    search.setAttribute("aria-label", "Search");
  }

  // The first link of a result of MkDocs leads to the top of a page, even where it is a
  // section that has the words: it then leads to that section.
  const results = document.querySelector(".md-search-result__list");
  const score = (link) => Number(link.querySelector("[data-md-score]")?.dataset.mdScore);
  function aim() {
    for (const item of results.children) {
      const [page, section] = item.querySelectorAll("a.md-search-result__link");
      if (section && score(section) > score(page)) page.href = section.href;
    }
  }
  if (results) new MutationObserver(aim).observe(results, { childList: true });

  // A section of the menu unfolds: its button says so, and not the list beside it.
  for (const label of document.querySelectorAll(".md-nav__item label[tabindex='0']")) {
    const box = document.getElementById(label.htmlFor);
    const button = document.createElement("button");
    button.type = "button";
    button.id = label.id; // The list is named by it.
    button.className = label.className;
    button.append(...label.childNodes);
    label.replaceWith(button);
    const told = () => button.setAttribute("aria-expanded", box.checked);
    told();
    box.addEventListener("change", told);
    // On a phone, the section covers the list that it was in.
    const title = button.textContent.trim();
    const back = standIn(document.querySelector(`.md-nav__title[for="${box.id}"]`), `Back from ${title}`);
    button.addEventListener("click", () => {
      box.click();
      if (box.checked && isSeen(back)) back.focus();
    });
    back.addEventListener("click", () => button.focus());
  }
  for (const list of document.querySelectorAll(".md-nav[aria-expanded]")) {
    list.removeAttribute("aria-expanded");
  }

  // Whatever is too wide, and scrolls, is reached by Tab, and has a name.
  const WIDE = { ".md-typeset__scrollwrap": "Table", "pre > code": "Code", ".tabbed-labels": "Tabs", ".wide": "Table" };
  function reach(box) {
    const [, name] = Object.entries(WIDE).find(([selector]) => box.matches(selector));
    const title = box.closest(".highlight")?.querySelector(".filename")?.textContent;
    const given = { tabindex: "0", role: "group", "aria-label": title ?? name };
    const isWide = box.scrollWidth > box.clientWidth;
    for (const [attribute, value] of Object.entries(given)) {
      if (isWide) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  }
  const sizes = new ResizeObserver((changes) => {
    for (const { target } of changes) reach(target);
  });
  // The theme has wrapped the tables by then.
  addEventListener("load", () => {
    const boxes = document.querySelector(".md-content").querySelectorAll(Object.keys(WIDE));
    for (const box of boxes) sizes.observe(box);
  });
}
