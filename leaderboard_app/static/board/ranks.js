// The rank of each row that is shown in the column that orders the rows. Ranges are the server's; nothing is estimated here.

import { ask } from "../ask.js";
import { rankRows, ranksFrom, signOf } from "./select.js";

/** Rows that the server ranks among each other; of more, the ranges of the whole board are shown. */
export const MOST_RANKED = 500;
const KEPT = 20;

/** Ranks rows; `onCome()` is called when ranges have come that `rank` did not have yet. */
export class Ranks {
  constructor(onCome) {
    Object.assign(this, { onCome, kept: new Map() });
  }

  /**
   * Return `of(row)`, `low(row)` and `high(row)` of the rows that fit, and `scope`: `rows` or `board`, whose ranges
   * these are; `none` without any, as for columns that are no scores, and until they come.
   *
   * `key` is the column that has ranges, null for none; `values` and `descending` order the rows.
   */
  rank(board, fitting, { key, values, descending }) {
    if (!key) return plain(rankRows({ columns: {} }, fitting, values.map((value) => signOf(value, descending))));
    const isWhole = fitting.length === board.rows;
    const found = this.find(board, key, isWhole || fitting.length > MOST_RANKED ? "" : toRuns(fitting));
    if (!found || found.scope === "none") return plain(rankRows(board, fitting, key === "average" ? ranksFrom(board, values) : values.map((value) => signOf(value, true))));
    if (found.scope === "rows") {
      const places = new Map(fitting.map((row, place) => [row, place]));
      return reading(found, (part, row) => found[part][places.get(row)]);
    }
    const among = isWhole ? null : rankRows(board, fitting, found.ranks);
    return reading(found, (part, row) => (part === "ranks" && among ? among.get(row) : found[part]?.[row]));
  }

  /** Return the ranks of some rows, or of all, from the board or as they came; null until then. */
  find(board, key, rows) {
    const { columns, meta } = board;
    if (key === "average" && !rows) {
      return { scope: columns.average__rank_low ? "board" : "none", ranks: columns.rank, low: columns.average__rank_low, high: columns.average__rank_high };
    }
    const query = new URLSearchParams({ column: key, built: meta.content_hash, ...(rows && { rows }) });
    const address = `data/ranks.json?${query}`;
    if (!this.kept.has(address)) this.fetch(address);
    return this.kept.get(address);
  }

  async fetch(address) {
    this.kept.set(address, null);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    const found = await ask(address).catch(() => null);
    if (!found || !this.kept.has(address)) return;
    this.kept.set(address, found);
    this.onCome();
  }
}

/** Write ascending numbers of rows as `0-41,50`. */
export function toRuns(rows) {
  const runs = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last && row === last[1] + 1) last[1] = row;
    else runs.push([row, row]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

const plain = (ranks) => ({ scope: "none", of: (row) => ranks.get(row), low: () => null, high: () => null });

function reading({ scope }, read) {
  return { scope, of: (row) => read("ranks", row), low: (row) => read("low", row), high: (row) => read("high", row) };
}

/**
 * Return by what the rows of a board are ranked: `key` of the column that has ranges, null for one without, `values`,
 * and whether the highest is first. Texts have no rank: rows have that of the average then.
 */
export function orderingOf(board, column, { values, averages, descending }) {
  const isScore = column?.kind === "score";
  if (isScore) return { key: column.subjectOf ? null : column.key, values, descending: true };
  const isNumber = values.some((value) => typeof value === "number");
  const isAverage = !isNumber || ["average", "rank"].includes(column?.kind);
  if (!isAverage) return { key: null, values, descending };
  return { key: averages === board.columns.average ? "average" : null, values: averages, descending: true };
}
