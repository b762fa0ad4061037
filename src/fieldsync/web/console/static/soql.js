"use strict";
// The editor of a condition or of a query: colours under the text, words to pick at the caret. The text itself stays a
// plain field. A condition is of one object (data-fields); a query names its object after FROM (data-objects).
const PARTS = /('(?:[^'\\]|\\.)*'?)|(\{[A-Z_.0-9]*\}?|@@[A-Z_.0-9]*@{0,2})|\b(AND|OR|NOT|IN|LIKE|INCLUDES|EXCLUDES|SELECT|FROM|WHERE|GROUP|ORDER|BY|HAVING|LIMIT|OFFSET|ASC|DESC|NULL|TRUE|FALSE)\b|\b((?:TODAY|YESTERDAY|TOMORROW|(?:LAST|NEXT|THIS)_[A-Z0-9_]+)(?::\d+)?)\b|\b(\d[\d.:TZ+-]*)\b|([A-Za-z_][\w.]*)/gi;
const KINDS = ["text", "token", "word", "date", "number", "field"];
const WORD = /[\w.{@]+$/;

function fields(editor) {
  if (!editor.dataset.objects) return JSON.parse(editor.dataset.fields);
  const all = JSON.parse(editor.dataset.objects);
  const [, name] = /\bFROM\s+(\w+)/i.exec(editor.querySelector("textarea").value) ?? [];
  return all[name] ?? [...new Set(Object.values(all).flat())].sort();
}

function paint(editor) {
  const text = editor.querySelector("textarea").value;
  const known = new Set(editor.dataset.objects ? [] : fields(editor));
  const back = editor.querySelector("pre");
  back.replaceChildren();
  let at = 0;
  let inner = 0; // inside a sub-select other fields are known
  for (const found of text.matchAll(PARTS)) {
    const between = text.slice(at, found.index);
    for (const char of between) inner = Math.max(0, inner + (inner > 0 && char === "(" ? 1 : char === ")" && inner > 0 ? -1 : 0));
    back.append(between);
    const place = found.slice(1).findIndex((part) => part !== undefined);
    const span = document.createElement("span");
    span.className = `soql-${KINDS[place]}`;
    if (/^select$/i.test(found[0])) inner = Math.max(inner, 1);
    if (!inner && KINDS[place] === "field" && !found[0].includes(".") && known.size && !known.has(found[0])) span.className = "soql-unknown";
    span.textContent = found[0];
    back.append(span);
    at = found.index + found[0].length;
  }
  back.append(`${text.slice(at)}\n`);
}

function words(editor) {
  const area = editor.querySelector("textarea");
  const before = area.value.slice(0, area.selectionStart);
  const typed = WORD.exec(before);
  if (!typed || area.selectionStart !== area.selectionEnd) return [];
  const begin = typed[0].toLowerCase();
  const objects = editor.dataset.objects && /\bFROM\s+\w+$/i.test(before) && JSON.parse(editor.dataset.objects);
  const all = objects ? Object.keys(objects) : [...fields(editor), ...JSON.parse(editor.dataset.words)];
  return all.filter((word) => word.toLowerCase().startsWith(begin) && word !== typed[0]).slice(0, 8);
}

function offer(editor) {
  const list = editor.querySelector("ul");
  const found = document.activeElement === editor.querySelector("textarea") ? words(editor) : [];
  list.replaceChildren(...found.map((word, place) => {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", place === 0 ? "true" : "false");
    item.textContent = word;
    return item;
  }));
  list.hidden = found.length === 0;
  editor.querySelector("output").textContent = found.length ? `${found.length} words to pick: ${found[0]}` : "";
}

function pick(editor, word) {
  const area = editor.querySelector("textarea");
  const typed = WORD.exec(area.value.slice(0, area.selectionStart));
  area.setRangeText(word, area.selectionStart - (typed ? typed[0].length : 0), area.selectionStart, "end");
  editor.querySelector("ul").hidden = true;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  editor.querySelector("ul").hidden = true;
  area.focus();
}

function move(list, step) {
  const items = [...list.children];
  const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  items.forEach((item, place) => item.setAttribute("aria-selected", String(place === (now + step + items.length) % items.length)));
}

function fill(select) {
  const editor = document.querySelector(".editor[data-objects]");
  const names = JSON.parse(editor.dataset.objects)[select.value] ?? [];
  document.getElementById(select.dataset.fills).replaceChildren(...names.map((name) => new Option(name, name)));
}

function begin() {
  for (const select of document.querySelectorAll("select[data-fills]")) fill(select);
  for (const editor of document.querySelectorAll(".editor")) paint(editor);
}

document.addEventListener("input", (event) => {
  const editor = event.target.closest?.(".editor");
  if (!editor) return;
  paint(editor);
  offer(editor);
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("select[data-fills]")) fill(event.target);
});
document.addEventListener("scroll", (event) => {
  const editor = event.target.closest?.(".editor");
  if (editor && event.target.matches("textarea")) editor.querySelector("pre").scrollTop = event.target.scrollTop;
}, true);
document.addEventListener("keydown", (event) => {
  const editor = event.target.closest?.(".editor");
  const list = editor?.querySelector("ul");
  if (!list || list.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") move(list, event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "Enter" || event.key === "Tab") pick(editor, list.querySelector("[aria-selected=true]").textContent);
  else if (event.key === "Escape") list.hidden = true;
  else return;
  event.preventDefault();
});
document.addEventListener("mousedown", (event) => {
  const item = event.target.closest?.(".editor li");
  if (!item) return;
  event.preventDefault();
  pick(item.closest(".editor"), item.textContent);
});
document.addEventListener("focusout", (event) => {
  const list = event.target.closest?.(".editor")?.querySelector("ul");
  if (list) list.hidden = true;
});
document.addEventListener("htmx:afterSwap", begin);
document.addEventListener("DOMContentLoaded", begin);
if (document.readyState !== "loading") begin();
