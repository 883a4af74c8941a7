/* Nobody there: warn, count down, lock. The server decides; this tells it that somebody is there, and keeps the words
   that were typed and not yet sent until the PIN is entered. */
"use strict";

(() => {
  const PING_MS = 5000, TICK_MS = 250, EARLY_MS = 1000;
  let alive = performance.now(), wanted = false;

  const frame = () => document.getElementById("idle");
  const here = () => location.pathname + location.search;
  const box = () => { try { return window.sessionStorage; } catch { return null; } };

  function keep() {
    const words = [...document.querySelectorAll("main form")].flatMap((form) => [...form.elements])
      .filter((field) => field.name && (field.matches("textarea, select, input:not([type]), input[type=text], input[type=search]") || (field.matches("input[type=radio], input[type=checkbox]") && field.checked)))
      .map((field) => [field.name, field.value, field.type]);
    const place = box();
    if (place && words.some(([, value]) => value)) place.setItem("kept", JSON.stringify({ at: here(), words }));
  }

  function bringBack() {
    const place = box(), kept = place && place.getItem("kept");
    if (!kept) return;
    const { at, words } = JSON.parse(kept);
    if (at !== here()) return;
    place.removeItem("kept");
    for (const [name, value, type] of words) {
      for (const field of document.querySelectorAll(`main [name="${CSS.escape(name)}"]`)) {
        if (type === "radio" || type === "checkbox") { if (field.value === value) field.checked = true; }
        else if (field.type === type && field.value !== value) { field.value = value; field.dispatchEvent(new Event("input", { bubbles: true })); }
      }
    }
  }

  function ping() {
    wanted = false;
    const asked = performance.now();
    fetch("/lock/still-here", { method: "POST" }).then(() => { alive = asked; }, () => {});
  }

  function somebody() {
    if (!frame()) return;
    const warned = !frame().hidden;
    if (warned || performance.now() - alive > PING_MS) { alive = performance.now(); frame().hidden = true; ping(); }
    else wanted = true;
  }

  function tick() {
    const wait = document.querySelector("[data-wait-ms]");
    if (wait) {
      wait.ends ??= performance.now() + Number(wait.dataset.waitMs);
      const seconds = Math.ceil((wait.ends - performance.now()) / 1000);
      if (seconds <= 0) { location.reload(); return; }
      wait.textContent = wait.dataset.words.replace("{seconds}", seconds);
    }
    const idle = frame();
    if (!idle) return;
    if (wanted && performance.now() - alive > PING_MS) { alive = performance.now(); ping(); }
    const left = alive + Number(idle.dataset.idleMs) - EARLY_MS - performance.now();
    idle.hidden = left > Number(idle.dataset.warnMs);
    if (!idle.hidden) {
      const said = idle.dataset.words.replace("{seconds}", Math.max(0, Math.ceil(left / 1000)));
      const words = idle.querySelector("span");
      if (words.textContent !== said) words.textContent = said;
    }
    if (left <= 0) {
      keep();
      idle.dataset.idleMs = "9e9";
      const away = () => location.assign("/lock?back=" + encodeURIComponent(here()));
      fetch("/lock/now", { method: "POST", redirect: "manual" }).then(away, away);
    }
  }

  for (const sign of ["pointerdown", "keydown", "input", "wheel"]) document.addEventListener(sign, somebody, { passive: true, capture: true });
  document.addEventListener("DOMContentLoaded", () => { alive = performance.now(); bringBack(); });
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt === document.body) { alive = performance.now(); bringBack(); } });
  setInterval(tick, TICK_MS);
})();
