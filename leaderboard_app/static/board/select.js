// Which rows a view shows, in which order and with which rank. Pure: numbers in, row numbers out.

import { licenceClass } from "./licences.js";
import { fits, parseQuery } from "./query.js";
import { sortOf } from "./view.js";

const texts = new Intl.Collator("en", { sensitivity: "base", numeric: true });

/** Why a row may be hidden, and the column that says so; a board without it has no such filter. */
export const MARKS = {
  flagged: ({ flags }, row) => flags[row].length > 0,
  merged: ({ merged }, row) => merged[row],
  moe: ({ moe }, row) => moe[row],
};
const MARK_COLUMNS = { flagged: "flags", merged: "merged", moe: "moe" };

/** Return the reasons for hiding rows that a board knows of. */
export function knownMarks({ columns }) {
  return Object.keys(MARKS).filter((mark) => MARK_COLUMNS[mark] in columns);
}

/** Return a benchmark's scores, raw or normalised; null where the board has none. */
export function scoresOf({ columns }, key, score) {
  return score === "raw" ? columns[key] : columns[`${key}__normalised`];
}

/**
 * Return the averages that a view shows: the board's own, else the mean over benchmarks.
 *
 * Benchmarks keep their shares of the board's average among each other. A row that lacks one of them
 * has none, as on the board.
 */
export function averagesOf(board, view, shownBenchmarks) {
  const shares = new Map(board.meta.benchmarks.map(({ key, share }) => [key, share ?? 1]));
  const counting = (keys) => keys.filter((key) => shares.get(key) > 0);
  const all = counting([...shares.keys()]);
  const keys = view.mean === "shown" ? counting(shownBenchmarks) : all;
  const own = board.meta.average?.scores ?? "raw";
  const score = view.score === "raw" ? own : view.score;
  if (score === own && keys.length === all.length) return board.columns.average;
  const parts = keys.map((key) => [shares.get(key), scoresOf(board, key, score)]);
  if (!parts.length || parts.some(([, column]) => column === undefined)) return Array(board.rows).fill(null);
  const whole = parts.reduce((sum, [share]) => sum + share, 0);
  return Array.from({ length: board.rows }, (_, row) => {
    let sum = 0;
    for (const [share, column] of parts) {
      if (column[row] == null) return null;
      sum += share * column[row];
    }
    return sum / whole;
  });
}

/** Return by row whether the board gives it a rank; boards of earlier versions rank complete rows. */
export function rankedRows({ columns }) {
  return columns.ranked ?? columns.complete;
}

/** Return the rows that fit a view's search and filters, as numbers in the board's order. */
export function filterRows(board, view) {
  const tests = [...listTests(board, view), searchTest(board, parseQuery(view.search, (name) => numbersOf(board, name)))];
  const fitting = [];
  for (let row = 0; row < board.rows; row += 1) {
    if (tests.every((test) => test(row))) fitting.push(row);
  }
  return fitting;
}

/**
 * Return what ranks rows, lower first: the board's own ranks where the averages are the board's.
 *
 * The averages that are sent are rounded, and rows may be equal that the board tells apart.
 */
export function ranksFrom({ columns }, averages) {
  if (averages === columns.average) return columns.rank;
  return averages.map((average) => signOf(average, true));
}

/** Return a number by which the first in an order has the lowest; null without a value. */
export const signOf = (value, descending) => (typeof value !== "number" ? null : descending ? -value : value);

/**
 * Return the numbers of a column by the name that a search gives it: `params`, `average`, or a benchmark's title or key
 * in part. Scores are in percent. Undefined without such a column.
 */
export function numbersOf({ columns, meta }, name) {
  const plain = (text) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (name === "params") return columns.params_billion;
  const known = ["average", ...meta.benchmarks.map(({ key }) => key)];
  const titles = new Map(meta.benchmarks.map(({ key, title }) => [key, plain(title ?? "")]));
  const asked = plain(name);
  const isIt = [(key) => plain(key) === asked || titles.get(key) === asked, (key) => asked && (plain(key).startsWith(asked) || titles.get(key)?.startsWith(asked))];
  const key = isIt.map((test) => known.find(test)).find(Boolean);
  return key && columns[key]?.map((score) => (score == null ? null : 100 * score));
}

/**
 * Return the ranks of rows among each other: from 1, equals share one.
 *
 * Rows that the board ranks only among those measured like them are ranked so here, too.
 */
