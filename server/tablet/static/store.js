/* What the tablet keeps. A change counts once it is on the disk: every transaction that writes is strict, and a promise
   that it returned is kept only after its end.

   kept: one value a name. said: what was done here, in order, with the bytes that are sent. told: the newest of the feed. */

const NAME = "evenhand-tablet";
const VERSION = 1;
const KEPT_MS = 90 * 86400000;

let opened = null;

function open() {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("kept");
      asked.result.createObjectStore("said", { keyPath: "seq" }).createIndex("id", "id", { unique: true });
      asked.result.createObjectStore("told", { keyPath: "key" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => { opened = null; failed(asked.error); };
  });
  return opened;
}

const answered = (asked) => new Promise((done, failed) => {
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => failed(asked.error);
});

/* `act` may wait for nothing but what it asks of the stores. */
async function within(mode, names, act) {
  const transaction = (await open()).transaction(names, mode, { durability: "strict" });
  const ended = new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onabort = () => failed(transaction.error ?? new Error("what was to be kept was not"));
  });
  const stores = Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
  let result;
  try {
    result = await act(stores);
  } catch (error) {
    transaction.abort();
    await ended.catch(() => {});
    throw error;
  }
  await ended;
  return result;
}

export const everything = () => within("readonly", ["kept", "said", "told"], async ({ kept, said, told }) => {
  const [names, values, rows, items] = await Promise.all(
    [answered(kept.getAllKeys()), answered(kept.getAll()), answered(said.getAll()), answered(told.getAll())]);
  return { kept: Object.fromEntries(names.map((name, place) => [name, values[place]])), said: rows, told: items };
});

/* A value that is undefined is forgotten. */
export const keep = (values) => within("readwrite", ["kept"], async ({ kept }) => {
  for (const [name, value] of Object.entries(values)) value === undefined ? kept.delete(name) : kept.put(value, name);
});

/* 48 bits of milliseconds, then the version, then random bits. */
export function uuid7(nowMs) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(nowMs / 2 ** (8 * (5 - place))) % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export const envelope = (id, device, seq, data, nowMs) => JSON.stringify(
  { id, device, seq, sent_at: new Date(nowMs).toISOString(), schema: 1, data });

/* Keep a message before anybody is told that it is kept. Its id and its bytes are the same from now on. `unless` looks at
   what was said before: where it holds, nothing is said and nothing returned. What `forget` names goes with the saying. */
export const say = (kind, data, nowMs, { unless, forget } = {}) => within("readwrite", ["kept", "said"], async ({ kept, said }) => {
  if (unless?.(await answered(said.getAll()))) return null;
  const [seq, device] = await Promise.all([answered(kept.get("seq")), answered(kept.get("device"))]);
  const next = (seq ?? 0) + 1, id = uuid7(nowMs);
  kept.put(next, "seq");
  said.put({ seq: next, id, kind, data, body: envelope(id, device, next, data, nowMs), at: nowMs, outcome: null });
  if (forget) kept.delete(forget);
  return id;
});

/* Write down what became of a message; the first word on it stands. */
export const settle = (receipt) => within("readwrite", ["said"], ({ said }) => settled(said, receipt));

async function settled(said, receipt) {
  const row = await answered(said.index("id").get(receipt.message));
  if (row && row.outcome === null) said.put({ ...row, outcome: receipt.outcome, receipt });
}

/* Somebody has looked at a refusal. */
export const dealtWith = (seq) => within("readwrite", ["said"], async ({ said }) => {
  const row = await answered(said.get(seq));
  if (row) said.put({ ...row, dealt: true });
});

/* Take a page of the feed and move the cursor, in one transaction. An item that is here already changes nothing. */
export const take = (page, clock) => within("readwrite", ["kept", "said", "told"], async ({ kept, said, told }) => {
  let cursor = (await answered(kept.get("cursor"))) ?? 0;
  for (const item of page.items.filter((one) => one.seq > cursor)) {
    told.put({ ...item, history: page.history });
    if (item.kind === "receipt") await settled(said, item.data);
    cursor = item.seq;
  }
  kept.put(cursor, "cursor");
  kept.put(page.history, "history");
  kept.put(clock, "clock");
  if (!page.more && await answered(kept.get("rereading"))) {
    for (const item of await answered(told.getAll())) if (item.history !== page.history) told.delete(item.key);
    kept.delete("rereading");
  }
  return cursor;
});

/* The server came back from a backup: read its feed from the beginning, and say again, as the same, all that it had
   accepted and holds no receipt of any more. What it refused stays refused: nothing of that is sent again by itself. */
export const startOver = (history) => within("readwrite", ["kept", "said"], async ({ kept, said }) => {
  kept.put(0, "cursor");
  kept.put(history, "history");
  kept.put(true, "rereading");
  for (const row of await answered(said.getAll())) {
    if (row.outcome === "accepted") said.put({ ...row, outcome: null, receipt: undefined });
  }
});

/* Another identity for the same shop: what waits is said under it, with the same ids. */
export const enrolled = (identity) => within("readwrite", ["kept", "said"], async ({ kept, said }) => {
  const { device, retailer, name, certified } = identity;
  for (const [key, value] of Object.entries({ device, retailer, name, certified })) kept.put(value, key);
  for (const gone of ["asked", "revoked"]) kept.delete(gone);
  for (const row of await answered(said.getAll())) {
    if (row.outcome === null) said.put({ ...row, body: JSON.stringify({ ...JSON.parse(row.body), device }) });
  }
});

/* What is settled and dealt with is kept for a season. */
export const tidy = (nowMs) => within("readwrite", ["said"], async ({ said }) => {
  for (const row of await answered(said.getAll())) {
    if (row.outcome !== null && (row.outcome === "accepted" || row.dealt) && nowMs - row.at > KEPT_MS) said.delete(row.seq);
  }
});

export const forgetEverything = () => within("readwrite", ["kept", "said", "told"], async (stores) => {
  for (const store of Object.values(stores)) store.clear();
});
