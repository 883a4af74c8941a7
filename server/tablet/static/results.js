/* What was wished and what was granted, and why. */
import { h, note } from "./dom.js";
import { facts } from "./orders.js";

/* The parts of each cycle's result, put together; the newest first. */
function cycles(told) {
  const found = new Map();
  for (const part of facts(told, "grants")) {
    const whole = found.get(part.cycle) ?? { ...part, lines: [] };
    found.set(part.cycle, { ...whole, lines: [...whole.lines, ...part.lines] });
  }
  return [...found.values()].sort((a, b) => Date.parse(b.released_at) - Date.parse(a.released_at));
}

export function resultsScreen(model) {
  const { texts, told, kept: { reference } } = model, found = cycles(told);
  const names = new Map((reference?.catalogue ?? []).map((item) => [item.sku, texts.of(item.name)]));
  return h("main", { class: "list", id: "results", "data-scrolls": true, tabindex: "0" },
    h("h1", {}, texts.say("results")),
    found.length === 0 && h("p", { class: "quiet" }, texts.say("no_results")),
    found.map((one) => h("section", { class: "card" },
      h("h2", {}, texts.of(one.name)),
      h("p", { class: "quiet" }, texts.say("released", { at: texts.time(one.released_at) })),
      one.corrected_at && note("info", texts.say("corrected", { at: texts.time(one.corrected_at), why: one.correction ?? "" })),
      h("ul", {}, one.lines.map((line) => h("li", { class: "grant" },
        h("b", {}, names.get(line.sku) ?? line.sku),
        h("span", { class: "figures" }, texts.say("wished_granted", { wished: line.requested_units, granted: line.granted_units })),
        h("p", {}, why(texts, line))))))));
}

function why(texts, line) {
  const key = line.reason === "ineligible" && line.barred_by ? `barred_${line.barred_by}` : `why_${line.reason}`;
  const known = key in texts.words ? texts.say(key, line) : texts.say("why_other", { reason: line.reason });
  return line.before_units == null ? known : `${known} ${texts.say("before", { units: line.before_units })}`;
}
