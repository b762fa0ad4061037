// Inputs of a form that need more than HTML: lookups, values that depend on another field, several values of one.
"use strict";

const SEARCH_MS = 150;

/** Several values of one field are sent as one text. @param {HTMLFormElement} form @param {Event} event */
function chosenMany(form, event) {
  const list = /** @type {HTMLSelectElement} */ (event.target);
  if (list.dataset.multi) /** @type {HTMLInputElement} */ (form.elements.namedItem(list.dataset.multi)).value = [...list.selectedOptions].map((o) => o.value).join(";");
}

/** Values that another field does not allow are not offered. @param {HTMLFormElement} form @param {ParentNode} within */
function dependents(form, within) {
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

/** Fields that point to another record: typed letters find it, Enter or a tap takes it.
 * @param {HTMLFormElement} form @param {() => void} changed what is called when the person chose another one */
function lookups(form, changed) {
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
    const answer = await fetch(`${found.box.dataset.lookup}&search=${encodeURIComponent(search)}`).catch(() => null);
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
