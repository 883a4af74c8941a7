/* The keyboard on the screen: opens under the field that is typed into, and the page makes room for it.
   The field keeps the focus, so that a scanner and a real keyboard go on working beside it. One tap is one
   letter: nothing is repeated, nothing is swiped. Chinese words come from this machine's own server. */
"use strict";

(() => {
  const TYPED = "input:not([type]), input[type=text], input[type=search], input[type=number], input[type=password], textarea";
  const LETTERS = ["qwertyuiop", "asdfghjkl", "^zxcvbnm<"];
  const CODE = ["1234567890", "QWERTYUIOP", "ASDFGHJKL-", "ZXCVBNM<"];
  const SIGNS = ["1234567890", "-/:;()¥&@\"", "~.,?!'+=%<"];
  const SIGNS_ZH = ["1234567890", "－／：；（）¥&@“", "~。，？！、”·%<"];
  const BAR_PAGE = 40;
  let field = null, layer = "letters", shift = "", chinese = false, letters = "", words = [], from = 0, asked = 0, waiting = null;

  const frame = () => document.getElementById("keyboard");
  const word = (name) => frame().dataset[name];
  const kept = (name, value) => { try { return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value); } catch { return null; } };

  /* A field that has keys of its own beside it needs no others. */
  const takes = (element) => element && element.matches && element.matches(TYPED) && !element.readOnly && !element.disabled
    && !document.querySelector(`[data-keys-for="${CSS.escape(element.id || "-")}"]`) && frame() && frame().dataset.on === "yes";
  const numeric = () => field.type === "number" || field.inputMode === "numeric" || field.inputMode === "decimal";
  /* What a field is for: a code has capitals and digits alone; a search is found by Latin letters, pinyin included. */
  const code = () => field.dataset.keys === "code";
  const search = () => field.type === "search";

  function make(tag, className, text, label) {
    const made = document.createElement(tag);
    made.className = className;
    if (tag === "button") made.type = "button";
    if (text) made.textContent = text;
    if (label) made.setAttribute("aria-label", label);
    return made;
  }

  function key(name, label, className = "", says = "") {
    const made = make("button", `key ${className}`, label, label && says ? `${label} ${says}` : says);
    made.dataset.press = name;
    return made;
  }

  function sign(name) {
    const made = make("span", "");
    made.innerHTML = `<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#${name}"/></svg>`;
    return made;
  }

  function row(keys, className = "") {
    const made = make("div", `kb-row ${className}`);
    made.append(...keys);
    return made;
  }

  function letterKey(letter) {
    if (letter === "<") { const made = key("rubout", "", "side", word("rubout")); made.append(sign("rubout")); return made; }
    if (letter === "^") {
      const made = key("shift", "", "side", word("shift"));
      made.append(sign("shift"));
      made.setAttribute("aria-pressed", String(shift !== ""));
      if (shift === "lock") made.classList.add("locked");
      return made;
    }
    return key(`=${shift ? letter.toUpperCase() : letter}`, shift ? letter.toUpperCase() : letter);
  }

  function draw() {
    const here = frame();
    here.hidden = false;
    here.replaceChildren();
    if (numeric()) {
      here.append(row([..."1234567890"].map((digit) => key(`=${digit}`, digit)), "digits"));
      const rub = letterKey("<");
      here.append(row([...(field.inputMode === "decimal" ? [key("=.", ".")] : []), ...(field.dataset.signed ? [key("=-", "−")] : []), rub, key("done", word("done"), "ok")], "last"));
      return;
    }
    if (code()) {
      const lines = CODE.map((line) => [...line].map(letterKey));
      lines[3].push(key("done", word("done"), "ok"));
      here.append(...lines.map((keys) => row(keys)));
      return;
    }
    if (chinese && layer === "letters") here.append(bar());
    const lines = layer === "letters" ? LETTERS : chinese ? SIGNS_ZH : SIGNS;
    for (const line of lines) here.append(row([...line].map(letterKey)));
    const last = [key(layer === "letters" ? "signs" : "letters", layer === "letters" ? "123" : chinese ? "拼音" : "ABC", "side", layer === "letters" ? word("signs") : word("letters"))];
    const language = key("language", "", "side", `中/En ${chinese ? word("toEnglish") : word("toChinese")}`);
    language.append(make("span", chinese ? "here" : "", "中"), make("span", "", "/"), make("span", chinese ? "" : "here", "En"));
    last.push(language);
    if (chinese && layer === "letters") last.push(key("='", "’", "", word("parting")));
    last.push(key("space", word("space"), "space"));
    last.push(key(chinese ? "=，" : "=,", chinese ? "，" : ","), key(chinese ? "=。" : "=.", chinese ? "。" : "."));
    last.push(key("done", word("done"), "ok"));
    here.append(row(last, "last"));
  }

  function bar() {
    const made = make("div", "kb-bar");
    const typed = make("output", "kb-typed", letters, "");
    typed.setAttribute("aria-label", word("typed"));
    const list = make("div", "kb-words");
    list.setAttribute("role", "group");
    list.setAttribute("aria-label", word("words"));
    for (const [index, [text]] of words.slice(from).entries()) {
      const each = key(`word${from + index}`, text, "word");
      each.lang = "zh-Hans";
      list.append(each);
    }
    made.append(typed, list);
    if (words.length) {
      const next = key("more", "", "side", word("more"));
      next.append(sign("next"));
      made.append(next);
    }
    return made;
  }

  /* Words that do not fit into the bar wait behind the arrow; nothing is cut in the middle. */
  function fit() {
    const list = frame().querySelector(".kb-words");
    if (!list) return;
    const edge = list.getBoundingClientRect().right + 0.5;
    let shown = 0;
    for (const each of list.children) each.hidden = false;
    for (const each of list.children) {
      each.hidden = each.getBoundingClientRect().right > edge;
      if (!each.hidden) shown += 1;
    }
    list.dataset.shown = String(Math.max(1, shown));
  }

  function drawBar() {
    const before = frame().querySelector(".kb-bar");
    if (before) { before.replaceWith(bar()); fit(); }
  }

  function open(element) {
    if (field !== element) { letters = ""; words = []; from = 0; layer = "letters"; }
    field = element;
    shift = "";
    chinese = !code() && !search() && (kept("keys") || (document.documentElement.lang === "zh-Hans" ? "zh" : "en")) === "zh";
    document.body.classList.add("typing");
    draw();
    fit();
    element.scrollIntoView({ block: "nearest" });
  }

  function close() {
    if (!field) return;
    settle();
    field = null;
    document.body.classList.remove("typing");
    if (frame()) { frame().hidden = true; frame().replaceChildren(); }
  }

  function put(text) {
    const all = field.hasAttribute("data-fresh");
    field.removeAttribute("data-fresh");
    let start = field.value.length, end = start;
    if (field.type !== "number") { start = field.selectionStart ?? start; end = field.selectionEnd ?? end; }
    if (all) { start = 0; end = field.value.length; }
    const rest = field.maxLength < 0 ? text : text.slice(0, Math.max(0, field.maxLength - field.value.length + end - start));
    if (field.type === "number") field.value += rest;
    else field.setRangeText(rest, start, end, "end");
    tell("insertText", rest);
  }

  function rub() {
    if (letters) { letters = letters.slice(0, -1); return ask(); }
    const fresh = field.hasAttribute("data-fresh");
    field.removeAttribute("data-fresh");
    if (fresh) field.value = "";
    else if (field.type === "number") field.value = field.value.slice(0, -1);
    else {
      const end = field.selectionEnd, start = field.selectionStart === end ? Math.max(0, end - ([...field.value.slice(0, end)].pop() || "").length) : field.selectionStart;
      field.setRangeText("", start, end, "end");
    }
    tell("deleteContentBackward", null);
  }

  function tell(inputType, data) { field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType, data })); }

  function ask() {
    const mine = ++asked;
    from = 0;
    if (!letters) { words = []; waiting = null; drawBar(); return; }
    const typed = frame().querySelector(".kb-typed");
    if (typed) typed.textContent = letters;
    waiting = fetch(`/keys/candidates?typed=${encodeURIComponent(letters)}`)
      .then((answer) => (answer.ok ? answer.json() : { words: [] }), () => ({ words: [] }))
      .then((found) => { if (mine === asked && field) { words = found.words.slice(0, BAR_PAGE); drawBar(); } });
  }

  function choose(index) {
    const [text, taken] = words[index];
    put(text);
    letters = letters.slice(taken);
    ask();
  }

  /* Letters that nobody made a word of stay as they are: nothing that was typed is lost. */
  function settle() {
    if (letters && field) { const left = letters; letters = ""; words = []; asked += 1; put(left); }
  }

  async function firstWord() {
    await waiting;
    if (letters && words.length) choose(0); else settle();
  }

  async function press(name) {
    if (!field) return;
    if (name === "done") { const left = field; close(); left.blur(); return; }
    if (name === "rubout") { rub(); return; }
    if (name === "shift") { shift = shift === "" ? "once" : shift === "once" ? "lock" : ""; return redraw(); }
    if (name === "signs" || name === "letters") { layer = name; if (letters) await firstWord(); return redraw(); }
    if (name === "language") { settle(); chinese = !chinese; layer = "letters"; if (!search()) kept("keys", chinese ? "zh" : "en"); return redraw(); }
    if (name === "more") {
      const shown = Number(frame().querySelector(".kb-words").dataset.shown || 1);
      from = from + shown < words.length ? from + shown : 0;
      return drawBar();
    }
    if (name.startsWith("word")) return choose(Number(name.slice(4)));
    if (name === "space") { if (letters) return firstWord(); return put(" "); }
    const typed = name.slice(1);
    if (chinese && layer === "letters" && /^[a-z']$/.test(typed) && (letters || typed !== "'")) {
      if (letters.length < 40) { letters += typed; ask(); }
      return;
    }
    if (letters) await firstWord();
    put(typed);
    if (shift === "once") { shift = ""; redraw(); }
  }

  function redraw() {
    const had = document.activeElement && frame().contains(document.activeElement) ? document.activeElement.dataset.press : null;
    draw();
    fit();
    if (had) (frame().querySelector(`[data-press="${CSS.escape(had)}"]`) || frame().querySelector("button")).focus();
  }

  /* The page may not move under a finger: the keys go away after the tap that leaves the field has done its work. */
  let finger = false, silent = false;
  const away = () => field && document.activeElement !== field && !(frame() && frame().contains(document.activeElement));
  const later = () => setTimeout(() => { finger = false; if (away()) close(); }, 60);

  document.addEventListener("focusin", (event) => {
    if (silent) return;
    if (takes(event.target)) open(event.target);
    else if (!finger && away()) close();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest("#keyboard")) event.preventDefault();
    else finger = true;
  });
  document.addEventListener("mousedown", (event) => { if (event.target.closest("#keyboard")) event.preventDefault(); });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, later);
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("#keyboard [data-press]");
    if (pressed) { press(pressed.dataset.press); return; }
    if (takes(event.target) && event.target !== field) open(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest && event.target.closest("#keyboard")) {
      if (event.repeat) event.preventDefault();
      if (event.key === "Escape" && field) { const left = field; close(); silent = true; left.focus({ preventScroll: true }); silent = false; }
    } else if (event.key === "Escape" && field) { event.preventDefault(); close(); }
  });
  /* Letters that wait for a word go in before a form is sent. */
  document.addEventListener("submit", settle, true);
  document.addEventListener("htmx:load", () => {
    if (field && !field.isConnected) { const again = field.id && document.getElementById(field.id); letters = ""; words = []; field = null; if (again && again === document.activeElement) open(again); else { document.body.classList.remove("typing"); if (frame()) frame().hidden = true; } }
    if (!field && takes(document.activeElement)) open(document.activeElement);
  });
  document.addEventListener("DOMContentLoaded", () => { if (takes(document.activeElement)) open(document.activeElement); });
  window.addEventListener("resize", () => { if (field) { fit(); field.scrollIntoView({ block: "nearest" }); } });
})();
