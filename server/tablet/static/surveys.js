/* Surveys: questions that a tablet can ask, one below the other, by the conditions of the contract. What was answered is
   kept until it is sent; a survey with other questions is shown with where it can be answered. */
import { h, note, state } from "./dom.js";
import { fits } from "./exchange.js";
import { facts } from "./orders.js";
import * as store from "./store.js";

const KINDS = new Set(["single", "multiple", "scale", "number", "text"]);
/* A question that this tablet cannot ask; where it may be left out, it is. */
const isForeign = ({ kind, rows }) => !KINDS.has(kind) || rows?.length > 0;
const SCALE = [1, 5];
const LETTERS_MOST = 1000;
const BLIND_BYTES = 16;

const draftOf = (survey) => `survey:${survey}`;
const sentOf = (said, { survey }) => said.filter((row) => row.kind === "survey.answer" && row.data.survey === survey).at(-1);
const canAsk = ({ questions }) => questions.every((one) => !isForeign(one) || !one.required);
const isDone = (said, survey) => ["accepted", null].includes(sentOf(said, survey)?.outcome);

const there = ({ told, now }) => facts(told, "survey")
  .filter((one) => one.state === "open" && Date.parse(one.closes_at) > now())
  .sort((a, b) => Date.parse(a.closes_at) - Date.parse(b.closes_at));

/* How many wait for an answer that can be given here. */
export const unanswered = (model) => there(model).filter((one) => canAsk(one) && !isDone(model.said, one)).length;

const says = (answer) => Boolean(answer && (answer.choices?.length || answer.number != null || answer.text?.trim() || answer.typed?.trim()));

function passes({ test, choice, number }, answer) {
  if (!says(answer)) return false;
  if (test === "at_least") return answer.number != null && number != null && answer.number >= number;
  const same = choice != null ? answer.choices?.includes(choice) ?? false : (answer.number ?? null) === (number ?? null);
  return same === (test === "is");
}

/* The questions that whoever gave just these answers is asked, in their order. */
function asked(questions, given) {
  const found = new Map();
  for (const one of questions) {
    const on = one.only_if;
    if (!on || (found.has(on.question) && passes(on, given[on.question]))) found.set(one.id, one);
  }
  return [...found.values()];
}

const scaleOf = ({ low, high }) => [low ?? SCALE[0], high ?? SCALE[1]];
const within = (count, least, most) => count >= (least ?? count) && count <= (most ?? count);

/* Whether an answer that says something fits its question; the server looks again. */
function suits(question, { choices = [], number, text }) {
  switch (question.kind) {
    case "single": return choices.length === 1;
    case "multiple": return within(choices.length, question.least, question.most);
    case "text": return within(text.trim().length, question.least, question.most ?? LETTERS_MOST);
    default: return number != null && within(number, question.low, question.high);
  }
}

export const surveyCards = (model) => there(model).map((one) => card(model, one));

function card(model, survey) {
  const { texts, said } = model, sent = sentOf(said, survey);
  return h("article", { class: "card", "data-survey": survey.survey },
    h("h2", {}, texts.of(survey.title)),
    h("p", { class: "quiet" }, texts.say("survey_until", { at: texts.time(survey.closes_at) })),
    isDone(said, survey) ? thanks(texts, sent) : canAsk(survey) ? form(model, survey, sent) : note("info", texts.say("survey_elsewhere")));
}

function thanks(texts, { outcome }) {
  const [tone, word] = outcome === null ? ["wait", "waiting"] : ["ok", "received"];
  return h("p", {}, state(tone, texts.say("survey_thanks")), " ", state(tone, texts.say(word)));
}

function form(model, survey, refused) {
  const { texts } = model, given = model.kept[draftOf(survey.survey)] ?? {};
  return [
    texts.of(survey.intro) && h("p", { class: "words" }, texts.of(survey.intro)),
    survey.anonymous && note("info", texts.say("survey_anonymous")),
    refused?.receipt && note("stop", texts.refusal(refused.receipt)),
    asked(survey.questions, given).map((one) => ask(model, survey, one, given[one.id] ?? {})),
    h("button", { type: "button", class: "primary", "data-send": survey.survey, click: () => send(model, survey) }, texts.say("survey_send"))];
}

