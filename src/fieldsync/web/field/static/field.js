// The Field app's behaviour in the browser: drafts, implicit saves, the signature, open records. No framework.
"use strict";

const token = document.body.dataset.pageToken || "";
/** Ask the engine for something. @param {string} url @param {RequestInit} [more] */
const ask = (url, more = {}) => fetch(url, { method: "POST", headers: { "x-fieldsync-page": token }, ...more });

// An open record holds a lease; news of it waits until the person asks or leaves.
const bar = document.getElementById("news");
const view = bar ? bar.dataset.view : "";
async function look() {
  const answer = await ask(`/views/${view}/renew`).catch(() => null);
  if (answer && answer.ok) bar.hidden = !(await answer.json()).news;
}
if (bar && view) {
  setInterval(look, 15000);
  document.body.addEventListener("htmx:sseMessage", look);
  document.getElementById("show-news").addEventListener("click", async () => {
    await ask(`/views/${view}/show`);
    leaving = true;
    location.reload();
  });
}

const form = /** @type {HTMLFormElement|null} */ (document.getElementById("call"));
let dirty = false;
let leaving = false;

/** A form as plain text pairs. @param {HTMLFormElement} f */
const body = (f) => new URLSearchParams(new FormData(f));

if (form && !("locked" in form.dataset)) {
  let timer = 0;
  const changed = () => {
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(() => ask(`/drafts/${form.dataset.draft}`, { body: body(form) }), 300);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { leaving = true; clearTimeout(timer); });

  let row = form.querySelectorAll(".entry").length;
  form.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-add], [data-remove]");
    if (!button) return;
    if (button.dataset.add) {
      const source = document.getElementById(`${button.dataset.add}-row`);
      row += 1;
      const holder = document.createElement("div");
      holder.innerHTML = source.innerHTML.replaceAll("ROW", `n${row}`);
      document.getElementById(`${button.dataset.add}s`).append(holder.firstElementChild);
      document.getElementById(`${button.dataset.add}s`).lastElementChild.querySelector("select").focus();
    } else {
      button.closest(".entry").remove();
    }
    changed();
  });

  const drop = document.getElementById("drop-draft");
  if (drop) drop.addEventListener("click", async () => {
    await ask(`/drafts/${form.dataset.draft}/drop`);
    leaving = true;
    location.reload();
  });

  signature(changed);

  // Leaving the page is a save too.
  addEventListener("pagehide", () => {
    if (dirty && !leaving) {
      leaving = true;
      const sent = body(form);
      sent.set("act", "leave");
      ask("/calls", { body: sent, keepalive: true });
    }
  });
}
addEventListener("pagehide", () => {
  if (view) ask(`/views/${view}/close`, { keepalive: true });
});

/** Draw on the canvas with finger, pen or mouse. @param {() => void} changed */
function signature(changed) {
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.getElementById("signature"));
  if (!canvas) return;
  const value = /** @type {HTMLInputElement} */ (form.elements.namedItem("Signature"));
  const date = /** @type {HTMLInputElement} */ (form.elements.namedItem("Signature_Date"));
  const pen = canvas.getContext("2d");
  const fit = () => {
    const scale = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    pen.scale(scale, scale);
    pen.lineWidth = 2.2;
    pen.lineCap = "round";
    pen.strokeStyle = "#10243e";
    if (value.value) {
      const kept = new Image();
      kept.onload = () => pen.drawImage(kept, 0, 0, canvas.clientWidth, canvas.clientHeight);
      kept.src = value.value;
    }
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
    changed();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  document.getElementById("clear-signature").addEventListener("click", () => {
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    value.value = date.value = "";
    changed();
  });
}
