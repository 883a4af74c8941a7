/* The terminal's own program is away: it fell, or starts anew. What stands on the page may be old then, and nobody knows
   whether the last tap counted. Both are said until the program answers; its first answer lets the page look anew. */
"use strict";

(() => {
  function show(away, unsure) {
    const place = document.getElementById("away");
    if (!place) return;
    if (!away || unsure) place.querySelector(".unsure").hidden = !unsure;
    place.hidden = !away;
  }

  const looksByItself = (element) => element.matches('#banner, [hx-trigger*="news"]');

  document.addEventListener("htmx:sendError", (event) => show(true, !looksByItself(event.detail.elt)));
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.xhr.status) show(false, false); });
})();
