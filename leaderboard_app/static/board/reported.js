// The scores that others report: below the board, in no rank.

import { make, makeOutsideLink } from "../dom.js";
import { t } from "../language.js";
import { percent } from "../numbers.js";

/** Draw the reported rows, closed at first; nothing where the board has none. */
export function drawReported(meta) {
  const rows = meta?.reported ?? [];
  if (!rows.length) return [];
  const heads = [t("Model"), t("Setting"), t("Average"), ...meta.benchmarks.map(({ title }) => title), t("Source")];
  const head = make("tr", {}, ...heads.map((title) => make("th", { scope: "col" }, title)));
  const body = rows.map((row) => drawRow(row, meta.benchmarks));
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  const title = t("Reported by others, not measured here ({n})", { n: rows.length });
  return [
    make(
      "details",
      { class: "reported" },
      make("summary", {}, title),
      make("p", {}, t("These scores are as their sources give them, with other prompts, examples and code. They have no rank here.")),
      make("div", { class: "wide", role: "region", "aria-label": title, tabindex: "0" }, table),
    ),
  ];
}

function drawRow({ model, setting, average, scores, source, link }, benchmarks) {
  const cells = [average, ...benchmarks.map(({ key }) => scores[key]?.value)];
  const named = [make("th", { scope: "row" }, model), make("td", {}, setting)];
  const place = /^https?:\/\//.test(link) ? makeOutsideLink(link, source) : source;
  return make("tr", {}, ...named, ...cells.map((score) => make("td", { class: "number" }, percent(score))), make("td", {}, place));
}
