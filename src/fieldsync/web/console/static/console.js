"use strict";
// A list that renews itself waits while somebody chooses in it; what was on its way by then is not put there.
const chosenIn = (list) => list.hasAttribute?.("data-unless-chosen") && list.querySelector("input:checked");
document.addEventListener("htmx:beforeRequest", (event) => {
  if (chosenIn(event.target)) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (chosenIn(event.detail.target)) event.detail.shouldSwap = false;
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-choose-all]")) return;
  for (const box of event.target.form.querySelectorAll("[name=chosen]")) box.checked = event.target.checked;
});
// On a phone the rail has more places than fit: the one that is open is in sight.
document.querySelector("nav.rail [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
// A part of a page that does not come says why, above where it was to stand, until it comes: each time somebody presses,
// and once where it renews itself.
const FAILED = {
  away: "✕ The server cannot be reached. What you see may be old. Check the network, then try again.",
  strange: "✕ The server did not answer as it should. Try again in a moment; if it stays so, tell who runs the server.",
};
/** @type {Map<string, Element>} */
const failures = new Map();
const kindOf = (part) => (part.querySelector("strong") ?? part).textContent;
const nameOf = (detail) => detail.pathInfo.requestPath.split("?")[0];
const failed = (detail, part) => {
  const before = failures.get(nameOf(detail)), pressed = detail.elt.matches("button");
  if (!pressed && before?.isConnected && kindOf(before) === kindOf(part)) return;
  before?.remove();
  detail.target.before(part);
  failures.set(nameOf(detail), part);
  if (pressed) part.scrollIntoView({ block: "nearest" });
};
const sentence = (text) => {
  const part = Object.assign(document.createElement("p"), { className: "notice bad", textContent: text });
  part.setAttribute("role", "alert");
  return part;
};
document.addEventListener("htmx:responseError", (event) => {
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  failed(event.detail, answer.querySelector("[data-failed]") ?? sentence(FAILED.strange));
});
document.addEventListener("htmx:sendError", (event) => failed(event.detail, sentence(FAILED.away)));
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  failures.get(nameOf(event.detail))?.remove();
  failures.delete(nameOf(event.detail));
});
