// What every page of the Field app does in the browser: open records, live parts, prompts. No framework.
"use strict";

const LOOK_MS = 15000;
const LOCK_LOOK_MS = 5000;
const PRESENT_MS = 30000;
const TOUCH_MS = 20000;
const SAID_MS = 12000;
/** For so long at most something that is pressed is kept from being drawn anew. */
const PRESSED_MS = 2000;
/** What a page has to put away before it is loaded anew. */
let beforeReload = async () => {};
/** What it has to put away before other content takes its place. */
let beforeMove = async () => {};

const token = document.body.dataset.pageToken || "";
/** Ask the engine for something. @param {string} url @param {RequestInit} [more] */
const ask = (url, more = {}) => fetch(url, { method: "POST", headers: { "x-fieldsync-page": token }, ...more });

// A page that comes back from the browser's own store shows what was, not what is.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

/** Have a part look at what changed. @param {Element} part */
const drawAnew = (part) => htmx.trigger(part, part.getAttribute("hx-trigger").includes("sse:records") ? "sse:records" : "sse:changed");

// What is being pressed stays until it is let go, or the press would be lost; then its part is drawn anew.
/** @type {Node|null} */
let pressed = null;
let letGoTimer = 0;
/** @type {Set<Element>} */
const waiting = new Set();
function letGo() {
  clearTimeout(letGoTimer);
  pressed = null;
  for (const part of waiting) drawAnew(part);
  waiting.clear();
}
addEventListener("pointerdown", (event) => {
  letGo();
  pressed = /** @type {Node} */ (event.target);
  letGoTimer = setTimeout(letGo, PRESSED_MS);
}, { capture: true, passive: true });
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => setTimeout(letGo), { capture: true, passive: true });

// What looks the same is not put there anew.
const swapped = new WeakMap();
document.body.addEventListener("htmx:beforeSwap", (/** @type {any} */ event) => {
  const { elt, target, serverResponse } = event.detail;
  if (swapped.get(target) === serverResponse) event.detail.shouldSwap = false;
  else if (pressed && target.contains(pressed) && elt.matches("[hx-trigger*='sse:']")) {
    event.detail.shouldSwap = false;
    waiting.add(elt);
  } else swapped.set(target, serverResponse);
});

// Who chooses while a list is on its way gets what he chose last: what was asked for before is not put there any more.
document.body.addEventListener("change", (event) => {
  const list = /** @type {HTMLElement} */ (event.target);
  if (!list.matches("select[hx-get]")) return;
  for (let at = /** @type {Element|null|undefined} */ (list); at; at = at.parentElement?.closest("[hx-get]")) htmx.trigger(at, "htmx:abort");
});

// What was answered to somebody who pressed a button can be read, also where all around it is drawn anew.
const answered = new WeakMap();
document.body.addEventListener("htmx:afterSwap", (/** @type {any} */ event) => {
  const { target, requestConfig } = event.detail;
  const said = target.querySelector("[data-answer]"), kept = answered.get(target);
  if (requestConfig.verb !== "get") answered.set(target, { said, first: said && said === target.firstElementChild, until: Date.now() + SAID_MS });
  else if (kept && kept.said && !said && Date.now() < kept.until) target[kept.first ? "prepend" : "append"](kept.said);
});

// What a button is answered may be older than what the engine told of while it was on its way: the part is looked at again.
let changes = 0;
document.addEventListener("sse:changed", (/** @type {any} */ event) => {
  changes = Math.max(changes, Number(event.detail.data) || 0);
}, { capture: true });
const underWay = new WeakMap();
document.body.addEventListener("htmx:beforeRequest", (/** @type {any} */ event) => {
  if (event.detail.requestConfig.verb !== "get") underWay.set(event.detail.requestConfig, changes);
});
document.body.addEventListener("htmx:afterSwap", (/** @type {any} */ event) => {
  const { target, requestConfig } = event.detail, known = underWay.get(requestConfig);
  if (known !== undefined && known !== changes && target.matches("[hx-trigger*='sse:changed']")) htmx.trigger(target, "sse:changed");
});

