/* Short tones made here, for who does not look at the screen: taken (a scan), saved, received, refused. Made only where
   the settings have sound on, and after a first touch or key: before it the browser forbids sound, and nothing is said.
   What was saved, received and refused is read from the banner's counts; a page that is loaded anew repeats nothing. */
"use strict";

(() => {
  const VOLUME = 0.16;
  const APART_MS = 250;
  const TONES = {  // hertz and seconds, one after the other
    taken: [[1320, 0.07]],
    saved: [[660, 0.1]],
    received: [[660, 0.09], [990, 0.14]],
    refused: [[220, 0.16], [165, 0.26]],
  };
  const KEY = "heard";

  let context = null, touched = false, last = -APART_MS;

  function touch() {
    touched = true;
    if (context && context.state === "suspended") context.resume().catch(() => {});
  }
  for (const kind of ["pointerup", "keydown"]) document.addEventListener(kind, touch, true);

  function play(name) {
    const at = performance.now();
    if (document.documentElement.dataset.sound !== "on" || !touched && !navigator.userActivation?.hasBeenActive) return;
    if (at - last < APART_MS && name !== "refused") return;
    last = at;
    try {
      context ??= new AudioContext();
      let from = context.currentTime;
      for (const [hertz, seconds] of TONES[name]) {
        const tone = context.createOscillator(), gain = context.createGain();
        tone.frequency.value = hertz;
        gain.gain.setValueAtTime(0, from);
        gain.gain.linearRampToValueAtTime(VOLUME, from + 0.01);
        gain.gain.linearRampToValueAtTime(0, from + seconds);
        tone.connect(gain).connect(context.destination);
        tone.start(from);
        tone.stop(from + seconds);
        from += seconds;
      }
    } catch { /* no sound at this machine: the screen says the same */ }
  }

  /* The banner counts: what was ever saved, what waits, what was refused and not dealt with. */
  function count() {
    const banner = document.getElementById("banner");
    if (!banner) return;
    const { saved, waiting, refused } = banner.dataset;
    const now = { saved: Number(saved), settled: saved - waiting, refused: Number(refused) };
    let before = null;
    try { before = JSON.parse(sessionStorage.getItem(KEY)); } catch { before = null; }
    sessionStorage.setItem(KEY, JSON.stringify(now));
    if (!before) return;
    if (now.refused > before.refused) play("refused");
    else if (now.settled > before.settled) play("received");
    else if (now.saved > before.saved) play("saved");
  }

  const refusedHere = () => document.querySelector("main :is(.note.stop, .ask)[role=alert]:not([hidden])");

  document.addEventListener("scanned", (event) => play(event.detail === "stop" ? "refused" : "taken"));
  document.addEventListener("htmx:afterSettle", (event) => {
    count();
    if (event.detail.requestConfig?.verb === "post" && refusedHere()) play("refused");
  });
  document.addEventListener("DOMContentLoaded", () => {
    count();
    if (refusedHere()) play("refused");
  });
})();
