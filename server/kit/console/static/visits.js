/* Visits on a device without a network: each is a draft in this browser until the server has said that it is kept.
   A draft has its own id, so that it counts once, however often it is sent. Nothing is deleted unseen. */
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const kept = document.getElementById("kept");
const form = document.getElementById("visit-form");
const keeping = document.getElementById("keeping");
const said = kept.dataset;
const TYPING = "visit:typing";
const AGAIN_MS = 30000;

const opened = new Promise((resolve, reject) => {
  const request = indexedDB.open("evenhand-visits", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "id" });
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
async function store(mode, act) {
  const base = await opened;
  return new Promise((resolve, reject) => {
    const work = base.transaction("drafts", mode);
    const asked = act(work.objectStore("drafts"));
    work.oncomplete = () => resolve(asked.result);
    work.onabort = work.onerror = () => reject(work.error);
  });
}
const drafts = () => store("readonly", (all) => all.getAll());
const put = (draft) => store("readwrite", (all) => all.put(draft));
const forget = (id) => store("readwrite", (all) => all.delete(id));

/* a random id; crypto.randomUUID is there in secure contexts alone */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/* the list of drafts */
async function show() {
  const every = await drafts();
  const own = every.filter((draft) => draft.person === said.person).sort((a, b) => b.body.at.localeCompare(a.body.at));
  const foreign = every.filter((draft) => draft.person !== said.person && draft.state !== "sent").length;
  kept.hidden = !own.length && !foreign;
  kept.querySelector(".drafts").replaceChildren(...own.map(line));
  const others = document.getElementById("others");
  others.hidden = !foreign;
  others.textContent = said.others.replace("{count}", foreign);
  document.querySelectorAll("[data-shop]").forEach((shop) => {
    shop.classList.toggle("kept", own.some((draft) => draft.body.retailer === shop.dataset.shop));
  });
}
function line(draft) {
  const item = document.createElement("li");
  item.className = "draft";
  item.dataset.state = draft.state;
  const state = document.createElement("b");
  state.className = `tag ${{ kept: "wait", sent: "ok", refused: "stop" }[draft.state]}`;
  state.textContent = said[draft.state];
  const words = document.createElement("span");
  const number = draft.number ? ` · ${said.number.replace("{number}", draft.number)}` : "";
  const photos = draft.state === "kept" && draft.number ? ` · ${said.photos}` : "";
  words.textContent = `${said[draft.body.sort]} · ${draft.name} · ${draft.body.at.slice(0, 16).replace("T", " ")}${number}${photos}`;
  item.append(state, words);
  if (draft.reason) {
    const reason = document.createElement("small");
    reason.textContent = draft.reason;
    item.append(reason);
  }
  if (draft.state !== "kept") {
    const away = document.createElement("button");
    away.type = "button";
    away.className = "plain";
    away.textContent = said.forget;
    away.addEventListener("click", () => forget(draft.id).then(show));
    item.append(away);
  }
  return item;
}

/* sending: one after the other, each until it was answered */
let sending = false;
async function send() {
  if (sending) return;
  sending = true;
  try {
    for (const draft of await drafts()) {
      if (draft.person !== said.person || draft.state !== "kept") continue;
      if (!(await sendOne(draft))) break;
    }
  } finally {
    sending = false;
    await show();
  }
}
/* Returns whether there is a network that answers; what happened is written into the draft. */
async function sendOne(draft) {
  const headers = { "X-CSRF-Token": meta("csrf"), Accept: "application/json" };
  if (!draft.number) {
    const answer = await ask("/console/visits/kept", {
      method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(draft.body),
    });
    if (!(await heard(draft, answer))) return answer !== null;
    draft.number = (await answer.json()).number;
    await put(draft);
  }
  for (const [at, photo] of draft.photos.entries()) {
    const answer = await ask(`/console/visits/kept/${draft.id}/photos/${at + 1}`, {
      method: "PUT", headers: { ...headers, "Content-Type": "application/octet-stream" }, body: photo,
    });
    if (!(await heard(draft, answer))) return answer !== null;
  }
  await put({ ...draft, state: "sent", photos: [], reason: "" });
  return true;
}
async function ask(address, options) {
  try {
    return await fetch(address, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    return null;
  }
}
async function heard(draft, answer) {
  network(answer !== null && answer.status < 500);
  if (answer?.ok) return true;
  if (answer === null || answer.status >= 500 || answer.status === 429) return false;
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 401 || body.code === "forged_request") draft.reason = said.signedOut;
  else Object.assign(draft, { state: "refused", reason: body.text ?? String(answer.status) });
  await put(draft);
  return false;
}
function network(on) {
  document.querySelectorAll("[data-network]").forEach((word) => { word.hidden = (word.dataset.network === "on") !== on; });
}

/* the form */
let about = null;
function begin(chosen) {
  about = chosen;
  form.reset();
  document.getElementById("keeping-title").textContent = `${said[chosen.sort]}: ${chosen.name}`;
  document.getElementById("keeping-code").textContent = chosen.retailer;
  document.getElementById("questions").replaceChildren(...chosen.questions.map(question));
  document.getElementById("counts").replaceChildren();
  form.querySelectorAll("[data-of]").forEach((part) => { part.hidden = part.dataset.of !== chosen.sort; });
  keeping.hidden = false;
  document.getElementById("keeping-error").hidden = true;
  document.getElementById("keeping-title").focus();
}
function question(text, at) {
  const field = document.createElement("fieldset");
  field.className = "field asked";
  const legend = document.createElement("legend");
  legend.textContent = text;
  field.append(legend);
  for (const [value, word] of [["yes", "yes"], ["no", "no"], ["not_asked", "notAsked"]]) {
    const label = document.createElement("label");
    label.className = "choice";
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: `q${at}`, value, checked: value === "not_asked" });
    label.append(input, form.dataset[word]);
    field.append(label);
  }
  return field;
}
const typed = (name) => form.elements[name]?.value.trim() ?? "";
const units = (text) => (/^\d{1,7}$/.test(text) ? Number(text) : null);
function counted() {
  return [...document.querySelectorAll("#counts .count")].map((row) => {
    const of = (name) => row.querySelector(`[data-count="${name}"]`).value.trim();
    return { sku: of("sku"), stock_units: units(of("stock_units")), shelf_units: units(of("shelf_units")) };
  }).filter((one) => one.sku);
}
/* Where the device is, once; or why that is not known. */
function place() {
  if (about.sort !== "visit" || !form.elements.place.checked) return Promise.resolve([null, "not_asked"]);
  if (!navigator.geolocation) return Promise.resolve([null, "unavailable"]);
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve([{ latitude: coords.latitude, longitude: coords.longitude, accuracy_m: Math.min(1000000, Math.round(coords.accuracy)) }, "given"]),
      (fault) => resolve([null, fault.code === fault.PERMISSION_DENIED ? "refused" : "unavailable"]),
      { enableHighAccuracy: true, timeout: 8000, maximumAge: 60000 },
    );
  });
}
/* A photo small enough to be sent by a slow line. */
async function small(file) {
  const most = Number(form.dataset.photoBytes);
  const picture = await createImageBitmap(file);
  for (let side = 1600, quality = 0.8; side >= 320; side *= 0.8, quality = Math.max(0.5, quality - 0.08)) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", quality); });
    if (blob && blob.size <= most) return blob;
  }
  return null;
}
function body([where, placeSaid]) {
  const outcome = typed("outcome");
  const promise = typed("promise");
  return {
    id: newId(), retailer: about.retailer, sort: about.sort, rule: about.rule || null, stop: about.stop || null,
    at: new Date().toISOString(), place: where, place_said: placeSaid,
    answers: about.questions.map((asked, at) => ({ question: asked, answer: typed(`q${at}`) })),
    counts: about.sort === "visit" ? counted() : [], words: typed("words"), outcome,
    try_again_on: outcome === "try_again" ? typed("try_again_on") : null,
    promises: promise ? [{ words: promise, due_on: typed("promise_due") }] : [],
  };
}
const whole = () => typed("outcome") && (typed("outcome") !== "try_again" || typed("try_again_on")) && !typed("promise") === !typed("promise_due");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = document.getElementById("keeping-error");
  error.hidden = Boolean(whole());
  if (!whole()) return;
  const button = document.getElementById("keep-it");
  button.disabled = true;
  try {
    const photos = [];
    for (const file of [...document.getElementById("f-photos").files].slice(0, Number(form.dataset.photosMost))) {
      const photo = await small(file).catch(() => null);
      if (photo) photos.push(photo);
    }
    const whatIsKept = body(await place());
    await put({ id: whatIsKept.id, person: said.person, name: about.name, body: whatIsKept, photos: about.sort === "visit" ? photos : [], state: "kept", reason: "" });
    localStorage.removeItem(TYPING);
    keeping.hidden = true;
    about = null;
    await show();
    kept.scrollIntoView();
    send();
  } catch {
    error.textContent = said.broken;
    error.hidden = false;
  } finally {
    button.disabled = false;
  }
});
/* what is being typed survives a closed tab */
form.addEventListener("input", () => {
  if (!about) return;
  const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
  localStorage.setItem(TYPING, JSON.stringify({ person: said.person, about, fields, counts: counted() }));
});
function countRow(one = {}) {
  const row = document.getElementById("count-row").content.cloneNode(true);
  row.querySelectorAll("[data-count]").forEach((field) => { field.value = one[field.dataset.count] ?? ""; });
  document.getElementById("counts").append(row);
}
function resume() {
  let typing = null;
  try { typing = JSON.parse(localStorage.getItem(TYPING) ?? "null"); } catch { /* not ours */ }
  if (typing?.person !== said.person) return;
  begin(typing.about);
  typing.counts.forEach(countRow);
  for (const [name, value] of Object.entries(typing.fields)) {
    const field = form.elements[name];
    if (field instanceof RadioNodeList || (field && field.type !== "checkbox" && field.type !== "file")) field.value = value;
  }
}
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-begin]");
  if (chosen) {
    const { begin: sort, retailer, name, rule, stop, questions } = chosen.dataset;
    begin({ sort, retailer, name, rule, stop, questions: JSON.parse(questions) });
  }
  const another = event.target.closest("[data-another]");
  const code = document.getElementById("f-another").value.trim();
  if (another && code) begin({ sort: another.dataset.another, retailer: code, name: code, rule: "", stop: "", questions: [] });
});
document.getElementById("add-count").addEventListener("click", () => { countRow(); document.querySelector("#counts .count:last-child input").focus(); });
document.getElementById("leave-it").addEventListener("click", () => { localStorage.removeItem(TYPING); about = null; keeping.hidden = true; });
document.getElementById("send-now").addEventListener("click", send);
addEventListener("online", () => { network(true); send(); });
addEventListener("offline", () => network(false));
network(navigator.onLine);
setInterval(() => { if (navigator.onLine) send(); }, AGAIN_MS);
/* the page is kept too, so that it opens without a network */
const worker = navigator.serviceWorker;
const opens = () => { document.getElementById("opens").hidden = false; };
async function keepPage() {
  if (worker.controller) return opens();
  await worker.register("/console/visits/round-worker.js", { scope: location.pathname });
  if (!worker.controller) await new Promise((claimed) => { worker.addEventListener("controllerchange", claimed, { once: true }); });
  if ((await fetch(location.pathname, { credentials: "same-origin" })).ok) opens();
}
if (worker) keepPage().catch(() => {});
resume();
show().then(send);
