/* The tablet itself: its line, what waits on it, what was refused, and how long its store and its certificate last. */
import { h, note, state } from "./dom.js";
import * as store from "./store.js";

export const waiting = ({ said }) => said.filter((row) => row.outcome === null);
export const refused = ({ said }) => said.filter((row) => row.outcome === "rejected" && !row.dealt);

export function ownScreen(model) {
  const { texts, kept } = model;
  return h("main", { class: "list", id: "own", "data-scrolls": true, tabindex: "0" },
    h("h1", {}, texts.say("this_tablet")),
    lineNote(model),
    !model.persisted && note("wait", texts.say("not_persisted")),
    queue(model),
    refusals(model),
    h("dl", { class: "facts" },
      fact(texts.say("shop"), kept.name), fact(texts.say("device"), kept.device),
      fact(texts.say("certificate_until"), texts.time(kept.certified.expires_at)), fact(texts.say("version"), model.version)),
    note("info", texts.say("has_no_page_for")),
    languages(model));
}

const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function lineNote({ texts, exchange }) {
  if (exchange.line === "off") return note("stop", texts.say("no_line"));
  if (exchange.trouble) return note("stop", exchange.trouble.code ? texts.refusal(exchange.trouble) : texts.say("server_fault"));
  return exchange.line === "on" ? note("ok", texts.say("line_on")) : note("wait", texts.say("line_unknown"));
}

export const queue = (model) => {
  const { texts } = model, rows = waiting(model);
  return h("section", { class: "card" }, h("h2", {}, texts.say("queue")),
    rows.length === 0 && h("p", { class: "quiet" }, texts.say("queue_empty")),
    h("ul", { id: "queue" }, rows.map((row) => h("li", { class: "kept" },
      h("b", {}, kind(texts, row)), h("span", { class: "quiet" }, texts.time(row.at)), state("wait", texts.say("waiting"))))));
};

const refusals = (model) => {
  const { texts } = model, rows = refused(model);
  return rows.length > 0 && h("section", { class: "card" }, h("h2", {}, texts.say("refusals")),
    h("ul", {}, rows.map((row) => h("li", { class: "kept" },
      h("b", {}, kind(texts, row)), state("stop", texts.refusal(row.receipt)),
      h("button", { type: "button", class: "second", click: async () => { await store.dealtWith(row.seq); await model.refresh(); } }, texts.say("dealt_with"))))));
};

const kind = (texts, row) => texts.say(`kind_${row.kind.replace(".", "_")}`);

export const languages = (model) => h("div", { class: "chips" }, Object.values(model.languages).map((texts) => h("button", {
  type: "button", class: "chip", lang: texts.tag, "data-language": texts.language, id: `language-${texts.language}`,
  "aria-pressed": String(texts === model.texts), click: () => model.choose(texts.language),
}, texts.say("own_name"))));

export const revokedScreen = (model) => h("main", { class: "middle", "data-shows": "revoked" },
  h("h1", {}, model.texts.say("revoked")),
  note("stop", model.texts.refusal({ code: "device_revoked" })),
  h("p", {}, model.texts.say("revoked_why")),
  queue(model),
  h("button", { type: "button", id: "again", class: "second", click: () => { model.enrolling = true; model.draw(); } }, model.texts.say("enrol_again")));
