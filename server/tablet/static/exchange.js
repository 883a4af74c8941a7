/* The exchange with the server: what waits goes out in order, the feed comes in, and nothing counts as received before
   its receipt. One page at a time does it, however many are open. */
import { NoLine, Refused, named } from "./asking.js";
import { signingRequest } from "./keys.js";
import { facts } from "./orders.js";
import * as store from "./store.js";

const TURN_MS = 10000;
const HIDDEN_MS = 60000;
const BACKOFF_MS = 1000;
const BACKOFF_MOST_MS = 30000;
const STATUS_MS = 80000;
const KNOCK_MS = 3600000;
const DRIFT_MS = 1000;
const SPREAD = 0.2;
const UNANSWERED = 401;
const MESSAGE_BYTES = 16384;

export class Exchange {
  /* `changed` is called after each turn that may have changed what is kept; `version` is that of these files. */
  constructor(version, changed) {
    Object.assign(this, { version, changed, line: "unknown", heardAt: 0, trouble: null, failures: 0, quietUntil: 0, statusAt: null, offsetMs: 0 });
  }

  /* The server's time, as far as it is known. */
  now() { return Date.now() + this.offsetMs; }

  start() {
    for (const moment of ["online", "visibilitychange", "pageshow"]) addEventListener(moment, () => this.wake(), true);
    this.wake();
  }

  /* Take a turn now, unless the server asked to be left alone. */
  wake() {
    clearTimeout(this.timer);
    const quietMs = Math.max(0, this.quietUntil - performance.now());
    this.timer = setTimeout(() => this.run(), quietMs);
  }

