// The page on which a record is entered: drafts, implicit saves, lines, lookups, the signature.
"use strict";

const KEEPALIVE_BYTES_MAX = 60000;
const DRAFT_MS = 300;
const SEARCH_MS = 150;

const form = /** @type {HTMLFormElement|null} */ (document.getElementById("sheet"));
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
function saveOnLeaving() {
  if (!dirty || leaving) return;
  leaving = true;
  const sent = body();
  sent.set("act", "leave");
  if (sent.toString().length > KEEPALIVE_BYTES_MAX) sent.set("signature", "kept");
  ask(form.action, { body: sent, keepalive: true });
}

/** A form that was opened again may have been saved by the page before it. */
async function followSaved() {
  if (field("record_id").value) return;
  const answer = await ask(`/forms/${field("form_id").value}`, { method: "GET" }).catch(() => null);
  const saved = answer && answer.ok ? (await answer.json()).page : "";
  if (saved && !dirty) {
    leaving = true;
    location.replace(saved);
  }
}

if (form) {
  lookups();
  dependents(form);
}
if (form && !("locked" in form.dataset)) {
  dirty = "restored" in form.dataset;
  form.addEventListener("input", (event) => { if (!(/** @type {HTMLElement} */ (event.target).closest(".lookup"))) changed(); });
  form.addEventListener("change", (event) => { chosenMany(event); dependents(form); changed(); });
  form.addEventListener("submit", () => { leaving = true; clearTimeout(draftTimer); });
  form.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-add], [data-remove]");
    if (button) lines(/** @type {HTMLElement} */ (button));
  });
  beforeReload = async () => { await keepDraft(); leaving = true; };
  document.body.addEventListener("htmx:beforeRequest", (/** @type {any} */ event) => {
    if ("leave" in event.target.dataset) { leaving = true; clearTimeout(draftTimer); }
  });
  const drop = document.getElementById("drop-draft");
  if (drop) drop.addEventListener("click", async () => {
    leaving = true;
    clearTimeout(draftTimer);
    await ask(`/drafts/${form.dataset.draft}/drop`);
    location.reload();
  });
  signature();
  addEventListener("pagehide", saveOnLeaving);
  /** @type {HTMLFieldSetElement} */ (document.getElementById("sheet-fields")).disabled = false; // from here on nothing typed is lost
  setTimeout(followSaved, DRAFT_MS);
}

/** Add a line, or remove the one the button is in. @param {HTMLElement} button */
function lines(button) {
  if (button.dataset.add) {
    const source = document.getElementById(`line-${button.dataset.add}`);
    const holder = document.createElement("div");
    holder.innerHTML = source.innerHTML.replaceAll("ROW", `n${Date.now().toString(36)}`);
    const list = document.getElementById(`lines-${button.dataset.add}`);
    list.append(holder.firstElementChild);
    dependents(list);
    /** @type {HTMLElement} */ (list.lastElementChild.querySelector("select, input:not([type=hidden]), textarea")).focus();
  } else {
    button.closest(".entry").remove();
    changed();
  }
}

/** Several values of one field are sent as one text. @param {Event} event */
function chosenMany(event) {
  const list = /** @type {HTMLSelectElement} */ (event.target);
  if (list.dataset.multi) field(list.dataset.multi).value = [...list.selectedOptions].map((o) => o.value).join(";");
}

/** Values that another field does not allow are not offered. @param {ParentNode} within */
function dependents(within) {
  for (const list of /** @type {NodeListOf<HTMLSelectElement>} */ (within.querySelectorAll("select[data-controller]"))) {
    const held = form.querySelectorAll(`[name="${list.dataset.controller}"]`);
    const above = /** @type {HTMLInputElement|undefined} */ (held[held.length - 1]);
    if (!above) continue;
    const value = above.type === "checkbox" ? String(above.checked) : above.value;
    for (const option of list.options) {
      const allowed = option.dataset.allowedBy;
      option.hidden = option.disabled = Boolean(allowed) && !allowed.split(";").includes(value);
    }
    if (list.selectedOptions[0] && list.selectedOptions[0].disabled) list.value = "";
  }
}

/** Fields that point to another record: typed letters find it, Enter or a tap takes it. */
function lookups() {
  let timer = 0;
  const parts = (/** @type {any} */ at) => {
    const box = at.closest(".lookup");
    return { box, text: box.querySelector("[role=combobox]"), list: box.querySelector("[role=listbox]"), held: box.querySelector("[type=hidden]") };
  };
  const close = (/** @type {any} */ { text, list }) => { list.hidden = true; text.setAttribute("aria-expanded", "false"); text.removeAttribute("aria-activedescendant"); };
  const take = (/** @type {any} */ found, /** @type {any} */ option) => {
    found.held.value = option.dataset.value;
    found.text.value = option.textContent;
    close(found);
    changed();
  };
  const look = async (/** @type {any} */ found) => {
    const search = found.held.value ? "" : found.text.value;
    const answer = await ask(`${found.box.dataset.lookup}&search=${encodeURIComponent(search)}`, { method: "GET" }).catch(() => null);
    if (!answer || !answer.ok) return;
    found.list.innerHTML = await answer.text();
    found.list.querySelectorAll("li").forEach((/** @type {any} */ li, /** @type {number} */ i) => { li.id = `${found.list.id}-${i}`; });
    found.list.hidden = document.activeElement !== found.text;
    found.text.setAttribute("aria-expanded", String(!found.list.hidden));
  };
  form.addEventListener("input", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (!at.matches("[role=combobox]")) return;
    const found = parts(at);
    found.held.value = "";
    clearTimeout(timer);
    timer = setTimeout(() => look(found), SEARCH_MS);
  });
  form.addEventListener("focusin", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (!at.matches("[role=combobox]")) return;
    const found = parts(at);
    found.held.dataset.was = found.held.value;
    look(found);
  });
  form.addEventListener("focusout", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (!at.matches("[role=combobox]")) return;
    const found = parts(at);
    close(found);
    if (!found.held.value) found.text.value = "";
    if (found.held.value !== found.held.dataset.was) changed();
  });
  form.addEventListener("pointerdown", (event) => {
    const option = /** @type {HTMLElement} */ (event.target).closest(".lookup [data-value]");
    if (!option) return;
    event.preventDefault();
    take(parts(option), option);
  });
  form.addEventListener("keydown", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (!at.matches("[role=combobox]")) return;
    const found = parts(at);
    const options = [...found.list.querySelectorAll("[data-value]")];
    const active = options.findIndex((o) => o.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") close(found);
    if (event.key === "Enter" && !found.list.hidden) {
      event.preventDefault();
      if (options[Math.max(active, 0)]) take(found, options[Math.max(active, 0)]);
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = options[(active + (event.key === "ArrowDown" ? 1 : options.length - (active < 0 ? 0 : 1))) % options.length];
    for (const option of options) option.setAttribute("aria-selected", String(option === next));
    if (next) {
      found.text.setAttribute("aria-activedescendant", next.id);
      next.scrollIntoView({ block: "nearest" });
    }
  });
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
