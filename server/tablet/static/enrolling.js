/* The language, and how the tablet gets its identity: a code, a key of its own, digits that an operator compares. */
import { NoLine, Refused, unnamed } from "./asking.js";
import { h, note } from "./dom.js";
import { fingerprint, makeKeys, shown, signingRequest } from "./keys.js";
import * as store from "./store.js";

const MODEL = "browser-tablet";
const AGAIN_MS = 3000;

/* The code that the address brought; it leaves the address, so that it stays in no history. */
export function codeOfAddress() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) history.replaceState(null, "", location.pathname);
  return code ?? "";
}

export const languageScreen = (model) => h("main", { class: "middle" },
  h("h1", {}, Object.values(model.languages).map((texts) => h("span", { lang: texts.tag }, texts.say("language")))),
  h("div", { class: "two" }, Object.values(model.languages).map((texts) => h("button", {
    type: "button", class: "second big", lang: texts.tag, "data-language": texts.language,
    click: () => model.choose(texts.language),
  }, texts.say("own_name")))));

export function enrolScreen(model) {
  const { texts, kept: { asked } } = model;
  if (asked?.state === "waiting") return waitingScreen(model, asked);
  if (asked?.state === "other_shop") return otherShopScreen(model, asked);
  const said = model.problem ?? (asked && texts.say(asked.state === "refused" ? "enrol_refused" : "enrol_expired", { reason: asked.reason ?? "" }));
  return h("main", { class: "middle" },
    h("h1", {}, texts.say("enrol")),
    h("p", {}, texts.say("enrol_how")),
    said && note("stop", h("p", { role: "alert" }, said)),
    h("form", { class: "enrol", submit: (event) => { event.preventDefault(); enrol(model, event.target.elements.code.value); } },
      h("label", { for: "code" }, texts.say("code")),
      h("input", { id: "code", name: "code", value: model.code, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: "32", required: true, input: (event) => { model.code = event.target.value; } }),
      h("button", { id: "enrol", class: "primary", disabled: model.asking }, texts.say("enrol"))));
}

const waitingScreen = ({ texts, line }, asked) => h("main", { class: "middle" },
  h("h1", {}, texts.say("compare")),
  h("p", {}, texts.say("compare_how")),
  h("p", { class: "fingerprint", id: "fingerprint", role: "img", "aria-label": shown(asked.fingerprint) },
    shown(asked.fingerprint).split(" ").map((four) => h("span", { "aria-hidden": "true" }, four))),
  note("wait", texts.say("compare_wait", { at: texts.time(asked.expires_at) })),
  line === "off" && note("stop", texts.say("no_line_now")));

const otherShopScreen = (model, asked) => h("main", { class: "middle" },
  h("h1", {}, model.texts.say("other_shop")),
  note("stop", model.texts.say("other_shop_why", { before: model.kept.name, now: asked.enrolled.name })),
  h("button", { type: "button", class: "second quiet-stop", click: () => becomeAnother(model, asked) }, model.texts.say("clear_and_go", { now: asked.enrolled.name })));

async function enrol(model, code) {
  Object.assign(model, { asking: true, problem: null, code });
  const keys = await makeKeys();
  const asked = { code: code.replaceAll(/[\s-]/g, ""), keys, csr: await signingRequest(keys), fingerprint: await fingerprint(keys) };
  await ask(model, asked);
  model.asking = false;
  await model.refresh();
}

/* Say the same again until it is decided. */
export function goOn(model) {
  clearTimeout(model.enrolTimer);
  const { asked } = model.kept;
  if (asked?.state === "waiting") model.enrolTimer = setTimeout(async () => { await ask(model, asked); await model.refresh(); }, AGAIN_MS);
}

async function ask(model, asked) {
  const { code, csr } = asked;
  try {
    const { said } = await unnamed("POST", "/device/v1/enrol", JSON.stringify({ code, csr, model: MODEL, version: model.version }));
    model.line = "on";
    await settle(model, { ...asked, state: said.state, expires_at: said.expires_at, reason: said.reason, enrolled: said.enrolled });
  } catch (error) {
    const final = error instanceof Refused && error.family === "rejected" && error.status !== 429;
    model.line = error instanceof NoLine ? "off" : "on";
    if (error instanceof NoLine) model.problem = asked.state ? null : model.texts.say("no_line_now");
    else if (error instanceof Refused) model.problem = error.code ? model.texts.refusal(error) : model.texts.say("server_fault");
    else throw error;
    if (final) await store.keep({ asked: undefined });
  }
}

async function settle(model, asked) {
  if (asked.state !== "confirmed") return store.keep({ asked });
  const { retailer } = model.kept;
  if (retailer && retailer !== asked.enrolled.retailer) return store.keep({ asked: { ...asked, state: "other_shop" } });
  return become(model, asked);
}

async function become(model, { keys, enrolled }) {
  await store.keep({ keys, clock: Date.parse(enrolled.server_time) - Date.now() });
  await store.enrolled(enrolled);
  model.code = "";
  navigator.storage?.persist?.();
  model.exchange.wake();
}

async function becomeAnother(model, asked) {
  const { language } = model.kept;
  await store.forgetEverything();
  await store.keep({ language });
  await become(model, asked);
  await model.refresh();
}
