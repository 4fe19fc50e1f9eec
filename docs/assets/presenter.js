"use strict";

// A second window for who teaches, opened by p on the slides: notes, what comes next, and
// the time. Both are this page, and each tells the other which slide it shows. Messages
// pass from file://, too, where nothing else does.

document.addEventListener("DOMContentLoaded", () => {
  const isSecond = new URLSearchParams(location.search).has("second");
  const slides = [...document.querySelectorAll(".slide")];
  const to = location.protocol === "file:" ? "*" : location.origin;
  let other = isSecond ? window.opener : null;
  let number = 0;

  function tell(message) {
    other?.postMessage({ slides: location.pathname, ...message }, to);
  }

  // Only the window that opened this one, or that this one opened, is believed.
  function isOther(source) {
    return isSecond ? source === window.opener : source.opener === window;
  }

  addEventListener("message", ({ source, data }) => {
    if (data?.slides !== location.pathname || !source || !isOther(source)) return;
    other = source; // Also when this page has been loaded again.
    if (data.isAsking) tell({ number, was: data.was });
    else {
      answered();
      // Whoever has moved on since it asked is not led back by the answer.
      const isLate = data.was && data.was !== number;
      if (!isLate && data.number !== number) follow(data.number);
    }
  });

  function follow(wanted) {
    // Not told back: whoever has moved on meanwhile would follow that, and so on.
    number = wanted;
    location.replace(`#${wanted}`);
    // The event comes later, and until then an answer would name the slide before.
    dispatchEvent(new HashChangeEvent("hashchange"));
  }

  document.addEventListener("slides:shown", ({ detail }) => {
    if (!number) add(isSecond ? panel : opens, isSecond);
    const isNew = number !== detail;
    number = detail;
    if (isSecond) tellOf(slides[number - 1], slides[number]);
    if (isNew) tell({ number });
  });

  function make(name, className, words = "") {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = words;
    return made;
  }

  function add(part, isBeside) {
    const bar = document.querySelector(".slides-bar");
    if (isBeside) bar.before(part);
    else bar.querySelector("a").before(part, blocked);
  }

  // In the window of the slides.
  const opens = make("button", "", "Second window (p)");
  opens.type = "button";
  opens.addEventListener("click", open);
  const blocked = make("span", "slides-blocked");
  blocked.setAttribute("role", "status");

  function open() {
    const address = new URL(location);
    address.search = "second";
    // Beside the slides, and larger than what a phone has.
    other = window.open(address, "slides-second", "popup,width=1200,height=760");
    blocked.textContent = other ? "" : "The browser has blocked the second window. Allow pop-ups here.";
  }

  // In the second window.
  const panel = make("aside", "presenter");
  panel.setAttribute("aria-label", "For you");
  const clock = make("p", "presenter-clock");
  const spent = make("p", "presenter-spent");
  const planned = make("p", "presenter-planned");
  const again = make("button", "", "The lesson begins now");
  const alone = make("p", "presenter-alone");
  alone.setAttribute("role", "status");
  const notes = make("div", "presenter-notes");
  const plan = make("div", "presenter-plan");
  again.type = "button";
  again.addEventListener("click", () => {
    begin(Date.now());
    tick();
  });
  const times = make("div", "presenter-times");
  times.append(clock, spent, planned, again);
  const heading = make("h2", "", "Notes to this slide");
  panel.append(times, alone, heading, notes);
  panel.append(make("h2", "", "The plan at this slide"), plan);
  const key = `begun ${location.pathname}`;
  let begun = kept() || Date.now();
  let missed = 0;

  // When the lesson began is known also after this page has been loaded again.
  function kept() {
    try {
      return Number(sessionStorage.getItem(key));
    } catch {
      return 0; // A browser may forbid it.
    }
  }

  function begin(time) {
    begun = time;
    try {
      sessionStorage.setItem(key, time);
    } catch {
      // Then it begins again with the page.
    }
  }

  function at(minutes) {
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  }

  function tellOf(slide, next) {
    for (const each of slides) each.classList.toggle("is-next", each === next);
    const said = slide.querySelectorAll(".notes > :not(summary, .plan)");
    notes.replaceChildren(...copies(said));
    heading.hidden = !said.length;
    // A part of the plan goes on until the next one begins.
    let from = slide;
    while (from && !from.querySelector(".plan")) from = from.previousElementSibling;
    plan.replaceChildren(...copies(from?.querySelectorAll(".plan") ?? []));
    tick();
  }

  // A link opens a window of its own, so that this one stays.
  function copies(found) {
    return [...found].map((each) => {
      const copy = each.cloneNode(true);
      for (const link of copy.querySelectorAll("a")) link.target = "_blank";
      return copy;
    });
  }

  function tick() {
    const now = new Date();
    clock.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const minutes = Math.floor((now - begun) / 60000);
    const { from, to: end } = slides[number - 1].dataset;
    spent.textContent = `${at(minutes)} since the lesson began`;
    planned.textContent = `${at(Number(from))} to ${at(Number(end))} planned for this part`;
    if (minutes > end) planned.append(`, ${minutes - end} min over`);
  }

  function answered() {
    missed = 0;
    alone.textContent = "";
  }

  function ask() {
    tick();
    tell({ isAsking: true, was: number });
    missed += 1;
    if (missed > 3) {
      alone.textContent = "The window with the slides does not answer. Close this one, and press p there.";
    }
  }

  function press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const isOurs = isSecond ? ["Escape", "n", "p"] : ["p"];
    if (!isOurs.includes(event.key)) return;
    event.stopImmediatePropagation(); // To the theme, p means the page before.
    if (!isSecond) open();
    else if (event.key === "Escape") window.close();
  }

  addEventListener("keydown", press, { capture: true });
  if (isSecond) {
    begin(begun);
    document.documentElement.classList.add("is-second");
    document.title = `For you: ${document.title}`;
    // It asks again and again: the other window may have been loaded anew.
    setInterval(ask, 1000);
    tell({ isAsking: true, was: number });
  }
});
