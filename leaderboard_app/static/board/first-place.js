// Who shares the first place: the bracket beside the ranks, and the sentence above the table.

import { formatNumber, t } from "../language.js";
import { nameSize } from "./menus.js";
import { MOST_RANKED } from "./ranks.js";
import { countFilters } from "./view.js";

/** Say whether a row is ranked in a column among others than most are. */
export function isApart({ columns }, row, key) {
  return (columns.apart?.[row] ?? []).some((aspect) => key === "average" || !aspect.includes(":") || aspect.endsWith(`:${key}`));
}

/** Return which rows share the first place of a column, of those that are compared with most, and among how many. */
export function firstPlaces(board, rows, ranks, key) {
  const alike = rows.filter((row) => ranks.of(row) != null && !isApart(board, row, key));
  return { firsts: alike.filter((row) => ranks.low(row) === 1), among: alike.length };
}

/** Return the rows that share the first place with the ends of their bracket; none for one row alone. */
export function bracketOf({ firsts }, rows) {
  const shared = new Set(firsts.length > 1 ? firsts : []);
  const inOrder = rows.filter((row) => shared.has(row));
  return { rows: shared, top: inOrder[0], bottom: inOrder.at(-1) };
}

/** Say who shares the first place of the `column` that orders the rows, or whose ranges are shown; `fitting` rows match. */
export function sayFirsts(board, view, { firsts, among }, { scope, column, fitting }) {
  if (column?.subjectOf) return t("Ranks in a single subject have no ranges.");
  if (scope === "none" || among < 2) return "";
  const where = column?.kind === "score" ? t("On {title}", { title: column.title }) : t("On average");
  const models = nameModels(view, among);
  if (scope === "board" && fitting < board.rows) {
    const numbers = { where, models, n: formatNumber(firsts.length), most: formatNumber(MOST_RANKED) };
    return t("{where}, {n} of {models} may have the first place of the whole board. Ranges are those of the whole board, because more than {most} models match.", numbers);
  }
  if (firsts.length > 1) return t("{where}, {n} of {models} share the first place.", { where, n: formatNumber(firsts.length), models });
  return firsts.length ? t("{where}, {model} alone is first among {models}.", { where, model: board.columns.model[firsts[0]], models }) : "";
}

function nameModels(view, count) {
  const [low, high] = view.params;
  const n = formatNumber(count);
  if (countFilters({ ...view, params: [null, null] }) || view.search) return t("{n} matching models", { n });
  return low == null && high == null ? t("{n} models", { n }) : t("{n} models {size}", { n, size: nameSize([low, high]) });
}
