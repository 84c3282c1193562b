// The scores that others report: below the board, in no rank.

import { make, makeOutsideLink } from "../dom.js";
import { t } from "../language.js";
import { percent } from "../numbers.js";
import { makeTable, number } from "../tables.js";

/** Draw the reported rows, closed at first; nothing where the board has none. */
export function drawReported(meta) {
  const rows = meta?.reported ?? [];
  if (!rows.length) return [];
  const scores = [t("Average"), ...meta.benchmarks.map(({ title }) => title)];
  const heads = [[t("Model")], [t("Setting")], ...scores.map((title) => [title, "number"]), [t("Source")]];
  const title = t("Reported by others, not measured here ({n})", { n: rows.length });
  return [
    make(
      "details",
      { class: "reported" },
      make("summary", {}, title),
      make("p", {}, t("These scores are as their sources give them, with other prompts, examples and code. They have no rank here.")),
      makeTable(title, heads, rows.map((row) => drawRow(row, meta.benchmarks))),
    ),
  ];
}

function drawRow({ model, setting, average, scores, source, link }, benchmarks) {
  const cells = [average, ...benchmarks.map(({ key }) => scores[key]?.value)].map((score) => number(percent(score)));
  const named = [make("th", { scope: "row" }, model), make("td", {}, setting)];
  const place = /^https?:\/\//.test(link) ? makeOutsideLink(link, source) : source;
  return make("tr", {}, ...named, ...cells, make("td", {}, place));
}
