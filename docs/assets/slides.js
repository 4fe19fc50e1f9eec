"use strict";

// Shows the slides of this page one at a time. The address says which: #3 is the third.

document.addEventListener("DOMContentLoaded", () => {
  const slides = [...document.querySelectorAll(".slide")];
  const back = document.querySelector(".slides-back a");
  const isLarge = matchMedia("(min-width: 800px) and (min-height: 450px)");

  function button(words, step) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.addEventListener("click", () => go(shown() + step));
    return made;
  }

  const bar = document.createElement("nav");
  bar.className = "slides-bar";
  bar.setAttribute("aria-label", "Slides");
  const previous = button("← Previous", -1);
  const next = button("Next →", 1);
  const counter = document.createElement("output"); // Its changes are spoken.
  const notes = document.createElement("button");
  notes.type = "button";
  notes.addEventListener("click", () => note(!isNoted()));
  const leave = document.createElement("a");
  leave.href = back.href;
  leave.textContent = `${back.textContent} (Esc)`;
  bar.append(previous, counter, next, notes, leave);
  document.querySelector(".slides").after(bar);

  // The number of the slide that the address names, or the first.
  function shown() {
    const number = Number(location.hash.slice(1));
    return Number.isInteger(number) && number >= 1 ? Math.min(number, slides.length) : 1;
  }

  // One entry in the history for the whole show: "Back" leaves it.
  function go(number) {
    if (number >= 1 && number <= slides.length) {
      location.replace(`#${number}`);
      show(); // The event comes later, and keys may be quicker.
    }
  }

  // What only who teaches should read stands below a slide for who presses n. It has a
  // window of its own for who presses p: presenter.js.
  function isNoted() {
    return document.documentElement.classList.contains("is-noted");
  }

  function note(isWanted) {
    document.documentElement.classList.toggle("is-noted", isWanted);
    for (const each of document.querySelectorAll(".notes")) each.open = isWanted;
    notes.setAttribute("aria-pressed", isWanted);
    show();
  }

  function show() {
    const number = shown();
    slides.forEach((slide, place) => {
      slide.classList.toggle("is-current", place + 1 === number);
    });
    counter.textContent = `${number} / ${slides.length}`;
    const hasNotes = slides[number - 1].querySelector(".notes");
    notes.textContent = hasNotes ? "Notes (n)" : "No notes (n)";
    previous.setAttribute("aria-disabled", number === 1);
    next.setAttribute("aria-disabled", number === slides.length);
    document.dispatchEvent(new CustomEvent("slides:shown", { detail: number }));
  }

  const steps = {
    ArrowRight: () => shown() + 1,
    ArrowDown: () => shown() + 1,
    PageDown: () => shown() + 1,
    ArrowLeft: () => shown() - 1,
    ArrowUp: () => shown() - 1,
    PageUp: () => shown() - 1,
    Home: () => 1,
    End: () => slides.length,
  };

  // Space leads on, as on every projector, unless it presses what has the focus.
  function stepOf(event) {
    if (event.key !== " ") return steps[event.key];
    if (event.target.closest("button, summary, input, select, textarea")) return null;
    return event.shiftKey ? steps.PageUp : steps.PageDown;
  }

  function press(event) {
    if (!isLarge.matches || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      location.assign(leave.href);
    } else if (event.key === "n") {
      event.stopImmediatePropagation(); // To the theme it means the next page.
      note(!isNoted());
    } else if (stepOf(event)) {
      event.preventDefault();
      go(stepOf(event)());
    }
  }

  // What is opened while one teaches does not end the show.
  for (const link of document.querySelectorAll(".slide a:not([href^='#'])")) {
    link.target = "_blank";
    link.rel = "noopener";
  }

  addEventListener("keydown", press, { capture: true });
  addEventListener("hashchange", show);
  document.documentElement.classList.add("is-slideshow");
  note(false);
});
