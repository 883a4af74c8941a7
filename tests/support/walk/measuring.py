"""What a page must hold to at a counter, measured in the browser; each rule returns its faults as sentences."""

#: The page has been laid out and painted anew.
DRAWN = """() => new Promise((done) => {
  dispatchEvent(new Event("resize"));
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""

#: Nothing reaches beyond the page, and no words beyond what holds them.
OUT_OF_PLACE = """() => {
  const wide = document.documentElement.clientWidth, bad = [];
  const page = document.documentElement.scrollWidth;
  if (page > wide + 1) bad.push(`the page is ${page} wide`);
  for (const each of document.querySelectorAll("body *")) {
    if (each.closest(".hidden, [hidden], svg, template") || !each.checkVisibility()) continue;
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    if (!box.width || !box.height) continue;
    const name = `${each.tagName.toLowerCase()}.${each.className} "${each.textContent.trim().slice(0, 40)}"`;
    if (box.right > wide + 1 || box.left < -1) bad.push(`${name} reaches from ${box.left} to ${box.right}`);
    const holdsText = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const meant = style.textOverflow === "ellipsis" || each.matches("input, textarea, select, .kb-typed");
    const said = each.matches("button, a.chip, a.second, a.primary, .primary, nav a, b, h1, h2, p, dt, dd");
    const holds = said && !meant && style.display !== "inline" && (holdsText || each.matches("button, a"));
    if (holds && each.scrollWidth > each.clientWidth + 1)
      bad.push(`${name} is ${each.scrollWidth} wide in ${each.clientWidth}`);
  }
  return bad;
}"""

#: The head is whole, the truth is in sight, fingers find their targets, eyes their letters. Sizes in CSS pixels.
FAULTS = """() => {
  const bad = [], high = innerHeight, phone = innerWidth < 700, typing = document.body.matches(".typing");
  const large = document.documentElement.dataset.size === "large";
  const seen = (each) => each.checkVisibility() && !each.closest(".hidden, [hidden], svg, template");
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const words = (each) => each.textContent.trim().replace(/\\s+/g, " ").slice(0, 40);
  const name = (each) => `${each.tagName.toLowerCase()}.${each.className} "${words(each)}"`;
  const foot = document.querySelector(".foot"), top = foot.checkVisibility() ? foot.getBoundingClientRect().top : high;

  for (const each of all(".head .pill, .alert, .clock, .clock > *, .truth, .note, .foot nav a")) {
    const box = each.getBoundingClientRect();
    if (box.right > innerWidth + 1) bad.push(`${name(each)} is cut at the right`);
    if (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
      bad.push(`${name(each)} is cut short`);
  }
  const tops = all(".top > *").map((each) => each.getBoundingClientRect());
  for (const [n, one] of tops.entries())
    for (const other of tops.slice(n + 1))
      if (Math.max(one.left, other.left) < Math.min(one.right, other.right) - 1)
        if (Math.max(one.top, other.top) < Math.min(one.bottom, other.bottom) - 1)
          bad.push("two parts of the head cover each other");
  if (!phone && !large && !typing)
    for (const each of all(".order .truth, .order .pad .ok"))
      if (each.getBoundingClientRect().bottom > top + 1) bad.push(`${name(each)} is below the edge`);

  if (!typing && foot.checkVisibility() && foot.getBoundingClientRect().height > (phone ? 172 : large ? 132 : 108))
    bad.push(`the foot is ${Math.round(foot.getBoundingClientRect().height)} high`);
  for (const each of all(".go .primary:not(.off):not(:disabled), .ask .two .primary")) {
    const box = each.getBoundingClientRect(), least = typing && high <= 520 ? 56 : 72;
    if (box.height < least - 0.5) bad.push(`${name(each)} is only ${box.height} high`);
    if (!typing && !phone && box.top < high / 3) bad.push(`${name(each)} is in the upper third`);
  }
  const chosen = ":is([type=radio], [type=checkbox])", fields = `input:not([type=hidden], ${chosen}), select, textarea`;
  for (const each of all(`button, a[href], summary, ${fields}, label:has(> input${chosen})`)) {
    if (phone && each.closest("#keyboard")) continue;
    const box = each.getBoundingClientRect();
    if (box.height < 55.5 || box.width < 43.5)
      bad.push(`${name(each)} is ${Math.round(box.width)} by ${Math.round(box.height)}`);
  }
  if (!phone)
    for (const each of all("body *")) {
      const size = getComputedStyle(each).fontSize;
      if ([...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) && parseFloat(size) < 20)
        bad.push(`${name(each)} is written in ${size}`);
    }
  return [...new Set(bad)];
}"""
