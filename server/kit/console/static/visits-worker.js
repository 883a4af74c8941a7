/* Keeps the page of visits and what it is made of, so that it opens without a network. Of all other pages nothing is
   kept, and nothing is sent from here. The server puts VERSION and ASSETS before this text. */
"use strict";
const PAGE = "/console/visits/round";
const STATIC = "/console/static/";
const KEPT = "visits-";
const CACHE = KEPT + VERSION;
const OLD_MS = 3 * 86400000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(ASSETS)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name.startsWith(KEPT) && name !== CACHE).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (pathname === PAGE) event.respondWith(page(event.request));
  else if (pathname.startsWith(STATIC)) event.respondWith(asset(event.request));
});

/* The newest page where the server answers; the kept one where it does not. Who is no longer signed in has none. */
async function page(request) {
  const cache = await caches.open(CACHE);
  const answer = await fetch(request).catch(() => null);
  if (answer === null || answer.status >= 500) return (await young(cache)) ?? answer ?? Response.error();
  if (answer.ok && !answer.redirected) await cache.put(PAGE, answer.clone());
  else await cache.delete(PAGE);
  return answer;
}
async function young(cache) {
  const kept = await cache.match(PAGE, { ignoreVary: true });
  const at = Date.parse(kept?.headers.get("Date") ?? "");
  return at && Date.now() - at < OLD_MS ? kept : null;
}
/* Files have their fingerprint in the address: one that is here is the right one. */
async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
