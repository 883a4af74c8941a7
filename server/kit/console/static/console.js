"use strict";
/* Small behaviour for pages that work without it: tokens for htmx, copying, dialogs, drafts, clocks. Live parts: live.js. */
(() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
  const toasts = document.getElementById("toasts");
  let skew = Date.parse(meta("server-now")) - Date.now();
  const serverNow = () => Date.now() + skew;

  function toast(text, action, perform) {
    const box = document.createElement("div");
    box.className = "toast";
    box.append(text);
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = action;
      button.addEventListener("click", () => { perform(); box.remove(); });
      box.append(button);
    }
    toasts.append(box);
    setTimeout(() => box.remove(), action ? 10000 : 2500);
  }

  /* htmx: every request carries the session's token; what failed is said. */
  document.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-CSRF-Token"] = meta("csrf"); });
  document.addEventListener("htmx:sendError", () => toast(toasts.dataset.offline));

  /* who signs out leaves no page of visits on this device; drafts of visits stay until they are sent */
  document.querySelector("form.who")?.addEventListener("submit", () => {
    globalThis.caches?.keys().then((names) => names.filter((name) => name.startsWith("visits-")).forEach((name) => caches.delete(name)));
  });

  /* one question before what cannot be taken back: data-confirm="..." on a button or a form */
  const question = document.getElementById("confirm");
  function ask(text, label) {
    const yes = question.querySelector("[value=yes]");
    question.querySelector("#confirm-text").textContent = text;
    yes.textContent = label || yes.dataset.defaultLabel;
    question.returnValue = "no";
    question.showModal();
    return new Promise((answer) => {
      question.addEventListener("close", () => answer(question.returnValue === "yes"), { once: true });
    });
  }
  document.addEventListener("htmx:confirm", (event) => {
    const text = event.detail.question;
    if (!text) return;
    event.preventDefault();
    ask(text, event.detail.elt.dataset.confirmLabel).then((yes) => { if (yes) event.detail.issueRequest(true); });
  });
  let confirmed = null;
  document.addEventListener("submit", (event) => {
    const asking = [event.submitter, event.target].find((part) => part?.dataset.confirm);
    if (asking && confirmed !== event.target) {
      event.preventDefault();
      const { target, submitter } = event;
      ask(asking.dataset.confirm, asking.dataset.confirmLabel).then((yes) => {
        if (!yes) return;
        confirmed = target;
        target.requestSubmit(submitter);
      });
      return;
    }
    confirmed = null;
    if (event.target.method === "post" && !event.target.hasAttribute("hx-post")) {
      if (event.target.dataset.sent) { event.preventDefault(); return; }
      event.target.dataset.sent = "yes";
      if (event.target.dataset.draft) sessionStorage.setItem(`sent:${event.target.dataset.draft}`, "yes");
      if ("inPlace" in event.target.dataset) {
        event.preventDefault();
        send(event.target, event.submitter);
        return;
      }
      sessionStorage.setItem("pending", done(event.target));
    }
  });

  /* form[data-in-place]: what is refused is said in the form itself, beside what was typed; what was done leads on */
  async function send(form, submitter) {
    const body = new URLSearchParams(new FormData(form, submitter));
    const asked = { method: "POST", body, headers: { "HX-Request": "true", "HX-Current-URL": location.href } };
    let answer;
    try { answer = await fetch(form.action, asked); } catch { answer = null; }
    const on = answer?.headers.get("HX-Redirect");
    if (on) {
      if (answer.ok) sessionStorage.setItem(done(form), "yes");
      const before = location.pathname + location.search;
      location.assign(on);
      if (on.split("#")[0] === before) location.reload();
      return;
    }
    delete form.dataset.sent;
    if (!answer) { toast(toasts.dataset.offline); return; }
    if (!answer.headers.has("HX-Retarget")) { /* its answer is a page of its own: let the browser ask for it */
      delete form.dataset.inPlace;
      form.requestSubmit(submitter);
      return;
    }
    const said = form.querySelector(".said") ?? form.insertBefore(document.createElement("div"), form.firstChild);
    said.className = "said";
    said.innerHTML = await answer.text();
    form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    const wrong = [...said.querySelectorAll("[data-wrong]")].map((one) => form.elements[one.dataset.wrong]).filter(Boolean);
    wrong.forEach((field) => field.setAttribute?.("aria-invalid", "true"));
    said.scrollIntoView({ block: "nearest" });
    wrong[0]?.focus?.();
  }
  /* a form whose act was done is empty when the back button shows it again: pressing it does nothing twice */
  const done = (form) => `done:${location.pathname} ${form.getAttribute("action")}`;
  const [arrived] = performance.getEntriesByType("navigation");
  const pending = sessionStorage.getItem("pending");
  if (pending && (arrived?.responseStatus ?? 200) < 400) sessionStorage.setItem(pending, "yes");
  sessionStorage.removeItem("pending");
  addEventListener("pageshow", (event) => {
    if (!event.persisted && arrived?.type !== "back_forward") return;
    document.querySelectorAll("form[method=post]").forEach((form) => { if (sessionStorage.getItem(done(form))) form.reset(); });
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const copy = on("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => toast(toasts.dataset.copied));
    const opens = on("[data-opens]");
    if (opens) document.getElementById(opens.dataset.opens)?.showModal();
    if (on("[data-closes]")) on("dialog")?.close();
    if (on("[data-dismiss]")) on(".notice")?.remove();
    if (on("[data-print]")) print();
    if (on("[data-back]")) history.back();
    const adds = on("[data-adds]");
    if (adds) another(document.getElementById(adds.dataset.adds));
  });

  /* [data-adds="id"]: one more row of the fields in the element of that id, empty */
  function another(rows) {
    const row = rows.lastElementChild.cloneNode(true);
    const number = rows.children.length + 1;
    row.querySelectorAll("input, select").forEach((field) => {
      const id = field.id.replace(/\d+$/, number);
      row.querySelector(`label[for="${field.id}"]`)?.setAttribute("for", id);
      field.id = id;
      field.removeAttribute("aria-invalid");
      if (field.tagName === "SELECT") field.selectedIndex = 0;
      else field.value = field.getAttribute("list") && rows.id === "quota-rows" ? "*" : "";
    });
    row.querySelectorAll(".error").forEach((said) => said.remove());
    rows.append(row);
    row.querySelector("input, select").focus();
  }

  /* drafts: what was typed into form[data-draft] survives errors, signing in again and the back button */
  const keep = "input:not([type=hidden], [type=password], [type=file]), select, textarea";
  const storage = (form) => `draft:${form.dataset.draft}`;
  const written = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked : field.value);
  const original = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.defaultChecked;
    if (field.tagName === "SELECT") return ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value;
    return field.defaultValue;
  };
  /* a field's name, with its place among those of the same name: rows of a table repeat them */
  const named = (form) => {
    const seen = {};
    return [...form.querySelectorAll(keep)].map((field) => {
      const name = field.type === "radio" ? `${field.name}=${field.value}` : field.name;
      seen[name] = (seen[name] ?? 0) + 1;
      return [seen[name] > 1 ? `${name}#${seen[name]}` : name, field];
    });
  };
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form) sessionStorage.removeItem(done(form));
    if (!form?.dataset.draft) return;
    const changed = named(form).filter(([, field]) => written(field) !== original(field));
    sessionStorage.setItem(storage(form), JSON.stringify(Object.fromEntries(changed.map(([name, field]) => [name, written(field)]))));
  });
  if (!document.querySelector("[data-fault]")) {
    Object.keys(sessionStorage).filter((key) => key.startsWith("sent:")).forEach((key) => {
      sessionStorage.removeItem(key);
      sessionStorage.removeItem(key.replace("sent:", "draft:"));
    });
  }
  document.querySelectorAll("form[data-draft]").forEach((form) => {
    let draft;
    try { draft = JSON.parse(sessionStorage.getItem(storage(form)) ?? "{}"); } catch { draft = {}; }
    const changed = named(form).filter(([name, field]) => name in draft && draft[name] !== original(field));
    changed.forEach(([name, field]) => {
      if (typeof draft[name] === "boolean") field.checked = draft[name];
      else field.value = draft[name];
    });
    if (changed.length) toast(toasts.dataset.restored, toasts.dataset.discard, () => { sessionStorage.removeItem(storage(form)); form.reset(); });
  });
  document.querySelector("[data-focus]")?.focus();
  document.querySelector(".rooms [aria-current]")?.scrollIntoView({ block: "nearest" });
  addEventListener("beforeprint", () => document.querySelectorAll("details[data-prints]").forEach((part) => { part.open = true; }));

  /* running totals: the whole numbers typed inside [data-total="id"] add up in the output of that id */
  document.addEventListener("input", (event) => {
    const group = event.target.closest("[data-total]");
    if (!group) return;
    const typed = [...group.querySelectorAll("input")].map((field) => field.value.trim());
    document.getElementById(group.dataset.total).value = typed.reduce((sum, value) => sum + (/^\d+$/.test(value) ? Number(value) : 0), 0);
  });

  /* clocks run by the server's time; countdowns stop at zero and say so with an event */
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  function tick() {
    document.querySelectorAll("[data-server-clock]").forEach((clock) => {
      const [, sign, hours, minutes] = /UTC([+-])(\d\d):(\d\d)/.exec(clock.dataset.offset) ?? [null, "+", "0", "0"];
      const ahead = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60000;
      clock.textContent = new Date(serverNow() + ahead).toISOString().slice(11, 19);
    });
    document.querySelectorAll("[data-countdown]").forEach((part) => {
      const left = Math.max(0, (Date.parse(part.dataset.countdown) - serverNow()) / 1000);
      const days = left >= 172800 ? Math.floor(left / 86400) : 0;
      const lead = days ? `${days}${document.documentElement.lang.startsWith("zh") ? " 天 " : " d "}` : "";
      const rest = left - days * 86400;
      part.textContent = `${lead}${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}`;
      if (left === 0 && !part.dataset.over) { part.dataset.over = "yes"; part.dispatchEvent(new CustomEvent("over", { bubbles: true })); }
    });
  }
  setInterval(tick, 1000);
  tick();
  document.addEventListener("server-now", (event) => { skew = Date.parse(event.detail) - Date.now(); });
})();
