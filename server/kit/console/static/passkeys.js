"use strict";
/* Passkeys: a form with data-passkey="create|get" asks the server for options, the browser for a passkey, and is sent with it.
   Where the browser or the address can have none (no TLS, a bare IP address) the form stays hidden. */
(() => {
  const possible = window.PublicKeyCredential?.parseRequestOptionsFromJSON && !/^[\d.]+$|^\[/.test(location.hostname);
  document.querySelectorAll("[data-passkey-only]").forEach((part) => { part.hidden = !possible; });
  document.querySelectorAll("[data-passkey-else]").forEach((part) => { part.hidden = Boolean(possible); });
  if (!possible) return;

  async function credential(form) {
    const sent = new FormData();
    for (const name of ["csrf", "present"]) if (form.elements[name]) sent.set(name, form.elements[name].value);
    const answer = await fetch(form.dataset.options, {
      method: "POST", body: sent, headers: { Accept: "application/json" },
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.text);
    return form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(said) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(said) });
  }

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const problem = form.querySelector("[data-problem]");
    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      event.stopPropagation();
      problem.hidden = true;
      try {
        form.elements.credential.value = JSON.stringify(await credential(form));
        form.submit();
      } catch (error) {
        problem.textContent = error instanceof DOMException ? problem.dataset.problem : error.message;
        problem.hidden = false;
      }
    });
  });
})();