export function rankRows({ columns }, rows, order) {
  const known = rows.filter((row) => order[row] != null);
  const peers = Map.groupBy(known, (row) => columns.apart?.[row]?.join() ?? "");
  const ranks = new Map();
  for (const group of peers.values()) {
    group.sort((a, b) => order[a] - order[b]);
    group.forEach((row, place) => {
      const before = group[place - 1];
      ranks.set(row, place && order[before] === order[row] ? ranks.get(before) : place + 1);
    });
  }
  return ranks;
}

/**
 * Order row numbers by values; rows without one are always last.
 *
 * Equal rows keep the order they came in. `isLast(row)` puts further rows to the end.
 */
export function sortRows(rows, values, descending, isLast = () => false) {
  const places = typeof values.find((value) => value != null) === "string" ? placesOf(values) : values;
  const sign = descending ? -1 : 1;
  const present = [];
  const last = [];
  for (const row of rows) (places[row] == null || isLast(row) ? last : present).push(row);
  return [...present.sort((a, b) => sign * (places[a] - places[b])), ...last];
}

/**
 * Return all rows that a view shows: `pinned` ones, and `rows` below them in order.
 *
 * `names` are the rows' short names, which pins hold: they stay while ranks move. `valuesOf(key,
 * fitting)` returns what orders the rows.
 */
export function selectRows(board, view, names, valuesOf) {
  const pinned = view.pins.map((id) => names.indexOf(id)).filter((row) => row >= 0);
  const kept = new Set(pinned);
  const fitting = filterRows(board, view);
  const { key, descending } = sortOf(view);
  const byRank = key === "rank" || key === "average";
  const isLast = (row) => byRank && view.mean === "board" && !rankedRows(board)[row];
  const values = valuesOf(key, fitting);
  const rows = sortRows(fitting.filter((row) => !kept.has(row)), values, descending, isLast);
  return { pinned, rows, fitting };
}

/** Return a function from a column to its highest value in some rows; each is looked for once. */
export function bestOf(valuesOf, rows) {
  const known = new Map();
  return (key) => {
    const values = known.has(key) ? null : valuesOf(key);
    if (values) known.set(key, rows.reduce((best, row) => (values[row] != null && !(values[row] <= best) ? values[row] : best), null));
    return known.get(key);
  };
}

function listTests(board, view) {
  const { model_type: types, precision: precisions, license, params_billion: params } = board.columns;
  const [low, high] = view.params;
  const hidden = knownMarks(board).filter((mark) => view.hidden.includes(mark));
  const tests = hidden.map((mark) => (row) => !MARKS[mark](board.columns, row));
  if (types && view.types.length) tests.push((row) => view.types.includes(types[row]));
  if (license && view.licences.length) tests.push((row) => view.licences.includes(licenceClass(license[row])));
  if (precisions && view.precisions.length) tests.push((row) => view.precisions.includes(precisions[row]));
  if (params && low != null) tests.push((row) => params[row] != null && params[row] >= low);
  if (params && high != null) tests.push((row) => params[row] != null && params[row] <= high);
  return tests;
}

/** Values are found by their own text, and by `words`, what the page calls them. */
function searchTest({ columns, words = {} }, query) {
  if (!query.alternatives.length) return () => true;
  const own = { org: columns.model, licence_class: columns.license, model: everyName(columns) };
  const textsOf = (key) => lowerCase(own[key] ?? columns[key], key, words[key]);
  const cells = new Map(query.alternatives.flat().map(({ key }) => [key, textsOf(key)]));
  return (row) => fits(query, (key) => cells.get(key)[row], row);
}

const named = new WeakMap();

/** Return the names of each row's model: that which it has, and those that it had before. */
function everyName({ model: names = [], former_names: former = [] }) {
  if (!former.some((before) => before.length)) return names;
  if (!named.has(names)) named.set(names, names.map((name, row) => [name, ...former[row]].join("\n")));
  return named.get(names);
}

const lowered = new WeakMap();

/** Return a column's texts in lower case; `org` is what stands before the slash of the name. */
function lowerCase(values = [], key, words = {}) {
  const known = lowered.get(values) ?? {};
  lowered.set(values, known);
  known[key] ??= values.map((value) => {
    const text = String(value ?? "").toLowerCase();
    if (key === "licence_class") return licenceClass(text);
    if (key === "org") return text.slice(0, Math.max(0, text.indexOf("/")));
    return words[value] ? `${text}\n${words[value]}` : text;
  });
  return known[key];
}

const places = new WeakMap();

/** Return each text's place in their order: comparing numbers is many times faster than texts. */
function placesOf(values) {
  if (!places.has(values)) {
    const ordered = [...new Set(values)].filter((value) => value != null && value !== "").sort(texts.compare);
    const place = new Map(ordered.map((value, index) => [value, index]));
    places.set(values, values.map((value) => place.get(value)));
  }
  return places.get(values);
}
