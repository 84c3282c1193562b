// A field that finds a model of the board by a part of its name.

import { ask } from "./ask.js";
import { make } from "./dom.js";
import { NAMING, referenceOf } from "./reference.js";

const SUGGESTIONS = 30;
let numbered = 0;

/** Make a form with a field and a button; `choose(reference)` gets what the reader entered. */
export function makePicker(label, button, choose) {
  const list = make("datalist", { id: `models-${(numbered += 1)}` });
  const field = make("input", {
    type: "text",
    list: list.id,
    "aria-label": label,
    placeholder: label,
    autocomplete: "off",
    spellcheck: "false",
    oninput: async () => list.replaceChildren(...(await suggest(field.value))),
    onfocus: () => readModels(),
  });
  return make(
    "form",
    {
      class: "picker",
      onsubmit: (event) => {
        event.preventDefault();
        const entered = field.value.trim();
        if (entered) choose(entered);
      },
    },
    field,
    list,
    make("button", { type: "submit" }, button),
  );
}

let models = null;

/** Read the board once: of every model its name, and the short name where it has several rows. */
function readModels() {
  models ??= ask("data/board.json").then(({ columns }) => {
    const rows = (columns.model ?? []).map((_, row) => Object.fromEntries(NAMING.map((name) => [name, columns[name]?.[row]])));
    const counted = Map.groupBy(rows, (row) => row.model);
    return rows.map((row) => (counted.get(row.model).length > 1 ? referenceOf(row) : row.model));
  });
  models.catch(() => (models = null));
  return models;
}

async function suggest(text) {
  const wanted = text.trim().toLowerCase();
  const known = await readModels().catch(() => []);
  const fitting = known.filter((name) => name.toLowerCase().includes(wanted));
  return fitting.slice(0, SUGGESTIONS).map((name) => make("option", { value: name }));
}
