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
