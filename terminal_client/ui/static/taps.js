/* Taps that count: forms marked data-tap. They go to the terminal one after another in the order of the taps, and do not
   belong to the row that was tapped: where that is drawn anew meanwhile, the tap still counts, and no older answer
   paints over a newer one. Taps that wait for the same button are sent as one. What leads elsewhere, a link or another
   form, waits until all taps have been taken. News keep away from what a person is typing into, and those that were
   asked for before a tap are thrown away; both are asked for anew after the next tap. */
"use strict";

(() => {
  const PART = { swap: "none" };
  const PAGE = { target: "body", swap: "innerHTML show:none", headers: { "HX-Boosted": "true" } };

  const waiting = [];
  let busy = false, taken = 0, stale = false, held = null;

  const again = (one, other) => other && one.path === other.path && one.values.has("way")
    && ["sku", "way"].every((name) => one.values.get(name) === other.values.get(name));

  function tap(form, button) {
    const asked = { path: form.getAttribute("action"), values: new FormData(form, button), how: form.dataset.tap === "page" ? PAGE : PART, times: 1 };
    const before = waiting.at(-1);
    if (again(asked, before)) before.times += 1;
    else waiting.push(asked);
    taken += 1;
    if (!busy) send();
  }

  async function send() {
    busy = true;
    while (waiting.length) {
      const { path, values, how, times } = waiting.shift();
      const seen = document.getElementById("seen");
      if (times > 1) values.set("times", times);
      if (seen) values.set("seen", seen.value);
      await htmx.ajax("POST", path, { source: document.getElementById("main"), values, ...how }).catch(() => { stale = true; });
    }
    busy = false;
    const go = held;
    held = null;
    if (go) go();
    else look();
  }

  function look() {
    if (busy || !stale) return;
    stale = false;
    htmx.trigger(document.body, "news");
  }

  /* What was held goes on as it stands on the page by then: it may have been drawn anew. */
  function hold(event, element, selector, act) {
    event.preventDefault();
    event.stopImmediatePropagation();
    held = () => {
      const now = element.isConnected ? element : document.querySelector(selector);
      if (now) act(now);
    };
  }

  /* A quantity that stands in the pad and was not set yet: who submits then sets it first, sees it, and submits again. */
  function typedAnew() {
    const figure = document.querySelector(".pad [name=quantity]");
    return figure && figure.value !== figure.defaultValue;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.matches("[data-tap]")) {
      event.preventDefault();
      event.stopPropagation();
      tap(form, button);
    } else if (form.matches('[action="/order/submit"]') && typedAnew()) {
      event.preventDefault();
      event.stopPropagation();
      document.querySelector(".pad").requestSubmit();
    } else if (busy) {
      const same = `form[action="${CSS.escape(form.getAttribute("action"))}"]`;
      hold(event, form, same, (now) => now.requestSubmit(now.contains(button) ? button : null));
    }
  }, true);

  document.addEventListener("click", (event) => {
    const link = busy && event.target.closest("a[href]");
    if (link) hold(event, link, `a[href="${CSS.escape(link.getAttribute("href"))}"]`, (now) => now.click());
  }, true);

  const isNews = (element) => element.matches('[hx-trigger^="news"]');
  const typing = (element) => element.dataset.waitsFor && document.querySelector(element.dataset.waitsFor);

  document.addEventListener("htmx:beforeRequest", (event) => {
    const asked = event.detail.requestConfig;
    asked.taken = taken;
    if (!isNews(asked.elt) || !(busy || typing(asked.elt))) return;
    stale = true;
    event.preventDefault();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const asked = event.detail.requestConfig;
    if (asked.verb !== "get" || asked.elt.id === "banner" || asked.taken === taken) return;
    if (isNews(asked.elt)) event.detail.shouldSwap = false;
    stale = true;
    setTimeout(look);
  });
})();
