/* Keeps the page and the files of one version, so that the tablet opens without a network. What devices say to the server
   passes by untouched. The server puts VERSION and ASSETS before this text. */
"use strict";
const PAGE = "/tablet/";
const KEPT = "tablet-";
const CACHE = KEPT + VERSION;

self.addEventListener("install", (event) => {
  const whole = [PAGE, ...ASSETS].map((address) => new Request(address, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(whole)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name.startsWith(KEPT) && name !== CACHE).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || pathname.startsWith("/device/")) return;
  const kept = event.request.mode === "navigate" && pathname === PAGE ? PAGE : event.request;
  event.respondWith(caches.open(CACHE)
    .then((cache) => cache.match(kept, { ignoreVary: true }))
    .then((found) => found ?? fetch(event.request)));
});
