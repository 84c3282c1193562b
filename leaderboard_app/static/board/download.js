// Take the rows and columns of a view along: as a file, or in the clipboard.

import { t } from "../language.js";
import { writeCell } from "./cells.js";
import { isNumber } from "./columns.js";
import { save, toCsv, toJson, toMarkdown, toTsv } from "./export.js";

/**
 * Save a view as `csv` or `json`, or copy it as `md` or `tsv`; returns what to say of it, if anything.
 *
 * Scores are fractions with their standard errors; in Markdown they are as they are shown. `picture` is
 * what the page shows (`cells.js`), of which `columns` and `rows` are taken.
 */
export async function takeView(kind, picture, { columns, rows }) {
  const { meta } = picture.board;
  if (kind === "md") {
    const heads = columns.map((column) => ({ title: column.title, number: isNumber(column) }));
    return copy(toMarkdown(heads, rows.map((row) => columns.map((column) => writeCell(picture, column, row)))));
  }
  const names = columns.flatMap((column) => namesOf(picture, column));
  const records = rows.map((row) => Object.fromEntries(names.map((name) => [name, valueOf(picture, name, row)])));
  if (kind === "tsv") return copy(toTsv(names, records));
  const file = `${meta.suite}-board.${kind}`;
  if (kind === "csv") save(file, "text/csv;charset=utf-8", toCsv(names, records));
  else save(file, "application/json", toJson(meta, location.href, records));
  return "";
}

async function copy(text) {
  const written = navigator.clipboard?.writeText(text) ?? Promise.reject();
  return written.then(() => t("Copied"), () => t("The browser does not allow copying."));
}

function namesOf({ board, view }, { key, kind }) {
  if (kind !== "score") return [key];
  const score = view.score === "raw" ? key : `${key}__normalised`;
  return [score, `${key}__stderr`].filter((name) => name in board.columns);
}

function valueOf({ board, averages, ranks }, name, row) {
  if (name === "rank") return ranks.of(row) ?? null;
  return name === "average" ? averages[row] : board.columns[name][row];
}
