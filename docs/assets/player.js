// Make steps of a recorded session. Without this it is a table, and so it is in print.

"use strict";

{
  const SHORTEST = 900; // Milliseconds that a step is looked at, however soon the next came.
  const LONGEST = 1_500; // A longer wait is shortened, and said so.

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(1)} s`;

  function player(figure) {
    const rows = [...figure.querySelectorAll("tbody tr")];
    const times = rows.map((row) => Number(row.dataset.at) * 1_000);
    const lines = [...figure.querySelectorAll(".session-page li")];
    const scroll = figure.querySelector(".session-scroll");
    const asked = figure.querySelector(".session-question");
    const telling = asked ? Number(asked.dataset.before) - 1 : rows.length;
    const isAtEnd = figure.dataset.begin === "end"; // It is seen as a whole at first.

    let step = isAtEnd ? rows.length : 0; // How many rows are shown.
    let isAnswered = !asked;
    let fieldset; // With the question.
    let timer; // The next step waits here, while it plays.

    // What is pressed, and what is said

    const button = (words) => element("button", { type: "button" }, words);
    const back = button("Back");
    const play = button("Play");
    const next = button("Next");
    const table = button("Table");
    table.setAttribute("aria-pressed", "false");
    const progress = element("span", { class: "session-progress" });
    const controls = element(
      "div",
      { class: "session-controls", role: "group", "aria-label": "Play the recording" },
      ...[play, back, next, progress, table],
    );
    const said = element("p", { class: "session-said", role: "status" });
    figure.querySelector(".session-middle").append(controls, said);

    for (const row of rows) {
      const line = element("span", { class: "session-arrow", "aria-hidden": "true" });
      row.cells[2].append(line);
    }

    function inWords(number) {
      const [time, who, what, size] = [...rows[number].cells];
      const parts = [what.querySelector("summary") ?? what, ...what.querySelectorAll("p")];
      const bytes = size.textContent && `, ${size.textContent} bytes`;
      const words = parts.map((each) => (each === what ? firstOf(what) : each.textContent));
      return `${time.textContent}, ${who.textContent}: ${words[0].trim()}${bytes}. ${words
        .slice(1)
        .join(" ")}`.trim();
    }

    // What stands in a cell before its notes.
    function firstOf(cell) {
      return [...cell.children]
        .filter(({ tagName }) => tagName === "B" || tagName === "CODE")
        .map((each) => each.textContent)
        .join(" ");
    }

    // Show so many rows. What is stepped by hand is also read out.
    function show(count, words = "") {
      const isForward = count === step + 1;
      step = count;
      rows.forEach((row, number) => {
        row.classList.toggle("is-past", number < step);
        row.classList.toggle("is-new", isForward && number === step - 1);
      });
      for (const line of lines) {
        line.hidden = Number(line.dataset.step) > step;
        line.classList.toggle("is-new", isForward && Number(line.dataset.step) === step);
      }
      // Who was in a row that has gone goes on from the figure.
      const row = document.activeElement.closest("tr");
      if (rows.indexOf(row) >= step && isLive()) figure.focus({ preventScroll: true });
      scroll.scrollTop = scroll.scrollHeight;
      progress.textContent = `${step} of ${rows.length}`;
      // Why it is so stands beside the row that it is about, and no other.
      if (asked && isAnswered) verdict.hidden = step !== telling + 1;
      said.setAttribute("aria-live", timer ? "off" : "polite");
      const told = step ? inWords(step - 1) : `${rows.length} steps. Play them, or press Next.`;
      said.textContent = words || told;
      back.setAttribute("aria-disabled", String(step === 0));
      allow();
      play.textContent = timer ? "Pause" : step === rows.length ? "Play again" : "Play";
    }

    // While the question waits, the only way on is an answer.
    const isAsking = () => step === telling && !isAnswered && !fieldset.hidden;

    function allow() {
      next.setAttribute("aria-disabled", String(step === rows.length || isAsking()));
      play.setAttribute("aria-disabled", String(isAsking()));
    }

    function pause() {
      clearTimeout(timer);
      timer = undefined;
      play.textContent = step === rows.length ? "Play again" : "Play";
    }

    // Returns whether there was a step to go. Before the telling row, it asks.
    function goOn() {
      if (step === telling && !isAnswered) {
        const isPlaying = Boolean(timer);
        pause();
        ask(isPlaying);
        return false;
      }
      if (step === rows.length) return false;
      show(step + 1);
      return true;
    }

    function playOn() {
      if (!goOn()) return;
      if (step === rows.length) return pause();
      const gap = times[step] - times[step - 1];
      const isLong = gap > LONGEST;
      if (isLong) {
        said.textContent += ` (Then ${seconds(gap)} pass, shortened to ${seconds(LONGEST)}.)`;
      }
      timer = setTimeout(playOn, Math.min(Math.max(gap, SHORTEST), LONGEST));
    }

    play.addEventListener("click", () => {
      if (timer) {
        pause();
        said.setAttribute("aria-live", "polite");
        return;
      }
      if (step === rows.length) show(0);
      timer = setTimeout(playOn, 0);
      said.setAttribute("aria-live", "off");
      play.textContent = "Pause";
    });

    function byHand(count) {
      pause();
      if (count > step && count > telling && !isAnswered) {
        if (step < telling) show(telling);
        goOn();
      } else if (count >= 0 && count <= rows.length && count !== step) {
        show(count);
      }
    }
    back.addEventListener("click", () => byHand(step - 1));
    next.addEventListener("click", () => byHand(step + 1));

    figure.tabIndex = 0;
    figure.addEventListener("keydown", (event) => {
      const keys = { ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: rows.length };
      const isOurs = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      const isElsewhere = event.target.closest("fieldset");
      if (!(event.key in keys) || !isOurs || isElsewhere || !isLive()) return;
      event.preventDefault();
      byHand(keys[event.key]);
    });

    const isLive = () => figure.classList.contains("is-live");
    table.addEventListener("click", () => {
      pause();
      figure.classList.toggle("is-live");
      table.setAttribute("aria-pressed", String(!isLive()));
      scroll.scrollTop = scroll.scrollHeight;
    });

    // What a step is made of may be more than there is room for below it.
    scroll.addEventListener("toggle", ({ target }) => {
      if (!target.open || !isLive()) return;
      const [box, row] = [scroll, target.closest("tr")].map((each) => each.getBoundingClientRect());
      const lanes = scroll.querySelector(".session-lanes").offsetHeight; // They stay on top.
      const below = Math.min(row.bottom - box.bottom, row.top - box.top - lanes);
      if (below > 0) scroll.scrollTop += below;
    }, true);

    // What comes now?

    let tries = asked ? Number(asked.dataset.tries) : 0;
    let verdict;

    function prepare() {
      const [legend, list] = asked.children;
      const name = `${figure.id}-answer`;
      const choices = [...list.children].map((item, number) => {
        const radio = element("input", { type: "radio", name, value: number });
        return element("label", {}, radio, item.firstElementChild.cloneNode(true));
      });
      const answer = element("button", { type: "submit" }, "Answer");
      const tell = button("Tell me");
      verdict = element("p", { role: "status" });
      fieldset = element(
        "fieldset",
        { tabindex: -1, hidden: "" },
        element("legend", {}, "What comes now?"),
        element("p", {}, ...legend.cloneNode(true).childNodes),
        ...choices,
        element("div", { class: "session-controls" }, answer, tell),
      );
      // The number of the row says nothing to who sees no rows.
      fieldset.children[1].firstChild.textContent =
        fieldset.children[1].firstChild.textContent.replace(/^.*?\? /, "");
      const form = element("form", {}, fieldset, verdict);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const chosen = form.elements[name].value;
        if (chosen === "") return say("Choose one of the three.");
        judge(list.children[chosen], choices[chosen]);
      });
      tell.addEventListener("click", () => reveal(""));
      asked.before(form);

      const why = (item) => item.lastElementChild.textContent;
      const right = [...list.children].find((item) => "right" in item.dataset);

      // The same words again are said again: each stands in an element of its own.
      function say(words) {
        verdict.replaceChildren(element("span", {}, words));
      }

      function judge(item, label) {
        if (item === right) return reveal("Yes. ");
        tries -= 1;
        label.firstElementChild.disabled = true;
        label.firstElementChild.checked = false;
        label.classList.add("is-wrong");
        if (tries) return say(`No. ${why(item)} Once more.`);
        reveal(`No. ${why(item)} `);
      }

      function reveal(words) {
        isAnswered = true;
        const answer = right.firstElementChild.textContent;
        say(`${words}It is ${answer}. ${why(right)}`);
        fieldset.hidden = true;
        show(step + 1);
        next.focus();
      }
    }

    // Who has let it play may be elsewhere on the page by now.
    function ask(isPlaying) {
      fieldset.hidden = false;
      allow();
      said.setAttribute("aria-live", "polite");
      said.textContent = "Answer below, then it goes on.";
      if (!figure.contains(document.activeElement)) return;
      fieldset.focus({ preventScroll: isPlaying });
    }

    if (asked) prepare();
    figure.classList.add("is-live");
    show(step);
    if (isAtEnd) said.textContent = "This has happened. Play it again, or step with the arrow keys.";
  }

  for (const figure of document.querySelectorAll("figure.session:not(.is-live)")) player(figure);
}
