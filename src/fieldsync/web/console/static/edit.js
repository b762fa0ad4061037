// The form of a record in the console: lookups, dependent values, several values of one field.
"use strict";

const edited = /** @type {HTMLFormElement|null} */ (document.getElementById("edit"));
if (edited) {
  lookups(edited, () => {});
  dependents(edited, edited);
  edited.addEventListener("change", (event) => { chosenMany(edited, event); dependents(edited, edited); });
}
