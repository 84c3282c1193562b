// The columns that a board has: one without values is left out, and appears by itself when it has some.
//
// What they are called and how they look comes with the board, from evalboard/records/columns.py.

import { mark, t } from "../language.js";

/**
 * One column: `key` names its values, `group` is where the chooser lists it, `kind` says how a cell
 * is drawn, `usual` whether it is shown unless the reader chose, `width` is in pixels.
 */
const PIN = { key: "pin", title: mark("Pin"), kind: "pin", always: true, width: 40, fixed: true };
const RANK = { key: "rank", title: mark("Rank"), kind: "rank", always: true, width: 104, fixed: true };
const GROUPS = { model: mark("Model"), evaluation: mark("Evaluation") };
const NUMBERS = new Set(["rank", "average", "score", "share", "points", "params", "amount", "count"]);
const NARROW_WIDTHS = { model: 160, average: 94, score: 100 };
const UNKNOWN = [null, undefined, ""];

/** Say whether a column is of numbers: right-aligned, largest first at the first click. */
export const isNumber = ({ kind }) => NUMBERS.has(kind);

/** Return every column of a board in order; subjects follow their group where it is `opened`. */
export function listColumns(board, opened) {
  const { columns, described, meta } = board;
  const known = ({ key }) => isKnown(columns[key]);
  // Without any average, its column says which models are incomplete, and the benchmarks follow it.
  const facts = described.filter((column) => column.kind === "average" || known(column)).map(toFact);
  const end = facts.findIndex(({ kind }) => kind === "average") + 1;
  const scores = meta.benchmarks.filter((benchmark) => benchmark.key in columns);
  return [
    ...[PIN, ...[RANK].filter(known)].map((column) => ({ ...column, title: t(column.title) })),
    ...facts.slice(0, end),
    ...scores.flatMap((benchmark) => [toColumn(benchmark), ...(opened.includes(benchmark.key) ? toSubjects(benchmark, columns) : [])]),
    ...facts.slice(end),
    ...scores.filter((benchmark) => `${benchmark.key}__n` in columns).map(toQuestions),
  ];
}

/** Return the columns that a view shows. */
export function chooseColumns(listed, { columns: chosen }) {
  return listed.filter(
    (column) => column.always || column.subjectOf || (chosen ? chosen.includes(column.key) : column.usual),
  );
}

/**
 * Return columns in the order for a phone: what is read first is in sight without a swipe.
 *
 * The cell of the model has rank and type in its second line; the column `key` orders the rows.
 */
export function arrangeNarrow(columns, key) {
  const place = ({ key: own, kind }) => {
    if (kind === "model") return 0;
    if (kind === "average") return 1;
    if (own === key && kind !== "rank") return 2;
    return kind === "pin" ? 5 : kind === "rank" ? 4 : 3;
  };
  return columns
    .filter(({ kind }) => kind !== "type")
    .map((column) => ({ ...column, width: NARROW_WIDTHS[column.kind] ?? column.width }))
    .sort((a, b) => place(a) - place(b));
}

/** Return the benchmarks among columns, those of groups and not their subjects. */
export function shownBenchmarks(columns) {
  return columns.filter((column) => column.kind === "score" && !column.subjectOf).map((column) => column.key);
}

function toFact({ key, title, kind, group, shown, width }) {
  const told = { key, kind, width, title: t(title), group: t(GROUPS[group]) };
  return { ...told, always: shown === "always", usual: shown === "usually", fixed: kind === "model" };
}

function toColumn(benchmark) {
  const { key, title, group, subjects } = benchmark;
  // Its own name is the rest under the heading of its group.
  const short = group && title.startsWith(`${group} `) ? title.slice(group.length + 1) : title;
  return { heading: group, short, key, title, group: group || t("Benchmarks"), kind: "score", usual: true, width: 116, benchmark, subjects };
}

function toSubjects({ key, title, subjects }, columns) {
  return subjects
    .filter((subject) => subject.key in columns)
    .map((subject) => ({ key: subject.key, title: subject.title, short: subject.title.split(": ").at(-1), heading: title, kind: "score", width: 124, benchmark: subject, subjectOf: key }));
}

function toQuestions({ key, title }) {
  return { key: `${key}__n`, title: t("{title}: questions", { title }), group: t("Number of questions"), kind: "count", width: 116 };
}

function isKnown(values) {
  return values?.some((value) => !UNKNOWN.includes(value)) ?? false;
}