  async run() {
    if (this.running) { this.again = true; return; }
    this.running = true;
    let pauseMs;
    try {
      pauseMs = await navigator.locks.request("evenhand-exchange", () => this.turn());
      Object.assign(this, { line: "on", failures: 0, heardAt: Date.now() });
      if (!this.at.kept.revoked) this.trouble = null;
    } catch (error) {
      pauseMs = this.heed(error);
    }
    this.running = false;
    await this.changed();
    const more = this.again;
    this.again = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), more ? 0 : pauseMs);
  }

  /* One turn; returns after how many milliseconds the next one is due. */
  async turn() {
    this.at = await store.everything();
    const { kept } = this.at;
    this.offsetMs = kept.clock ?? 0;
    if (!kept.device) return KNOCK_MS;
    if (kept.revoked) return this.knock(kept.revoked);
    await this.renew();
    await this.sendAll();
    await this.pull();
    await this.learnReference();
    await this.answerCommands();
    await this.tellStatus();
    return (document.hidden ? HIDDEN_MS : TURN_MS) * (1 - SPREAD + 2 * SPREAD * Math.random());
  }

  heed(error) {
    this.failures += 1;
    const pauseMs = Math.min(BACKOFF_MOST_MS, BACKOFF_MS * 2 ** this.failures) * (0.5 + Math.random() / 2);
    if (error instanceof Refused) {
      Object.assign(this, { line: "on", trouble: error, heardAt: Date.now() });
      if (error.code === "device_revoked") return KNOCK_MS;
      if (error.afterS) this.quietUntil = performance.now() + error.afterS * 1000 * (1 + SPREAD * Math.random());
      return Math.max(pauseMs, this.quietUntil - performance.now());
    }
    if (!(error instanceof NoLine)) this.trouble = { code: "", text: String(error) };
    this.line = "off";
    return pauseMs;
  }

  /* Ask, signed; a clock that is off is set and a repeat is signed anew, once. */
  async ask(method, target, more, again = true) {
    try {
      return await named(this.at.kept.keys, this.now(), method, target, more);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "device_revoked") await store.keep({ revoked: Date.now() });
      if (!again) throw error;
      if (error.code === "clock_off") await this.setClock(error.params.server_s * 1000);
      else if (error.code !== "request_repeated") throw error;
      return this.ask(method, target, more, false);
    }
  }

  /* Kept at once: whether a certificate is due is asked before anything else comes in. */
  async setClock(serverMs) {
    this.offsetMs = serverMs - Date.now();
    await store.keep({ clock: this.offsetMs });
  }

  async sendAll() {
    for (const row of this.at.said.filter((one) => one.outcome === null)) {
      const receipt = await this.send(row);
      if (receipt) await store.settle(receipt);
    }
  }

  /* Returns the server's word on a message: its receipt, or the refusal that is final. */
  async send({ id, kind, body }) {
    try {
      return (await this.ask("POST", `/device/v1/up/${kind}`, { body })).said;
    } catch (error) {
      const final = error instanceof Refused && ["rejected", "conflict"].includes(error.family) && error.status !== UNANSWERED;
      if (!final) throw error;
      return { message: id, kind, outcome: "rejected", at: new Date(this.now()).toISOString(), code: error.code, params: error.params };
    }
  }

  async pull() {
    let { cursor = 0, history } = this.at.kept;
    for (let more = true; more;) {
      const asked = Date.now();
      const { said: page } = await this.ask("GET", `/device/v1/feed?after=${cursor}`);
      this.offsetMs = Date.parse(page.server_time) - (asked + Date.now()) / 2;
      if (page.head < cursor || (history && page.history !== history)) {
        await store.startOver(page.history);
        [cursor, history] = [0, page.history];
        this.again = true;
        continue;
      }
      if (this.isNews(page, history)) cursor = await store.take(page, this.offsetMs);
      ({ more, history } = page);
    }
  }

  /* Nothing is written where nothing is new: flash memory wears out. */
  isNews(page, history) {
    const { clock, rereading } = this.at.kept;
    const drifted = Math.abs(this.offsetMs - (clock ?? Infinity)) > DRIFT_MS;
    return page.items.length > 0 || page.history !== history || rereading || this.again || drifted;
  }

  async learnReference() {
    const { told, kept } = await store.everything();
    const wanted = told.find((item) => item.key === "reference")?.data.version;
    if (kept.reference && (!wanted || wanted === kept.reference.version || wanted === kept.referenceFor)) return;
    const { said, status, etag } = await this.ask("GET", "/device/v1/reference", { etag: kept.etag });
    await store.keep(status === 304 ? { referenceFor: wanted } : { reference: said, etag, referenceFor: wanted });
  }

  /* It can exchange, which it has just done, and nothing else that it may be asked for. */
  async answerCommands() {
    const { told, said, kept } = await store.everything();
    const answered = new Set(said.filter((row) => row.kind === "command.state").map((row) => row.data.command));
    const asked = facts(told, "commands").filter((list) => list.device === kept.device).flatMap((list) => list.commands);
    for (const { command, kind } of asked.filter((one) => !one.called_back && !answered.has(one.command) && Date.parse(one.expires_at) > this.now())) {
      const answer = kind === "sync" ? { command, state: "succeeded" } : { command, state: "rejected", reason: "unknown_kind" };
      await store.say("command.state", answer, Math.round(this.now()));
      this.again = true;
    }
  }

  /* How the tablet is, at the beginning and each minute and a bit. */
  async tellStatus() {
    if (this.statusAt !== null && performance.now() - this.statusAt < STATUS_MS) return;
    const { kept, said } = await store.everything();
    const waiting = said.filter((one) => one.outcome === null);
    const room = await navigator.storage?.estimate?.() ?? {};
    const status = {
      version: this.version, queue_length: waiting.length, language: kept.language ?? "zh",
      clock_offset_ms: Math.round(this.offsetMs), feed_seq: kept.cursor ?? 0, certificate_until: kept.certified.expires_at,
      ...(waiting.length && { oldest_queued_s: Math.max(0, Math.floor((this.now() - waiting[0].at) / 1000)) }),
      ...(room.quota && { disk_free_mb: megabytes(room.quota - room.usage), disk_total_mb: megabytes(room.quota) }),
    };
    const body = store.envelope(store.uuid7(this.now()), kept.device, 0, status, this.now());
    await this.ask("POST", "/device/v1/up/device.status", { body });
    this.statusAt = performance.now();
  }

  /* The next certificate, for the same key: it cannot leave this browser, so that another one would be no safer. */
  async renew() {
    const { keys, certified } = this.at.kept;
    if (this.now() < Date.parse(certified.renew_at)) return;
    const body = JSON.stringify({ csr: await signingRequest(keys) });
    try {
      await store.keep({ certified: (await this.ask("POST", "/device/v1/renew", { body })).said });
    } catch (error) {
      // The one before is good for a third of its life yet: what waits goes out under it.
      if (error.code === "device_revoked" || this.now() >= Date.parse(certified.expires_at)) throw error;
    }
  }

  /* Revoked: look once an hour whether that was taken back, and otherwise keep still. */
  async knock(since) {
    const leftMs = Math.min(KNOCK_MS, since + KNOCK_MS - Date.now());
    if (leftMs > 0) return leftMs;
    await this.ask("GET", "/device/v1/certificate");
    await store.keep({ revoked: undefined });
    return 0;
  }
}

const megabytes = (bytes) => Math.min(2 ** 31 - 1, Math.floor(bytes / 2 ** 20));

/* Whether a message fits into an envelope. */
export const fits = (data) => new TextEncoder().encode(JSON.stringify(data)).length < MESSAGE_BYTES - 400;
