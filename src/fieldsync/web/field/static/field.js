// The Field app's behaviour in the browser: drafts, implicit saves, the signature, open records. No framework.
"use strict";

const KEEPALIVE_BYTES_MAX = 60000;
const LOOK_MS = 15000;
const DRAFT_MS = 300;

const token = document.body.dataset.pageToken || "";
/** Ask the engine for something. @param {string} url @param {RequestInit} [more] */
const ask = (url, more = {}) => fetch(url, { method: "POST", headers: { "x-fieldsync-page": token }, ...more });
let leaving = false;

// A page that comes back from the browser's own store shows what was, not what is.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// What looks the same is not put there anew: a button stays the one that is being pressed.
const swapped = new WeakMap();
document.body.addEventListener("htmx:beforeSwap", (/** @type {any} */ event) => {
  const { target, serverResponse } = event.detail;
  if (swapped.get(target) === serverResponse) event.detail.shouldSwap = false;
  else swapped.set(target, serverResponse);
});

// An open record holds a lease; news of it waits until the person asks or leaves.
const bar = document.getElementById("news");
const view = bar ? bar.dataset.view : "";
async function look() {
  const answer = await ask(`/views/${view}/renew`).catch(() => null);
  if (!answer || !answer.ok) return;
  const { held, news } = await answer.json();
  if (!held) document.getElementById("news-text").textContent = "This page rested for a while. The record may be newer by now.";
  bar.hidden = held && !news;
}
if (bar && view) {
  setInterval(look, LOOK_MS);
  document.body.addEventListener("sse:changed", look);
  document.getElementById("show-news").addEventListener("click", async () => {
    await keepDraft();
    await ask(`/views/${view}/show`);
    leaving = true;
    location.reload();
  });
  addEventListener("pagehide", () => ask(`/views/${view}/close`, { keepalive: true }));
}

const form = /** @type {HTMLFormElement|null} */ (document.getElementById("call"));
/** One hidden or visible field of the call. @param {string} name */
const field = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
let dirty = false;
let draftTimer = 0;

/** Everything in the call's form, as plain text pairs. */
const body = () => new URLSearchParams(/** @type {any} */ (new FormData(form)));

/** Keep what is typed so far, if anything is. */
async function keepDraft() {
  clearTimeout(draftTimer);
  if (form && dirty) await ask(`/drafts/${form.dataset.draft}`, { body: body() }).catch(() => null);
}

/** The person changed the form. @param {number} [wait] milliseconds until the draft is kept */
function changed(wait = DRAFT_MS) {
  dirty = true;
  field("revision").value = String(Number(field("revision").value) + 1);
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keepDraft, wait);
}

/** Leaving the page is a save too. What is larger than a leaving page may send is in the draft already. */
function saveOnLeaving() {
  if (!dirty || leaving) return;
  leaving = true;
  const sent = body();
  sent.set("act", "leave");
  if (sent.toString().length > KEEPALIVE_BYTES_MAX) sent.set("Signature", "kept");
  ask("/calls", { body: sent, keepalive: true });
}

/** A form that was opened again may have been saved by the page before it. */
async function followSaved() {
  if (field("call_id").value) return;
  const answer = await ask(`/forms/${field("form_id").value}`, { method: "GET" }).catch(() => null);
  const saved = answer && answer.ok ? (await answer.json()).call : "";
  if (saved && !dirty) {
    leaving = true;
    location.replace(`/calls/${saved}`);
  }
}

if (form && !("locked" in form.dataset)) {
  dirty = "restored" in form.dataset;
  form.addEventListener("input", () => changed());
  form.addEventListener("change", () => changed());
  form.addEventListener("submit", () => { leaving = true; clearTimeout(draftTimer); });
  form.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-add], [data-remove]");
    if (button) lines(/** @type {HTMLElement} */ (button));
  });
  const drop = document.getElementById("drop-draft");
  if (drop) drop.addEventListener("click", async () => {
    leaving = true;
    clearTimeout(draftTimer);
    await ask(`/drafts/${form.dataset.draft}/drop`);
    location.assign(drop.dataset.again);
  });
  signature();
  addEventListener("pagehide", saveOnLeaving);
  /** @type {HTMLFieldSetElement} */ (document.getElementById("call-fields")).disabled = false; // from here on nothing typed is lost
  setTimeout(followSaved, DRAFT_MS);
}

/** Add a line, or remove the one the button is in. @param {HTMLElement} button */
function lines(button) {
  if (button.dataset.add) {
    const source = document.getElementById(`${button.dataset.add}-row`);
    const holder = document.createElement("div");
    holder.innerHTML = source.innerHTML.replaceAll("ROW", `n${Date.now().toString(36)}`);
    document.getElementById(`${button.dataset.add}s`).append(holder.firstElementChild);
    document.getElementById(`${button.dataset.add}s`).lastElementChild.querySelector("select").focus();
  } else {
    button.closest(".entry").remove();
  }
  changed();
}

/** Draw on the canvas with finger, pen or mouse. */
function signature() {
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.getElementById("signature"));
  if (!canvas) return;
  const value = field("Signature"), date = field("Signature_Date");
  const pen = canvas.getContext("2d");
  const fit = () => {
    const scale = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    pen.scale(scale, scale);
    pen.lineWidth = 2.2;
    pen.lineCap = "round";
    pen.strokeStyle = "#10243e";
    if (!value.value) return;
    const kept = new Image();
    kept.onload = () => pen.drawImage(kept, 0, 0, canvas.clientWidth, canvas.clientHeight);
    kept.src = value.value;
  };
  fit();
  let drawing = false;
  const at = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("pointerdown", (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    pen.lineTo(...at(event));
    pen.stroke();
  });
  const end = () => {
    if (!drawing) return;
    drawing = false;
    value.value = canvas.toDataURL("image/png");
    date.value = new Date().toISOString().replace(/\.\d+Z$/, "+00:00");
    changed(0);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  document.getElementById("clear-signature").addEventListener("click", () => {
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    value.value = date.value = "";
    changed();
  });
}
