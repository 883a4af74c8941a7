/* What is known of orders: from what was told, what was said here, and what still waits. It asks nobody and keeps nothing. */

const KINDS = new Set(["order.place", "order.amend", "order.cancel"]);
const orderOf = (row) => (row.kind === "order.place" ? row.id : row.data.order);
const counts = (lines) => Object.fromEntries(lines.map((line) => [line.sku, line.quantity_units]));

export const acts = (said) => said.filter((row) => KINDS.has(row.kind));

export const facts = (told, kind) => told.filter((item) => item.kind === kind).map((item) => item.data);

/* Windows that are open by the server's clock, the one that closes first in front; then those that are coming. */
export function windows(told, nowMs) {
  const there = facts(told, "window").filter((one) => ["announced", "open"].includes(one.state));
  const sorted = there.sort((a, b) => Date.parse(a.closes_at) - Date.parse(b.closes_at));
  return {
    open: sorted.filter((one) => Date.parse(one.opens_at) <= nowMs && nowMs < Date.parse(one.closes_at)),
    coming: sorted.filter((one) => Date.parse(one.opens_at) > nowMs),
  };
}

/* An order as the shop sees it: the server's book, with what was receipted since and what waits on top of it. */
function merged(id, book, rows) {
  const seen = { id, number: book?.number ?? 0, revision: book?.revision ?? 1, window: book?.window, state: book?.state ?? "none", units: counts(book?.lines ?? []) };
  for (const row of rows.filter((one) => one.outcome !== "rejected")) {
    const waits = row.outcome === null;
    if (!waits && (row.receipt.revision ?? 0) <= (book?.revision ?? 0)) continue;
    if (!waits) seen.revision = Math.max(seen.revision, row.receipt.revision ?? 0);
    else if (row.kind !== "order.place") seen.revision += 1;
    seen.number ||= row.receipt?.number ?? 0;
    seen.window ??= row.data.window;
    seen.state = row.kind === "order.cancel" ? "cancelled" : "accepted";
    if (row.data.lines) seen.units = counts(row.data.lines);
  }
  return seen;
}

/* The orders of a shop, each as :func:`merged` sees it. `revision` is the one that a change names. */
function every(told, said) {
  const book = new Map(facts(told, "order").map((one) => [one.order, one]));
  const ids = new Set([...book.keys(), ...acts(said).map(orderOf)]);
  return [...ids].map((id) => merged(id, book.get(id), acts(said).filter((row) => orderOf(row) === id)));
}

/* The order that stands in a window; null where there is none. */
export function standing(window, told, said) {
  const there = every(told, said).filter((one) => one.window === window && one.state === "accepted");
  return there.at(-1) ?? null;
}

/* The window that an act belongs to, as far as it is known. */
export function windowOf(row, told, said) {
  if (row.data.window) return row.data.window;
  return every(told, said).find((one) => one.id === row.data.order)?.window;
}

/* What the newest act in a window asked for, where it was refused and nobody has dealt with that; null otherwise. */
export function refusedUnits(window, told, said) {
  const row = acts(said).filter((one) => windowOf(one, told, said) === window).at(-1);
  return row?.outcome === "rejected" && !row.dealt && row.data.lines ? counts(row.data.lines) : null;
}

/* The message that makes an order of what was counted: a new one, a change, or a withdrawal where nothing is left. */
export function message(window, units, order) {
  const lines = Object.entries(units).filter(([, count]) => count > 0).map(([sku, count]) => ({ sku, quantity_units: count }));
  if (!order) return lines.length ? { kind: "order.place", data: { window, lines } } : null;
  const named = { order: order.id, revision: order.revision };
  return lines.length ? { kind: "order.amend", data: { ...named, lines } } : { kind: "order.cancel", data: named };
}

export const same = (one, other) => {
  const skus = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...skus].every((sku) => (one[sku] ?? 0) === (other[sku] ?? 0));
};

/* The next count of an item, a pack more or less, within its minimum and its limit. */
export function step(item, units, packs) {
  const least = Math.ceil(Math.max(item.minimum_units, 1) / item.pack_units) * item.pack_units;
  const next = packs > 0 ? Math.max(units + item.pack_units, least) : units - item.pack_units;
  return next < least ? 0 : next;
}

/* Whether another pack may be asked for. */
export const room = (item, units) => item.licensed && (item.limit_units == null || step(item, units, 1) <= item.limit_units);

export const sum = (catalogue, units) => catalogue.reduce((minor, item) => minor + item.price_minor * (units[item.sku] ?? 0), 0);
