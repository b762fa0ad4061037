// Pages of records come within the page that is there: only <main> is put in, and the browser makes nothing else anew.
// Without this script every link and form works as a page of its own, and so does whatever cannot be put in.
"use strict";

const RECORD = /^\/(accounts\/\w{18}|objects\/\w+\/\w{18}(\/edit)?)$/;
const WITHIN = "x-fieldsync-within";

/** What is done when content has come, and what before it goes. @type {(() => unknown)[]} */
const coming = [localTimes, opened];
/** @type {(() => unknown)[]} */
const going = [closed];
/** Do this with the content that is there and with all that comes. @param {() => void} act */
const arrives = (act) => { coming.push(act); act(); };

let asked = 0;
let shown = location.pathname + location.search;
/** How many changes the engine had told of when it spoke last. */
let told = 0;
/** While content is on its way, nothing else is drawn anew: what changed is looked at once it stands there. */
let underway = 0;
let missed = false;
for (const kind of ["sse:changed", "sse:records"]) document.addEventListener(kind, (/** @type {any} */ event) => {
  told = Math.max(told, Number(event.detail.data) || 0);
  if (!underway) return;
  missed = true;
  event.stopImmediatePropagation();
}, { capture: true });

/** Look at what changed meanwhile. @param {number} seen how many changes what stands there knows of */
function catchUp(seen) {
  const parts = missed ? document.querySelectorAll("[hx-trigger*='sse:']") : told > seen ? document.querySelectorAll("#main [hx-trigger*='sse:']") : [];
  missed = false;
  for (const part of parts) drawAnew(part);
}

/** Do something during which nothing else is drawn. @param {() => Promise<unknown>} act */
async function undisturbed(act) {
  underway += 1;
  try { await act(); } finally {
    await new Promise((painted) => { document.hidden ? painted() : requestAnimationFrame(() => setTimeout(painted)); });
    underway -= 1;
    if (!underway) catchUp(Number(document.getElementById("main").dataset.seen || told));
  }
}

/** Content of another address, or null where it has to be a page of its own: one outside of the app's frame, or with a script. @param {string} url @param {RequestInit} [more] */
async function content(url, more = {}) {
  const answer = await fetch(url, { ...more, headers: { [WITHIN]: "main" } });
  const html = await answer.text();
  return html.startsWith("<title>") ? { html, url: answer.url, moved: answer.redirected } : null;
}

/** Put content in the place of what is there. @param {string} html */
function put(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const next = /** @type {HTMLElement} */ (holder.content.querySelector("main"));
  for (const act of going) act();
  document.title = holder.content.querySelector("title").textContent;
  document.getElementById("main").replaceWith(next);
  for (const part of next.querySelectorAll("[hx-get], [hx-post]")) htmx.process(part);
  for (const act of coming) act();
  for (const link of document.querySelectorAll("nav.rail a")) {
    if (/** @type {HTMLElement} */ (link).dataset.here === next.dataset.here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  return next;
}

/** Where somebody who hears the page goes on: at what is wrong, or at the heading. @param {HTMLElement} main */
function attend(main) {
  const wrong = /** @type {HTMLElement|null} */ (main.querySelector("[aria-invalid=true]"));
  const at = wrong || /** @type {HTMLElement} */ (main.querySelector("[role=alert]:not([hidden], .entry *)") || main.querySelector("h1") || main);
  if (!wrong) at.tabIndex = -1;
  at.focus({ preventScroll: !wrong });
}

/** Show content under its address. @param {{ html: string, url: string }} found @param {{ y?: number, instead?: boolean }} [how]
 * how far down, and whether Back leads to what was before this page */
function show(found, { y = 0, instead = false } = {}) {
  const url = new URL(found.url), path = url.pathname + url.search;
  if (path !== shown) history[instead ? "replaceState" : "pushState"]({ y }, "", path);
  shown = path;
  const main = put(found.html);
  scrollTo({ top: y, behavior: "instant" });
  attend(main);
  dispatchEvent(new CustomEvent("fieldsync:shown"));
}

/** Let go of the record of content that nobody came to see: the person went elsewhere meanwhile. @param {{ html: string }|null} found */
function unseen(found) {
  const held = found && /data-view="(\w+)"/.exec(found.html);
  if (held) ask(`/views/${held[1]}/close`).catch(() => null);
}

/** Go to a page. @param {string} url @param {{ y?: number, instead?: boolean }} [how] */
const move = (url, how) => undisturbed(async () => {
  const turn = ++asked;
  await beforeMove();
  const found = await content(url).catch(() => null);
  if (turn !== asked) return unseen(found);
  if (found) show(found, how);
  else if (new URL(url).href === location.href) location.reload();
  else location.assign(url);
});

document.addEventListener("click", (event) => {
  const link = /** @type {HTMLAnchorElement|null} */ (/** @type {HTMLElement} */ (event.target).closest("a[href]"));
  const otherwise = event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  if (!link || otherwise || link.target || link.hasAttribute("download") || link.origin !== location.origin || !RECORD.test(link.pathname)) return;
  event.preventDefault();
  history.replaceState({ ...history.state, y: scrollY }, "");
  move(link.href);
});

// Back and forward show what stands there now, however the content came.
addEventListener("popstate", (event) => {
  const path = location.pathname + location.search;
  if (path === shown) return;
  event.stopImmediatePropagation();
  shown = path;
  move(location.href, { y: (event.state && event.state.y) || 0, instead: true });
}, { capture: true });
// A list that is shown in another way has its own address.
document.body.addEventListener("htmx:pushedIntoHistory", () => { shown = location.pathname + location.search; });
