// Tables of scores.

import { make } from "./dom.js";

/** Make a table that scrolls within itself; `heads` are texts with class and explanation. */
export function makeTable(label, heads, rows) {
  const cells = heads.map(([text, kind, title]) =>
    make("th", { scope: "col", class: kind || null, title: title ?? null }, text),
  );
  const table = make("table", { class: "scores" }, make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...rows));
  return make("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
}

/** Make a cell for a number, with an explanation when it is pointed at. */
export function number(text, kind = "", title = null) {
  return make("td", { class: `number ${kind}`.trim(), title }, text);
}
