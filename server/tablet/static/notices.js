/* Announcements: what stands in them, and that somebody has read them where that is asked for. */
import { h, note, state } from "./dom.js";
import { facts } from "./orders.js";
import * as store from "./store.js";
import { surveyCards } from "./surveys.js";

const sayings = (said, kind, one) => said.filter((row) => row.kind === kind && row.data.announcement === one.announcement);
const counts = (one) => one.counts_from ?? one.version;
const readOf = (said, one) => sayings(said, "announcement.read", one).filter((row) => row.data.version >= counts(one)).at(-1);

const there = ({ told, now }) => facts(told, "announcement")
  .filter((one) => !one.expires_at || Date.parse(one.expires_at) > now())
  .sort((a, b) => Number(b.pinned) - Number(a.pinned) || Date.parse(b.published_at) - Date.parse(a.published_at));

/* How many wait for somebody to say that he has read them. */
export const unread = (model) => there(model).filter((one) => one.must_acknowledge && !one.withdrawn_at && !readOf(model.said, one)).length;

/* Says once of each version that it stood on the screen. */
export async function displayed(model) {
  if (document.hidden) return;
  const new_ = there(model).filter((one) => !one.withdrawn_at
    && !sayings(model.said, "announcement.displayed", one).some((row) => row.data.version === one.version));
  for (const { announcement, version } of new_) {
    await store.say("announcement.displayed", { announcement, displayed_at: stamp(model), version }, Math.round(model.now()));
  }
  if (new_.length) { await model.refresh(); model.exchange.wake(); }
}

const stamp = (model) => new Date(model.now()).toISOString();

export function noticesScreen(model) {
  const { texts } = model, found = there(model), asked = surveyCards(model);
  return h("main", { class: "list", id: "notices", "data-scrolls": true, tabindex: "0" },
    h("h1", {}, texts.say("notices")),
    asked.length + found.length === 0 && h("p", { class: "quiet" }, texts.say("no_notices")),
    asked,
    found.map((one) => card(model, one)));
}

function card(model, one) {
  const { texts } = model;
  return h("article", { class: "card" },
    h("h2", {}, texts.of(one.title)),
    h("p", { class: "quiet" }, texts.time(one.published_at)),
    one.withdrawn_at && note("stop", texts.say("withdrawn_notice", { at: texts.time(one.withdrawn_at), why: texts.of(one.withdrawn_why) })),
    h("p", { class: "words" }, texts.of(one.body)),
    one.meeting && !one.meeting.called_off && h("p", { class: "quiet" }, texts.say("meeting_elsewhere")),
    one.attachments?.length > 0 && h("p", { class: "quiet" }, texts.say("attachments")),
    one.must_acknowledge && !one.withdrawn_at && acknowledging(model, one));
}

function acknowledging(model, one) {
  const { texts } = model, read = readOf(model.said, one);
  if (read) {
    const [tone, word] = { null: ["wait", "waiting"], accepted: ["ok", "received"], rejected: ["stop", "refused"] }[read.outcome];
    return h("p", {}, state(tone, texts.say("read_already")), " ", state(tone, texts.say(word)));
  }
  return h("button", { type: "button", class: "primary", "data-read": one.announcement, click: () => acknowledge(model, one) }, texts.say("read"));
}

async function acknowledge(model, { announcement, version }) {
  await store.say("announcement.read", { announcement, read_at: stamp(model), version }, Math.round(model.now()));
  await model.refresh();
  model.exchange.wake();
}
