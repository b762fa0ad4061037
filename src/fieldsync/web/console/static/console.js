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
  away: "✕ The server cannot be reached. Check the network, then try again.",
  strange: "✕ The server did not answer as it should. Try again in a moment; if it stays so, tell who runs the server.",
};
const OLD = "What you see may be old.";
/** @type {Map<string, Element>} */
const failures = new Map();
const kindOf = (part) => (part.querySelector("strong") ?? part).textContent;
const nameOf = (detail) => detail.target.id || detail.pathInfo.requestPath.split("?")[0];
const failed = (detail, part) => {
  outdated(detail.target, part);
  const before = failures.get(nameOf(detail)), pressed = detail.elt.matches("button, form");
  if (!pressed && before?.isConnected && kindOf(before) === kindOf(part)) return;
  before?.remove();
  detail.target.before(part);
  failures.set(nameOf(detail), part);
  if (pressed) part.scrollIntoView({ block: "nearest" });
};
// An answer goes when what was asked after it failed: it is of an older question. What renews itself stays, marked as old.
const outdated = (part, said) => {
  const answers = [part, ...part.querySelectorAll("[data-answer]")].filter((each) => each.matches("[data-answer]"));
  for (const answer of answers) answer.replaceChildren();
  if (!part.getAttribute("hx-trigger")?.startsWith("every")) return;
  part.dataset.old = "";
  if (!said.textContent.includes(OLD)) said.append(` ${OLD}`);
};
const sentence = (text) => {
  const part = Object.assign(document.createElement("p"), { className: "notice bad", textContent: text });
  part.setAttribute("role", "alert");
  return part;
};
const ANOTHER_SESSION = 403;
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  const answer = new DOMParser().parseFromString(xhr.responseText, "text/html");
  failed(event.detail, answer.querySelector("[data-failed]") ?? sentence(FAILED.strange));
  if (xhr.status === ANOTHER_SESSION) renew();
});
document.addEventListener("htmx:sendError", (event) => failed(event.detail, sentence(FAILED.away)));
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  failures.get(nameOf(event.detail))?.remove();
  failures.delete(nameOf(event.detail));
  delete event.detail.target.dataset.old;
});
// A page that stood open when its session ended keeps what was typed: once its person is signed in again, in another
// window, it is a page of the new session. Who signs in as somebody else sees pages of his own.
const renew = async () => {
  const answer = await fetch("/console/parts/session", { headers: { "hx-request": "true" } });
  if (!answer.ok) return false;
  const token = await answer.text();
  const fields = document.querySelectorAll("[name=page_token]");
  if ([...fields].some((field) => field.value.split(".")[1] !== token.split(".")[1])) {
    location.reload();
    return false;
  }
  for (const field of fields) field.value = token;
  return true;
};
const windows = new BroadcastChannel("fieldsync console");
windows.addEventListener("message", async () => {
  const ended = document.querySelectorAll("[data-ended]");
  if (!ended.length || !(await renew())) return;
  for (const part of ended) {
    part.className = "notice";
    part.removeAttribute("data-ended");
    part.textContent = "✓ You are signed in again, and what you typed is here. Do it again.";
  }
});
windows.postMessage("somebody is signed in");
