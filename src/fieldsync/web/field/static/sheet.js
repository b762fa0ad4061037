// The page on which a record is entered: drafts, implicit saves, lines, lookups, the signature.
"use strict";

const KEEPALIVE_BYTES_MAX = 60000;
const DRAFT_MS = 300;

/** The form that is open. @type {HTMLFormElement|null} */
let form = null;
let leaving = false;
let dirty = false;
let draftTimer = 0;

/** One hidden or visible field. @param {string} name */
const field = (name) => /** @type {HTMLInputElement|null} */ (form.elements.namedItem(name));

/** Everything in the form, as plain text pairs. */
const body = () => new URLSearchParams(/** @type {any} */ (new FormData(form)));

/** Keep what is typed so far, if anything is. */
async function keepDraft() {
  clearTimeout(draftTimer);
  if (form && dirty && !leaving) await ask(`/drafts/${form.dataset.draft}`, { body: body() }).catch(() => null);
}

/** The person changed the form. @param {number} [wait] milliseconds until the draft is kept */
function changed(wait = DRAFT_MS) {
  dirty = true;
  field("revision").value = String(Number(field("revision").value) + 1);
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keepDraft, wait);
}

/** Leaving the page is a save too. What is larger than a leaving page may send is in the draft already. */
async function saveOnLeaving() {
  clearTimeout(draftTimer);
  if (!form || !dirty || leaving) return;
  leaving = form.inert = true;
  const sent = body();
  sent.set("act", "leave");
  if (sent.toString().length > KEEPALIVE_BYTES_MAX) sent.set("signature", "kept");
  await ask(form.action, { body: sent, keepalive: true, redirect: "manual" }).catch(() => null);
}

/** Save: what stands there then comes in this form's place, or it stays with what is wrong. @param {SubmitEvent} event */
function save(event) {
  event.preventDefault();
  if (leaving) return;
  const sent = body(), button = /** @type {HTMLButtonElement|null} */ (event.submitter);
  if (button) sent.set(button.name, button.value);
  leaving = form.inert = true;
  clearTimeout(draftTimer);
  asked += 1;
  undisturbed(() => send(form, sent));
}

/** @param {HTMLFormElement} at @param {URLSearchParams} sent */
async function send(at, sent) {
  const found = await content(at.action, { method: "POST", body: sent }).catch(() => undefined);
  if (at !== form) return;
  if (found && found.moved) view = ""; // the save has ended it
  if (found) return show(found.moved ? found : { html: found.html, url: location.href }, { instead: !at.elements.namedItem("record_id").value });
  if (found === null) return sendAsPage(at, sent);
  leaving = at.inert = false;
  const silent = document.getElementById("silent");
  silent.hidden = false;
  silent.focus();
}

/** What cannot be put in comes as a page of its own. @param {HTMLFormElement} at @param {URLSearchParams} sent */
function sendAsPage(at, sent) {
  const act = document.createElement("input");
  Object.assign(act, { type: "hidden", name: "act", value: sent.get("act") || "save" });
  at.append(act);
  HTMLFormElement.prototype.submit.call(at);
}

/** A form that was opened again may have been saved by the page before it. */
async function followSaved() {
  const at = form;
  if (!at || field("record_id").value) return;
  const answer = await ask(`/forms/${field("form_id").value}`, { method: "GET" }).catch(() => null);
  const saved = answer && answer.ok ? (await answer.json()).page : "";
  if (saved && !dirty && at === form) {
    leaving = true;
    location.replace(saved);
  }
}

/** Take up the form that has come, if one has. */
function openSheet() {
  form = /** @type {HTMLFormElement|null} */ (document.getElementById("sheet"));
  leaving = dirty = false;
  if (!form) return;
  lookups(form, () => changed());
  dependents(form, form);
  if ("locked" in form.dataset) return;
  dirty = "restored" in form.dataset;
  form.addEventListener("input", (event) => { if (!(/** @type {HTMLElement} */ (event.target).closest(".lookup"))) changed(); });
  form.addEventListener("change", (event) => { chosenMany(form, event); dependents(form, form); changed(); });
  form.addEventListener("submit", save);
  form.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-add], [data-remove]");
    if (button) lines(/** @type {HTMLElement} */ (button));
  });
  const drop = document.getElementById("drop-draft");
  if (drop) drop.addEventListener("click", startOver);
  signature();
  /** @type {HTMLFieldSetElement} */ (document.getElementById("sheet-fields")).disabled = false; // from here on nothing typed is lost
  setTimeout(followSaved, DRAFT_MS);
}

/** Throw away what was typed and not saved. */
async function startOver() {
  leaving = true;
  clearTimeout(draftTimer);
  await ask(`/drafts/${form.dataset.draft}/drop`);
  location.reload();
}

arrives(openSheet);
beforeMove = saveOnLeaving;
beforeReload = async () => {
  await keepDraft();
  leaving = true;
};
addEventListener("pagehide", saveOnLeaving);
document.body.addEventListener("htmx:beforeRequest", (/** @type {any} */ event) => {
  if (!("leave" in event.target.dataset)) return;
  leaving = true;
  clearTimeout(draftTimer);
});

/** Add a line, or remove the one the button is in. @param {HTMLElement} button */
function lines(button) {
  if (button.dataset.add) {
    const source = document.getElementById(`line-${button.dataset.add}`);
    const holder = document.createElement("div");
    holder.innerHTML = source.innerHTML.replaceAll("ROW", `n${Date.now().toString(36)}`);
    const list = document.getElementById(`lines-${button.dataset.add}`);
    list.append(holder.firstElementChild);
    dependents(form, list);
    /** @type {HTMLElement} */ (list.lastElementChild.querySelector("select, input:not([type=hidden]), textarea")).focus();
  } else {
    button.closest(".entry").remove();
    changed();
  }
}

/** Draw on the canvas with finger, pen or mouse. */
function signature() {
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.getElementById("signature"));
  if (!canvas) return;
  const value = field("signature"), date = field("signature_date");
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
