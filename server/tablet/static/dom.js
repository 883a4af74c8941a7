/* Elements made of a name, what is set on them, and what stands in them. */

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  ok: "M4 12.5l5 5L20 6.5",
  wait: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM12 7v5l3.5 2",
  stop: "M12 3.5L22 20H2zM12 10v4.5M12 17v.5",
  info: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM12 11v5.5M12 7.5v.5",
  order: "M3 5h2.5l2.2 10h10l2.3-7H6.5M9 19.5v.5M17 19.5v.5",
  results: "M12 4v16M6 20h12M4 8h16M4 8l-2 6h5zM20 8l-2.500 6h5z",
  notices: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500h4",
  tablet: "M5 3h14v18H5zM11 18.500h2",
};

export function icon(name) {
  const drawn = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" })) drawn.setAttribute(key, value);
  path.setAttribute("d", SHAPES[name]);
  drawn.append(path);
  return drawn;
}

/* `set` holds attributes; a function is what happens on an event; nothing is set where the value is none or false. */
export function h(name, set = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(set)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

/* A state in icon, word and colour. */
export const state = (tone, words) => h("span", { class: `state ${tone}` }, icon(tone), words);

/* A sentence that has to be heard. */
export const note = (tone, ...inside) => h("div", { class: `note ${tone}` }, icon(tone), h("div", {}, inside));

/* Put new content in place of the old, and leave focus, cursor and scroll where they were. */
export function replace(place, ...inside) {
  const { id: focused, selectionStart } = document.activeElement ?? {};
  const scrolled = [...place.querySelectorAll("[data-scrolls][id]")].map((one) => [one.id, one.scrollTop]);
  place.replaceChildren(...inside.flat(Infinity).filter(Boolean));
  for (const [id, top] of scrolled) { const there = document.getElementById(id); if (there) there.scrollTop = top; }
  const now = focused && document.getElementById(focused);
  if (!now) return;
  now.focus({ preventScroll: true });
  if (typeof selectionStart === "number") now.setSelectionRange(selectionStart, selectionStart);
}
