/* Puts the tablet together: what is kept, the exchange, and the screen that shows both. */
import { h, icon, replace } from "./dom.js";
import { codeOfAddress, enrolScreen, goOn, languageScreen } from "./enrolling.js";
import { Exchange } from "./exchange.js";
import { displayed, noticesScreen, unread } from "./notices.js";
import { chosen, narrow, orderScreen } from "./ordering.js";
import { ownScreen, refused, revokedScreen, waiting } from "./own.js";
import { resultsScreen } from "./results.js";
import * as store from "./store.js";
import { unanswered } from "./surveys.js";
import { Texts } from "./texts.js";

const SCREENS = { order: orderScreen, results: resultsScreen, notices: noticesScreen, tablet: ownScreen };
const VERSION = import.meta.url.split("/").at(-2);
const UPDATE_MS = 3600000;
const SOON_MS = 600000;

const channel = new BroadcastChannel("evenhand-tablet");
const model = { version: VERSION, problem: null, code: codeOfAddress(), kept: {}, said: [], told: [] };
model.exchange = new Exchange(VERSION, () => refresh());
model.now = () => model.exchange.now();
model.draw = draw;
model.refresh = refresh;
model.choose = async (language) => { await store.keep({ language }); await refresh(); };

/* Read what is kept, and show it; other pages of this tablet do the same. */
async function refresh({ heard = false } = {}) {
  Object.assign(model, await store.everything());
  model.persisted = await navigator.storage?.persisted?.() ?? false;
  if (isNew()) draw();
  goOn(model);
  if (!heard) channel.postMessage("changed");
  if (view() === "notices" && model.kept.device && !model.kept.revoked) await displayed(model);
}

/* Whether there is something else to see than before: what stands still can be tapped. */
function isNew() {
  const { kept: { clock, cursor, ...kept }, said, told, persisted, exchange: { line, trouble }, problem, asking } = model;
  const seen = JSON.stringify([kept, said, told, persisted, line, model.line, trouble?.code, problem, asking, location.hash]);
  const before = model.seen;
  model.seen = seen;
  return seen !== before;
}

const view = () => { const name = location.hash.replace("#/", ""); return name in SCREENS ? name : "order"; };

function draw() {
  const { kept } = model;
  model.texts = model.languages[kept.language ?? "zh"];
  document.documentElement.lang = model.texts.tag;
  document.title = model.texts.say("title");
  if (model.composing) return;
  replace(document.body, ...parts(kept));
  narrow(model.wanted);
  tick();
}

function parts(kept) {
  if (!kept.language) return [languageScreen(model)];
  if (!kept.device || kept.asked) return [enrolScreen(model)];
  if (kept.revoked) return [model.enrolling ? enrolScreen(model) : revokedScreen(model)];
  model.enrolling = false;
  return [head(), SCREENS[view()](model), foot()];
}

function head() {
  const { texts, exchange, kept } = model, count = waiting(model).length;
  const [tone, words] = exchange.line === "off" ? ["stop", texts.say("offline")]
    : exchange.trouble ? ["stop", texts.say("trouble")]
      : count ? ["wait", texts.say("waits", { count })]
        : exchange.line === "on" ? ["ok", texts.say("connected")] : ["wait", texts.say("connecting")];
  return h("header", { class: "head" },
    h("b", { class: "shop" }, kept.name),
    h("span", { class: `pill ${tone}`, id: "line" }, icon(tone), h("span", {}, words),
      tone === "stop" && count > 0 && h("span", {}, texts.say("waits", { count }))),
    h("span", { class: "clock", id: "clock" }));
}

function foot() {
  const counts = { notices: unread(model) + unanswered(model), tablet: refused(model).length };
  return h("footer", { class: "foot" }, h("nav", { "aria-label": model.texts.say("rooms") }, Object.keys(SCREENS).map((name) => h("a", {
    href: `#/${name}`, id: `to-${name}`, "aria-current": view() === name && "page",
  }, icon(name), h("span", {}, model.texts.say(name)), counts[name] > 0 && h("span", { class: "count" }, String(counts[name]))))));
}

/* The time that is left, by the server's clock; a window that opens or closes changes the whole screen. */
function tick() {
  const place = document.getElementById("clock");
  if (!place) return;
  const window = chosen(model);
  if (window?.window !== model.shownWindow) { model.shownWindow = window?.window; draw(); return; }
  if (window) place.dataset.window = window.window;
  const leftMs = window ? Date.parse(window.closes_at) - model.now() : 0;
  place.replaceChildren(...(window ? [model.texts.say("left"), " ", h("strong", { class: leftMs < SOON_MS ? "soon" : "" }, model.texts.left(leftMs))] : []));
}

/* The files of a newer version are fetched by themselves, and shown once nobody is in the middle of typing. */
async function keepPage() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  let isNewer = false, isKept = Boolean(serviceWorker.controller);
  const show = () => { if (isNewer && document.activeElement?.tagName !== "INPUT") location.reload(); };
  serviceWorker.addEventListener("controllerchange", () => { isNewer = isKept; isKept = true; show(); });
  addEventListener("focusout", () => setTimeout(show));
  const registered = await serviceWorker.register("/tablet/worker.js", { scope: "/tablet/" });
  setInterval(() => registered.update().catch(() => {}), UPDATE_MS);
}

async function begin() {
  const read = async (language) => new Texts(language, await (await fetch(new URL(`texts-${language}.json`, import.meta.url))).json());
  const [zh, en] = await Promise.all([read("zh"), read("en")]);
  model.languages = { zh, en };
  document.addEventListener("compositionstart", () => { model.composing = true; });
  document.addEventListener("compositionend", () => { model.composing = false; });
  addEventListener("hashchange", () => refresh());
  document.addEventListener("visibilitychange", () => refresh());
  channel.addEventListener("message", () => refresh({ heard: true }));
  await refresh();
  await store.tidy(Date.now());
  setInterval(tick, 1000);
  model.exchange.start();
  await keepPage().catch(() => {});
}

begin();
