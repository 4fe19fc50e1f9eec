// The index of the search weighs more than a page. The theme asks for it at once; this
// sends that request when the reader first turns to the search.

"use strict";

{
  const isAsked = new Promise((ask) => {
    const ASKS = ".md-search, [for=__search], .md-search__button";
    for (const kind of ["focusin", "pointerdown"]) {
      addEventListener(kind, ({ target }) => target.closest?.(ASKS) && ask(), true);
    }
    // The themes' keys for it.
    addEventListener("keydown", ({ key }) => ["f", "s", "/", "k"].includes(key) && ask(), true);
    if (new URLSearchParams(location.search).has("q")) ask();
  });
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url, ...more) {
    this.isIndex = /\/search(\/search_index)?\.json$/.test(url);
    return open.call(this, method, url, ...more);
  };
  XMLHttpRequest.prototype.send = function (...body) {
    if (this.isIndex) isAsked.then(() => send.apply(this, body));
    else send.apply(this, body);
  };
}
