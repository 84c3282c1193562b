// The columns that a board has: what it lacks is not there, and appears by itself when it has it.

import { mark, t } from "../language.js";

/**
 * One column: `key` names its values, `group` is where the chooser lists it, `kind` says how a cell
 * is drawn, `usual` whether it is shown unless the reader chose, `width` is in pixels.
 */
const FIXED = [
  { key: "pin", title: mark("Pin"), kind: "pin", always: true, width: 40, fixed: true },
  { key: "rank", title: mark("Rank"), kind: "rank", always: true, width: 80, fixed: true },
  { key: "model", title: mark("Model"), kind: "model", always: true, width: 320, fixed: true },
  { key: "model_type", title: mark("Type"), kind: "type", group: mark("Model"), usual: true, width: 128 },
  { key: "average", title: mark("Average"), kind: "average", always: true, width: 104 },
];
const FACTS = [
  { key: "precision", title: mark("Precision"), kind: "text", group: mark("Model"), usual: true, width: 104 },
  { key: "params_billion", title: mark("Parameters"), kind: "params", group: mark("Model"), usual: true, width: 116 },
  { key: "license", title: mark("Licence"), kind: "text", group: mark("Model"), usual: true, width: 132 },
  { key: "architecture", title: mark("Architecture"), kind: "text", group: mark("Model"), width: 210 },
  { key: "sha8", title: mark("Revision"), kind: "code", group: mark("Model"), usual: true, width: 104 },
  { key: "base_model", title: mark("Base model"), kind: "text", group: mark("Model"), width: 240 },
  { key: "weight_type", title: mark("Weights"), kind: "text", group: mark("Model"), width: 100 },
  { key: "hearts", title: mark("Hearts"), kind: "count", group: mark("Model"), width: 96 },
  { key: "use_chat_template", title: mark("Chat template"), kind: "yes", group: mark("Evaluation"), width: 104 },
  { key: "flags", title: mark("Flags"), kind: "flags", group: mark("Evaluation"), width: 200 },
  { key: "submitted_time", title: mark("Submitted"), kind: "time", group: mark("Evaluation"), width: 116 },
  { key: "finished_time", title: mark("Evaluated"), kind: "time", group: mark("Evaluation"), width: 116 },
  { key: "sender", title: mark("Submitted by"), kind: "text", group: mark("Evaluation"), width: 140 },
  { key: "n_benchmarks", title: mark("Benchmarks with a score"), kind: "count", group: mark("Evaluation"), width: 120 },
  { key: "backend", title: mark("Backend"), kind: "text", group: mark("Evaluation"), width: 96 },
  { key: "lm_eval_version", title: mark("lm-eval"), kind: "text", group: mark("Evaluation"), width: 96 },
  { key: "energy_kwh", title: mark("Energy"), kind: "energy", group: mark("Evaluation"), width: 104 },
  { key: "seconds", title: mark("Time"), kind: "seconds", group: mark("Evaluation"), width: 96 },
];
const NUMBERS = new Set(["rank", "average", "score", "params", "count", "energy", "seconds"]);
const UNKNOWN = [null, undefined, ""];

/** Say whether a column is of numbers: right-aligned, largest first at the first click. */
export const isNumber = ({ kind }) => NUMBERS.has(kind);

/** Return every column of a board in order; subjects follow their group where it is `opened`. */
export function listColumns(board, opened) {
  const { columns, meta } = board;
  const known = (column) => column.key === "pin" || isKnown(columns[column.key]);
  const say = (column) => ({ ...column, title: t(column.title), group: column.group && t(column.group) });
  const scores = meta.benchmarks.filter((benchmark) => benchmark.key in columns);
  return [
    ...FIXED.filter(known).map(say),
    ...scores.flatMap((benchmark) => [toColumn(benchmark), ...(opened.includes(benchmark.key) ? toSubjects(benchmark, columns) : [])]),
    ...FACTS.filter(known).map(say),
    ...scores.filter((benchmark) => `${benchmark.key}__n` in columns).map(toQuestions),
  ];
}

/** Return the columns that a view shows. */
export function chooseColumns(listed, { columns: chosen }) {
  return listed.filter(
    (column) => column.always || column.subjectOf || (chosen ? chosen.includes(column.key) : column.usual),
  );
}

/** Return the benchmarks among columns, those of groups and not their subjects. */
export function shownBenchmarks(columns) {
  return columns.filter((column) => column.kind === "score" && !column.subjectOf).map((column) => column.key);
}

function toColumn(benchmark) {
  const { key, title, group, subjects } = benchmark;
  return { key, title, group: group || t("Benchmarks"), kind: "score", usual: true, width: 116, benchmark, subjects };
}

function toSubjects({ key, subjects }, columns) {
  return subjects
    .filter((subject) => subject.key in columns)
    .map((subject) => ({ key: subject.key, title: subject.title, kind: "score", width: 124, benchmark: subject, subjectOf: key }));
}

function toQuestions({ key, title }) {
  return { key: `${key}__n`, title: t("{title}: questions", { title }), group: t("Number of questions"), kind: "count", width: 116 };
}

function isKnown(values) {
  return values?.some((value) => !UNKNOWN.includes(value)) ?? false;
}
