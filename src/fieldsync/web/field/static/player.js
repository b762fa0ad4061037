// Presenting: one slide at a time, by button, key or swipe; what was shown is saved on the call as it is left.
"use strict";

const SHOWN_MS_MIN = 1000;
const SWIPE_PX = 60;
const { deck, call } = document.body.dataset;
const slides = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".slide")]);
const reaction = /** @type {HTMLSelectElement|null} */ (document.getElementById("reaction"));
let at = 0;
let began = new Date();

/** Save something on the call; a page that is left may still send it. What the call does not take any more is told.
 * @param {Record<string, string>} what */
async function note(what) {
  if (!call) return;
  const sent = ask(`/present/${deck}/shown`, { body: new URLSearchParams({ call, slide: slides[at].dataset.slide, ...what }), keepalive: true });
  const told = await sent.then((answer) => answer.json()).catch(() => null);
  if (told && told.saved === false) document.getElementById("unnoted").hidden = false;
}

/** The slide that is left was on the screen so long. */
function leave() {
  const ms = Date.now() - began.getTime();
  if (ms >= SHOWN_MS_MIN) note({ started_at: began.toISOString(), seconds: String(Math.round(ms / 1000)), reaction: reaction ? reaction.value : "" });
  began = new Date();
  if (reaction) reaction.value = "";
}

/** @param {number} place */
function show(place) {
  if (place < 0 || place >= slides.length) return;
  if (place !== at) leave();
  slides[at].hidden = true;
  for (const media of slides[at].querySelectorAll("video, audio")) /** @type {HTMLMediaElement} */ (media).pause();
  at = place;
  const slide = slides[at];
  const frame = slide.querySelector("iframe");
  if (frame && frame.dataset.src && !frame.src) frame.src = frame.dataset.src;
  slide.hidden = false;
  document.getElementById("place").textContent = String(at + 1);
  document.getElementById("name").textContent = slide.dataset.name;
  /** @type {HTMLButtonElement} */ (document.getElementById("back")).disabled = at === 0;
  /** @type {HTMLButtonElement} */ (document.getElementById("onward")).disabled = at === slides.length - 1;
}

show(0);
document.getElementById("back").addEventListener("click", () => show(at - 1));
document.getElementById("onward").addEventListener("click", () => show(at + 1));
document.addEventListener("keydown", (event) => {
  if (/** @type {HTMLElement} */ (event.target).matches("select, video, audio")) return;
  if (event.key === "ArrowRight" || event.key === "PageDown") show(at + 1);
  if (event.key === "ArrowLeft" || event.key === "PageUp") show(at - 1);
  if (event.key === "Escape") /** @type {HTMLElement} */ (document.getElementById("close")).click();
});
let touched = 0;
document.addEventListener("touchstart", (event) => { touched = event.changedTouches[0].clientX; }, { passive: true });
document.addEventListener("touchend", (event) => {
  const moved = event.changedTouches[0].clientX - touched;
  if (Math.abs(moved) > SWIPE_PX) show(moved < 0 ? at + 1 : at - 1);
}, { passive: true });

// A slide's own script may turn the page, or tell what was touched; it reaches nothing else of ours.
addEventListener("message", (event) => {
  const frame = slides[at].querySelector("iframe");
  const told = event.data && event.data.fieldsync;
  if (!frame || event.source !== frame.contentWindow || !told || typeof told !== "object") return;
  if (told.go === "next") show(at + 1);
  else if (told.go === "back") show(at - 1);
  else if (typeof told.element === "string" && told.element)
    note({ started_at: new Date().toISOString(), seconds: "0", element: told.element, question: String(told.question || ""), answer: String(told.answer || "") });
});
// What is hidden is not shown: its time ends, and begins again.
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else began = new Date(); });