// An open record holds a lease; news of it waits until the person asks or leaves.
let view = "";
async function look() {
  const bar = document.getElementById("news"), asked = view;
  if (!bar || !view) return;
  const answer = await ask(`/views/${view}/renew`).catch(() => null);
  if (!answer || !answer.ok || asked !== view) return;
  const { held, news } = await answer.json();
  if (!held) document.getElementById("news-text").textContent = bar.dataset.rested;
  bar.hidden = held && !news;
}
async function showNews() {
  await beforeReload();
  await ask(`/views/${view}/show`);
  location.reload();
}
function opened() {
  const bar = document.getElementById("news");
  view = bar ? bar.dataset.view : "";
  if (view) document.getElementById("show-news").addEventListener("click", showNews);
}
async function closed() {
  const left = view;
  view = "";
  if (left) await ask(`/views/${left}/close`, { keepalive: true }).catch(() => null);
}
opened();
setInterval(look, LOOK_MS);
document.body.addEventListener("sse:changed", look);
addEventListener("pagehide", closed);

document.addEventListener("click", (event) => {
  const pressed = /** @type {HTMLElement} */ (event.target);
  if (pressed.closest("[data-print]")) print();
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(pressed)) menu.removeAttribute("open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.removeAttribute("open");
    /** @type {HTMLElement} */ (menu.querySelector("summary")).focus();
  }
});

// A modal is shown as one; a link in it counts as seen.
document.body.addEventListener("htmx:afterSwap", () => {
  const modal = /** @type {HTMLDialogElement|null} */ (document.querySelector("dialog[data-modal]"));
  if (modal && !modal.open) modal.showModal();
});
document.addEventListener("click", (event) => {
  if (/** @type {HTMLElement} */ (event.target).closest("[data-close-prompt]")) ask("/prompts/close", { keepalive: true });
});

// While a sync is watched the screen stays awake, where the device lets a page ask for that.
if ("awake" in document.body.dataset && "wakeLock" in navigator) /** @type {any} */ (navigator).wakeLock.request("screen").catch(() => null);

// Times in the way of the person's country, in the person's own zone.
function localTimes() {
  const { locale, zone } = document.body.dataset;
  if (!locale) return;
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-local]"))) {
    try {
      time.textContent = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(time.dateTime));
    } catch { /* a locale or zone this browser does not know: the text stays */ }
  }
}
localTimes();
document.body.addEventListener("htmx:afterSwap", localTimes);

// Who reads, scrolls or types is there, also without asking for a page.
if ("mayLock" in document.body.dataset) {
  let touched = Date.now();
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, () => {
    if (Date.now() - touched < TOUCH_MS) return;
    touched = Date.now();
    ask("/lock/touch").catch(() => null);
  }, { passive: true });
}

// When the app locks, what an open page shows goes. A half-written form was kept as a draft already.
if ("mayLock" in document.body.dataset) setInterval(async () => {
  const answer = await ask("/lock/state", { method: "GET" }).catch(() => null);
  if (answer && answer.ok && (await answer.json()).locked) { await beforeReload(); location.assign("/locked"); }
}, LOCK_LOOK_MS);

// Off Wi-Fi, as far as the browser tells, a download of more than the admin allows is asked about first.
/** Over what the device reaches the network. */
function network() {
  const told = /** @type {any} */ (navigator).connection;
  if (!told) return "unknown";
  if (told.saveData || ["cellular", "wimax", "bluetooth"].includes(told.type)) return "cellular";
  return { wifi: "wifi", ethernet: "wired", none: "none" }[told.type] || "unknown";
}
/** @param {HTMLElement} act */
const costly = (act) => network() === "cellular" && Number(act.dataset.bytes) > Number(document.body.dataset.offWifi) * 1e6;
document.body.addEventListener("htmx:confirm", (/** @type {any} */ event) => {
  const { elt, question, issueRequest } = event.detail;
  if (!costly(elt)) return;
  event.preventDefault();
  if (confirm([question, elt.dataset.ask].filter(Boolean).join("\n\n"))) issueRequest(true);
});
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLElement} */ (event.target);
  if (costly(form) && !confirm(form.dataset.ask)) event.preventDefault();
}, { capture: true });

// Only while a page of the app is visible does the engine talk to the network by itself.
if ("presence" in document.body.dataset) {
  const tab = crypto.randomUUID();
  let power = "";
  // @ts-ignore: not every browser tells
  navigator.getBattery?.().then((battery) => {
    const look = () => { power = battery.charging ? "plugged" : "battery"; };
    look();
    battery.addEventListener("chargingchange", look);
  }, () => null);
  const told = (/** @type {boolean} */ visible) => ask("/presence", { body: new URLSearchParams({ tab, visible: String(visible), network: network(), power }), keepalive: true }).catch(() => null);
  told(!document.hidden);
  setInterval(() => { if (!document.hidden) told(true); }, PRESENT_MS);
  document.addEventListener("visibilitychange", () => told(!document.hidden));
  addEventListener("pagehide", () => told(false));
}
