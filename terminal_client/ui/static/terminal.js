/* What the browser does by itself: keys on the screen, pages of a list, the countdown. Everything else is the server's. */
"use strict";

const now = () => performance.now();

function type(input, key) {
  const fresh = input.hasAttribute("data-fresh");
  input.removeAttribute("data-fresh");
  if (key === "rubout") input.value = fresh ? "" : input.value.slice(0, -1);
  else if (input.maxLength < 0 || fresh || input.value.length < input.maxLength) input.value = (fresh ? "" : input.value) + key;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function turnPage(id, by) {
  const list = document.getElementById(id);
  if (list) list.scrollBy({ top: by * (list.clientHeight - 40), behavior: "auto" });
}

function showPagers(root) {
  for (const pager of root.querySelectorAll("[data-pages]")) {
    const list = document.getElementById(pager.dataset.pages);
    pager.hidden = !list || list.scrollHeight <= list.clientHeight + 8;
  }
}

document.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]");
  if (key) {
    const input = document.getElementById(key.closest("[data-keys-for]").dataset.keysFor);
    if (input) type(input, key.dataset.key);
    return;
  }
  const page = event.target.closest("[data-page]");
  if (page) return turnPage(page.closest("[data-pages]").dataset.pages, Number(page.dataset.page));
  const step = event.target.closest("[data-step]");
  if (step) {
    const input = document.getElementById(step.dataset.for);
    input.value = Math.max(0, (parseInt(input.value, 10) || 0) + Number(step.dataset.step));
    return;
  }
});

/* The countdown runs on the browser's steady clock from what the server's time left; a wall clock that jumps does not move it. */
let ends = null;
function tick() {
  const timer = document.querySelector("[data-remaining-ms]");
  if (!timer) return;
  if (ends === null || ends.timer !== timer) ends = { timer, at: now() + Number(timer.dataset.remainingMs) };
  const seconds = Math.max(0, Math.ceil((ends.at - now()) / 1000));
  const hours = Math.floor(seconds / 3600), days = Math.floor(hours / 24);
  const parts = [hours, Math.floor(seconds / 60) % 60, seconds % 60];
  const said = days === 1 ? timer.dataset.day : timer.dataset.days;
  const shown = days ? said.replace("{days}", days).replace("{hours}", hours % 24) : parts.map((part) => String(part).padStart(2, "0")).join(":");
  if (timer.textContent !== shown) timer.textContent = shown;
  timer.classList.toggle("soon", seconds < 600);
  if (seconds === 0) for (const button of document.querySelectorAll("[data-until-close] button")) button.disabled = true;
}
setInterval(tick, 250);

document.addEventListener("DOMContentLoaded", () => { tick(); showPagers(document); });
document.addEventListener("htmx:load", () => { tick(); showPagers(document); });
window.addEventListener("resize", () => showPagers(document));
