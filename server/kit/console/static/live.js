"use strict";
/* Live parts: data-live="address of events" beside hx-get and hx-trigger="live". An event says *look*, and htmx reads the
   part anew. A page in the background keeps no connection (browsers allow six a server); back in front it looks at
   once. Where events do not come it looks every data-poll-s seconds. Signed out, it says so and rests. */
(() => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const pollMs = Number(part.dataset.pollS || 15) * 1000;
  const tryAgainMs = 60000;
  let source = null;
  let poll = null;
  let again = null;
  let over = false;

  function say(state) {
    part.dataset.liveState = state;
    document.querySelectorAll("[data-live-word]").forEach((word) => { word.hidden = word.dataset.liveWord !== state; });
  }
  const told = () => ("liveParts" in part.dataset ? part.querySelectorAll("[hx-get][id]") : [part]);
  const look = () => { if (!document.hidden && !over) told().forEach((one) => window.htmx?.trigger(one, "live")); };
  function rest() {
    source?.close();
    source = null;
    clearInterval(poll);
    clearTimeout(again);
    poll = again = null;
  }
  function end() { over = true; rest(); say("over"); }
  function pollInstead() {
    if (poll) return;
    say("polling");
    poll = setInterval(look, pollMs);
  }
  function connect() {
    if (source || over || document.hidden) return;
    if (!window.EventSource) { pollInstead(); return; }
    source = new EventSource(part.dataset.live);
    source.onopen = () => { clearInterval(poll); poll = null; say("live"); };
    source.onmessage = (event) => {
      document.dispatchEvent(new CustomEvent("server-now", { detail: JSON.parse(event.data).now }));
      look();
    };
    source.addEventListener("over", end);
    source.onerror = () => {
      pollInstead();
      if (source?.readyState !== EventSource.CLOSED) return;
      source = null;
      clearTimeout(again);
      again = setTimeout(connect, tryAgainMs);
    };
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) rest(); else { look(); connect(); } });
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => { if (event.persisted) { look(); connect(); } });

  /* A refused look must not throw the reader out of the page that is open: it says what happened. */
  part.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 401 || event.detail.xhr.status === 403) { event.detail.shouldSwap = false; end(); }
  });
  part.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")?.startsWith("/console/sign-in")) { event.preventDefault(); end(); }
  });

  /* what a reader has opened and where the keyboard stands survive a look */
  const kept = new Map();
  const stops = (inside) => [...inside.querySelectorAll("a[href], button, summary, [tabindex]")];
  part.addEventListener("htmx:beforeSwap", (event) => {
    const inside = event.detail.target;
    kept.set(inside.id, {
      opened: [...inside.querySelectorAll("details")].map((one) => one.open),
      stop: stops(inside).indexOf(document.activeElement),
      scrolled: [...inside.querySelectorAll(".table-scroll")].map((one) => [one.scrollLeft, one.scrollTop]),
    });
  });
  part.addEventListener("htmx:afterSettle", (event) => {
    const { id } = event.detail.target;
    const inside = document.getElementById(id);
    const was = kept.get(id);
    if (!inside || !was) return;
    kept.delete(id);
    inside.querySelectorAll("details").forEach((one, order) => { one.open = was.opened[order] ?? one.open; });
    inside.querySelectorAll(".table-scroll").forEach((one, order) => { [one.scrollLeft, one.scrollTop] = was.scrolled[order] ?? [0, 0]; });
    if (was.stop >= 0) stops(inside)[was.stop]?.focus({ preventScroll: true });
  });
  say("waiting");
  connect();
})();