function ask(model, survey, question, answer) {
  const { texts } = model, label = `q-${survey.survey}-${question.id}`;
  const wrong = model.unfit?.survey === survey.survey && model.unfit.question === question.id;
  return h("section", { class: "question", role: "group", "aria-labelledby": label, "data-question": question.id },
    h("p", { id: label }, h("b", {}, texts.of(question.text)), " ",
      !question.required && h("span", { class: "quiet" }, texts.say("may_be_left_out")), limits(texts, question)),
    wrong && note("stop", h("span", { role: "alert" }, texts.say("answer_unfit"))),
    isForeign(question) ? h("p", { class: "quiet" }, texts.say("question_elsewhere")) : field(model, survey, question, answer, label));
}

function limits(texts, { kind, low, high, least, most }) {
  const from = kind === "number" ? low : kind === "multiple" ? least : null, to = kind === "number" ? high : kind === "multiple" ? most : null;
  if (from == null && to == null) return null;
  return h("span", { class: "quiet" }, " ", texts.say("limits", { least: from ?? "…", most: to ?? "…" }));
}

function field(model, survey, question, answer, label) {
  const put = (next, drawn = true) => keep(model, survey, question, next, drawn);
  if (question.kind === "text") {
    return h("input", { id: `in-${label}`, "aria-labelledby": label, value: answer.text ?? "", maxlength: question.most ?? LETTERS_MOST, autocomplete: "off",
      input: (event) => put({ text: event.target.value }, false) });
  }
  if (question.kind === "number") {
    return h("input", { id: `in-${label}`, "aria-labelledby": label, value: answer.typed ?? "", inputmode: "numeric", maxlength: "15", autocomplete: "off",
      input: (event) => put(counted(event.target.value), false) });
  }
  const chosen = question.kind === "scale" ? [String(answer.number)] : answer.choices ?? [];
  return h("div", { class: "chips" }, offered(model.texts, question).map(([id, words]) => h("button", {
    type: "button", class: "chip", id: `in-${label}-${id}`, "data-choice": id, "aria-pressed": String(chosen.includes(id)),
    click: () => put(tapped(question, chosen, id)),
  }, words)));
}

function offered(texts, question) {
  if (question.kind !== "scale") return question.choices.map((one) => [one.id, texts.of(one.text)]);
  const [low, high] = scaleOf(question);
  return Array.from({ length: high - low + 1 }, (_, place) => [String(low + place), String(low + place)]);
}

/* What was typed is kept as it is, and counts once it is a whole number. */
const counted = (typed) => ({ typed, ...(/^\s*-?\d{1,15}\s*$/.test(typed) && { number: Number(typed) }) });

function tapped({ kind }, chosen, id) {
  const off = chosen.includes(id);
  if (kind === "scale") return off ? {} : { number: Number(id) };
  if (kind === "single") return { choices: off ? [] : [id] };
  return { choices: off ? chosen.filter((one) => one !== id) : [...chosen, id] };
}

async function keep(model, { survey }, { id }, answer, drawn) {
  const given = { ...model.kept[draftOf(survey)], [id]: answer };
  model.kept[draftOf(survey)] = given;
  if (drawn) model.draw();
  await store.keep({ [draftOf(survey)]: given });
}

async function send(model, survey) {
  const given = model.kept[draftOf(survey.survey)] ?? {}, questions = asked(survey.questions, given);
  const unfit = questions.find((one) => (says(given[one.id]) ? !suits(one, given[one.id]) : one.required));
  model.unfit = unfit && { survey: survey.survey, question: unfit.id };
  if (unfit) {
    model.draw();
    document.querySelector(`[data-survey='${survey.survey}'] [data-question='${unfit.id}']`).scrollIntoView();
    return;
  }
  const data = { survey: survey.survey, answers: questions.filter((one) => says(given[one.id])).map((one) => said(one, given[one.id])) };
  if (survey.anonymous) data.blind = blind();
  if (!fits(data)) { model.problem = model.texts.say("too_long"); model.draw(); return; }
  await store.say("survey.answer", data, Math.round(model.now()));
  await store.keep({ [draftOf(survey.survey)]: undefined });
  await model.refresh();
  model.exchange.wake();
}

const said = ({ id, kind }, { choices, number, text }) => ({
  question: id, ...(kind === "text" ? { text: text.trim() } : ["single", "multiple"].includes(kind) ? { choices } : { number }),
});

const blind = () => [...crypto.getRandomValues(new Uint8Array(BLIND_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
