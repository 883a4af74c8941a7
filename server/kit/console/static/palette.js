"use strict";
/* Going anywhere by the keyboard: Ctrl+K or "/" opens the palette; a combobox whose list the server writes. */
(() => {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const field = palette.querySelector("input");
  const list = palette.querySelector("[role=listbox]");
  let asking = null;
  let at = -1;

  const options = () => [...list.querySelectorAll("a[role=option]")];
  function choose(next) {
    const all = options();
    at = all.length ? (next + all.length) % all.length : -1;
    all.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) { field.removeAttribute("aria-activedescendant"); return; }
    field.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  }
  async function ask() {
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`/console/find?q=${encodeURIComponent(field.value)}`, { headers: { "X-Palette": "yes", Accept: "text/html" }, signal: asking.signal });
      if (!answer.ok) throw new Error(answer.status);
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      list.replaceChildren(...part.body.childNodes);
      choose(0);
    } catch (error) {
      if (error.name !== "AbortError") { list.textContent = list.dataset.offline; choose(-1); }
    }
  }
  function open() {
    if (palette.open) return;
    palette.showModal();
    field.select();
    ask();
  }
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    const keys = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    if (!keys && !(event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey)) return;
    if (document.querySelector("dialog[open]") && !palette.open) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-palette]")) return;
    event.preventDefault();
    document.getElementById("side")?.matches(":popover-open") && document.getElementById("side").hidePopover();
    open();
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  field.addEventListener("input", ask);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "Enter") { if (at >= 0) options()[at].click(); }
    else return;
    event.preventDefault();
  });
})();
