/* What can be ordered, how much of it, and what became of what was ordered. */
import { h, icon, note, state } from "./dom.js";
import { fits } from "./exchange.js";
import * as orders from "./orders.js";
import * as store from "./store.js";

const draftOf = (window) => `draft:${window}`;

export function chosen(model) {
  const { open } = orders.windows(model.told, model.now());
  return open.find((one) => one.window === model.window) ?? open[0] ?? null;
}

export function orderScreen(model) {
  const { texts, kept: { reference } } = model;
  const window = chosen(model);
  if (!window || !reference) return closed(model);
  const order = orders.standing(window.window, model.told, model.said);
  const units = model.kept[draftOf(window.window)] ?? orders.refusedUnits(window.window, model.told, model.said) ?? order?.units ?? {};
  const act = { window, order, units, scarce: new Set(window.scarce), unsupplied: new Set(window.unsupplied) };
  return h("main", { class: "split" },
    h("section", { class: "list", id: "list", "data-scrolls": true, tabindex: "0", "aria-label": texts.say("goods") },
      h("h1", {}, texts.of(window.name)),
      choice(model, window),
      standingNote(model),
      h("input", {
        id: "find", type: "search", placeholder: texts.say("find"), "aria-label": texts.say("find"), value: model.wanted ?? "",
        input: (event) => { model.wanted = event.target.value; narrow(model.wanted); },
      }),
      h("ul", { id: "rows" }, reference.catalogue.map((item) => row(model, act, item)))),
    panel(model, act));
}

const closed = (model) => {
  const { texts } = model, { coming } = orders.windows(model.told, model.now());
  return h("main", { class: "middle" },
    h("h1", {}, texts.say("no_window")),
    standingNote(model),
    coming.length ? h("ul", { class: "plain-list" }, coming.map((one) => h("li", {}, h("b", {}, texts.of(one.name)), " ",
      texts.say("opens", { at: texts.time(one.opens_at) })))) : h("p", {}, texts.say("no_window_why")),
    actNote(model));
};

const choice = (model, window) => {
  const { open } = orders.windows(model.told, model.now());
  return open.length > 1 && h("div", { class: "chips" }, open.map((one) => h("button", {
    type: "button", id: `window-${one.window}`, class: "chip", "data-window": one.window, "aria-pressed": String(one === window),
    click: () => { model.window = one.window; model.draw(); },
  }, model.texts.of(one.name))));
};

const standingNote = ({ texts, kept: { reference } }) => reference?.standing === "suspended"
  && note("stop", texts.say("suspended", { reason: reference.standing_reason ?? "" }));

/* Rows that do not hold what is looked for are out of sight; nothing is drawn anew, so that typing goes on. */
export function narrow(wanted = "") {
  const looked = wanted.trim().toLowerCase();
  for (const one of document.querySelectorAll("#rows > li")) one.hidden = !one.dataset.words.includes(looked);
}

function row(model, act, item) {
  const { texts, kept: { reference } } = model;
  const count = act.units[item.sku] ?? 0, name = texts.of(item.name), unit = texts.of(item.unit);
  const step = (packs) => change(model, act, item, packs);
  return h("li", { class: "row", "data-sku": item.sku, "data-pack": item.pack_units, "data-words": `${name} ${item.sku}`.toLowerCase() },
    h("div", { class: "what" },
      h("b", {}, name),
      h("span", { class: "quiet" }, texts.say("price", { price: texts.money(item.price_minor, reference.currency), unit, pack: item.pack_units }),
        item.limit_units != null && ` · ${texts.say("limit", { units: item.limit_units })}`),
      act.scarce.has(item.sku) && state("wait", texts.say("scarce")),
      act.unsupplied.has(item.sku) && state("wait", texts.say("unsupplied")),
      !item.licensed && state("stop", texts.say("not_licensed"))),
    h("div", { class: "stepper" },
      h("button", { type: "button", id: `less-${item.sku}`, class: "second square", disabled: count === 0, "aria-label": texts.say("less", { name }), click: () => step(-1) }, "−"),
      h("output", { class: "amount", "aria-label": texts.say("amount", { name }) }, String(count)),
      h("button", { type: "button", id: `more-${item.sku}`, class: "second square", disabled: !orders.room(item, count), "aria-label": texts.say("more", { name }), click: () => step(1) }, "+")));
}

async function change(model, { window, units }, item, packs) {
  const now = { ...units, [item.sku]: orders.step(item, units[item.sku] ?? 0, packs) };
  model.kept[draftOf(window.window)] = now;
  model.draw();
  await store.keep({ [draftOf(window.window)]: now });
}

function panel(model, act) {
  const { texts, kept: { reference } } = model;
  const total = orders.sum(reference.catalogue, act.units), credit = reference.credit_minor;
  const next = orders.message(act.window.window, act.units, act.order);
  const unchanged = !next || (act.order && orders.same(act.units, act.order.units));
  const seen = newest(model.said);
  const label = { "order.place": "submit", "order.amend": "submit_change", "order.cancel": "withdraw" }[next?.kind ?? "order.place"];
  return h("section", { class: "panel", "aria-label": texts.say("your_order") },
    actNote(model),
    h("dl", { class: "sums" },
      h("dt", {}, texts.say("lines")), h("dd", {}, String(Object.values(act.units).filter(Boolean).length)),
      h("dt", {}, texts.say("sum")), h("dd", { class: "figure", id: "sum" }, texts.money(total, reference.currency)),
      credit != null && [h("dt", {}, texts.say("credit")), h("dd", {}, texts.money(credit, reference.currency))]),
    credit != null && total > credit && note("stop", texts.say("over_credit")),
    h("button", { type: "button", id: "submit", class: "primary", disabled: unchanged, click: () => submit(model, act, next, seen) }, texts.say(label)));
}

const newest = (said) => orders.acts(said).at(-1)?.seq;

/* What was counted goes out once: a second tap, or another page of this tablet, finds that an act was said since. */
async function submit(model, { window }, { kind, data }, seen) {
  if (!fits(data)) { model.problem = model.texts.say("too_long"); model.draw(); return; }
  await store.say(kind, data, Math.round(model.now()),
    { unless: (said) => newest(said) !== seen, forget: draftOf(window.window) });
  await model.refresh();
  model.exchange.wake();
}

/* What became of the newest act, in a sentence; `data-shows` says it in a word. */
function actNote(model) {
  const { texts, said, told } = model, act = orders.acts(said).at(-1);
  if (!act) return h("div", { id: "act", "data-shows": "nothing" }, model.problem && note("stop", model.problem));
  const name = texts.of(told.find((item) => item.key === `window:${orders.windowOf(act, told, said)}`)?.data.name);
  const [shows, tone, words] = {
    null: ["waiting", "wait", texts.say(model.exchange.line === "off" ? "act_kept" : "act_sent", { name })],
    accepted: ["received", "ok", texts.say(act.kind === "order.cancel" ? "act_withdrawn" : "act_received", { name, number: act.receipt?.number ?? "", at: act.receipt && texts.time(act.receipt.at) })],
    rejected: ["refused", "stop", texts.say("act_refused", { name, why: texts.refusal(act.receipt) })],
  }[act.outcome];
  return h("div", { id: "act", class: `truth ${tone}`, role: "status", "data-shows": shows, "data-act": act.id },
    icon(tone), h("p", {}, words), model.problem && h("p", {}, model.problem));
}
