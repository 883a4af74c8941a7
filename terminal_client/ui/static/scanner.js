/* Scans. A scanner types like a keyboard, only quicker: so many keys so close together are a scan and not typing. From the
   key that shows it on nothing reaches the page any more, and what came before is taken out of the field again. A scan is
   told to the terminal under an id of its own until the terminal has answered: none is lost, none counts twice. A number
   keyed after a scan, outside any field of the order screen, says how many of it there are: 2 makes two of the one. */
"use strict";

(() => {
  const GAP_MS = 50;     // no hand types so close together
  const LEAST = 6;       // keys, so many times in a row
  const MOST = 128;      // characters; the terminal refuses what is longer
  const QUIET_MS = 120;  // a scanner without an end mark is done after so long
  const AGAIN_MS = 500;
  const KEPT = 64;
  const SAID_MS = 8000;
  const GS = "\u001d";
  const SPOILT = "\u0000";
  const SILENT = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "ScrollLock"]);

  const NUMBER = /^[0-9]{1,3}$/;
  const KEYED_MS = 1500;  // a number is whole after so long, or at Enter, or at the next scan

  let burst = null;
  let last = "", many = "", counts = 0;

  function character(event) {
    if (event.key === "F8" || (event.ctrlKey && event.code === "BracketRight")) return GS;
    if (event.ctrlKey || event.altKey || event.metaKey) return SPOILT;
    if (event.key.length === 1) return event.key;
    if (event.key !== "Process" && event.key !== "Unidentified" && event.key !== "Dead") return SPOILT;
    const known = /^(?:Digit|Numpad|Key)([0-9A-Z])$/.exec(event.code);  // an input method has the key
    return known ? (event.shiftKey ? known[1] : known[1].toLowerCase()) : SPOILT;
  }

  function begin(event) {
    const field = event.target.closest && event.target.closest("input, textarea");
    return { text: "", keys: 0, at: event.timeStamp, field, before: field && field.value, timer: 0, scan: false };
  }

  function restore() {
    const { field, before } = burst;
    if (!field || !field.isConnected || field.value === before) return;
    field.value = before;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function complete() {
    const done = burst;
    burst = null;
    if (!done) return;
    clearTimeout(done.timer);
    if (done.scan) keep(crypto.randomUUID(), done.text);
    else if (last && !done.field && NUMBER.test(many + done.text)) {
      many += done.text;
      clearTimeout(counts);
      counts = setTimeout(count, KEYED_MS);
    }
  }

  function count() {
    const times = Number(many), text = last;
    clearTimeout(counts);
    many = "";
    if (times > 1) push({ id: crypto.randomUUID(), text, times });
  }

  /* Twice quiet: what a busy page has not heard yet is heard in between. */
  function whenQuiet(once) {
    const mine = burst, keys = burst.keys;
    clearTimeout(mine.timer);
    mine.timer = setTimeout(() => {
      if (burst !== mine || mine.keys !== keys) return;
      if (once) whenQuiet(false);
      else complete();
    }, QUIET_MS);
  }

  function swallow(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  document.addEventListener("keydown", (event) => {
    if (!event.isTrusted || SILENT.has(event.key)) return;
    if (burst && event.timeStamp - burst.at > GAP_MS) complete();
    if (event.repeat && !(burst && burst.scan)) { burst = null; return; }
    if (event.key === "Enter" || event.key === "Tab") {
      if (burst && (burst.scan || !burst.field)) { if (burst.scan) swallow(event); complete(); } else burst = null;
      if (many) { swallow(event); count(); }
      return;
    }
    if (!burst) burst = begin(event);
    burst.at = event.timeStamp;
    burst.keys += 1;
    if (burst.text.length <= MOST) burst.text += character(event);
    if (!burst.scan && burst.keys >= LEAST) { burst.scan = true; restore(); }
    if (burst.scan || (burst.keys > 1 && !burst.field)) swallow(event);
    if (burst.scan || (last && !burst.field)) whenQuiet(true);
  }, true);

  /* On the way to the terminal */
  let queue = [];
  try { queue = JSON.parse(sessionStorage.getItem("scans")) || []; } catch { queue = []; }
  const told = new Set();
  let telling = false;

  function save() {
    sessionStorage.setItem("scans", JSON.stringify(queue));
  }

  function keep(id, text) {
    if (told.has(id) || queue.some((each) => each.id === id)) return;
    count();
    last = document.querySelector('[hx-get="/order/live"]') ? text : "";
    push({ id, text });
  }

  function push(scan) {
    if (queue.length >= KEPT) return;
    queue.push(scan);
    save();
    tell();
  }

  async function tell() {
    if (telling) return;
    telling = true;
    while (queue.length) {
      const scan = queue[0];
      let answer = null;
      try {
        const { id, text, times = 1 } = scan;
        const body = new URLSearchParams({ id, text, times, on: location.pathname + location.search });
        answer = await fetch("/scans", { method: "POST", body, headers: { "HX-Request": "true" } });
      } catch { answer = null; }
      if (answer === null || answer.status >= 500) {
        await new Promise((on) => setTimeout(on, AGAIN_MS));
        continue;
      }
      queue.shift();
      told.add(scan.id);
      save();
      if (answer.ok) await show(await answer.text(), answer.headers);
    }
    telling = false;
  }

  let hides = 0;
  function say(html) {
    const place = document.getElementById("scanned");
    if (!place) return;
    place.innerHTML = html;
    const tone = ["stop", "wait"].find((each) => place.querySelector(`.note.${each}`)) || "ok";
    document.dispatchEvent(new CustomEvent("scanned", { detail: tone }));
    clearTimeout(hides);
    hides = setTimeout(() => { last = ""; const now = document.getElementById("scanned"); if (now) now.replaceChildren(); }, SAID_MS);
  }

  async function show(html, headers) {
    const go = headers.get("X-Scan-Go"), fill = headers.get("X-Scan-Fill"), row = headers.get("X-Scan-Show");
    if (go) {
      await htmx.ajax("GET", go, { target: "body", swap: "innerHTML show:none" });
      history.replaceState(null, "", go);
    }
    say(html);
    const field = document.querySelector("[data-scan-field]");
    if (fill && field) {
      field.value = fill;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (row) await pick(row);
  }

  /* Rows that are not on the page are searched for: the scan's row is what a person looks at. */
  async function pick(row) {
    const live = document.querySelector('[hx-get="/order/live"]');
    if (live) {
      const search = document.getElementById("q");
      if (search && !document.getElementById(`row-${row}`)) search.value = fromHex(row);
      await htmx.ajax("GET", "/order/live", { source: live, swap: "none" });
    }
    for (const old of document.querySelectorAll(".picked")) old.classList.remove("picked");
    const found = document.getElementById(`row-${row}`);
    if (!found) return;
    found.classList.add("picked");
    found.scrollIntoView({ block: "nearest" });
  }

  function fromHex(digits) {
    return new TextDecoder().decode(Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16)));
  }

  /* What a scanner at the machine has read waits at the terminal; asked for where there is one. */
  async function ask() {
    if (!document.querySelector("#scanned[data-polls]")) return;
    try {
      const answer = await fetch("/scans");
      if (answer.status === 200) for (const scan of await answer.json()) keep(scan.id, scan.text);
    } catch { /* the terminal is starting anew; asked again */ }
  }
  setInterval(ask, 250);
  tell();
})();
