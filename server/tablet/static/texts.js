/* Words in the language of the shop, and how times and amounts are written in it. */

const TAGS = { zh: "zh-Hans", en: "en" };
const DAY_MS = 86400000;
const WORDED = new Set(["what", "state", "needed", "role"]);

export class Texts {
  /* `words`, `refusals` and `terms` as the server hands them out for `language`. */
  constructor(language, { words, refusals, terms }) {
    Object.assign(this, { language, words, refusals, terms, tag: TAGS[language] });
  }

  say(key, fields = {}) { return filled(this.words[key], fields); }

  /* A text that the server holds in both languages. */
  of(text) { return text?.[this.language] || text?.zh || text?.en || ""; }

  /* Why something was refused; a code of a later contract is shown as it is. */
  refusal({ code = "", params = {} } = {}) {
    const words = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, this.term(name, value)]));
    return code in this.refusals ? filled(this.refusals[code], words) : this.say("refused_code", { code });
  }

  /* Some parameters are words of the contract. */
  term(name, value) {
    if (!WORDED.has(name) || typeof value !== "string") return value;
    return value.split(" / ").map((word) => this.terms[word] ?? word).join(" / ");
  }

  money(minor, currency) {
    const format = new Intl.NumberFormat(this.tag, { style: "currency", currency, currencyDisplay: "narrowSymbol" });
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  }

  /* Day before month and 24 hours, as on every other screen of ours. */
  time(at) {
    const tag = this.tag.startsWith("en") ? "en-GB" : this.tag;
    return new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(new Date(at));
  }

  left(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000)), two = (number) => String(number).padStart(2, "0");
    const clock = `${two(Math.floor(seconds % 86400 / 3600))}:${two(Math.floor(seconds % 3600 / 60))}:${two(seconds % 60)}`;
    return ms >= DAY_MS ? this.say("days_and", { days: Math.floor(ms / DAY_MS), clock }) : clock;
  }
}

const filled = (text, fields) => text.replace(/\{(\w+)\}/g, (whole, name) => fields[name] ?? whole);
