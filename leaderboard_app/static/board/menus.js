// What the menus above the table offer, for the board that there is.

import { make } from "../dom.js";
import { formatNumber, keepLanguage, mark, t } from "../language.js";
import { typeMark } from "../icons.js";
import { nameType } from "./cells.js";
import { makeGroup } from "./controls.js";
import { licenceClass } from "./licences.js";
import { knownMarks, MARKS } from "./select.js";
import { isSame, SIZES, withoutFilters } from "./view.js";

export const LICENCES = {
  open: mark("open"),
  conditions: mark("with conditions"),
  unknown: mark("unknown"),
};
export const HIDES = {
  flagged: mark("Flagged: measured in another way"),
  merged: mark("Merged"),
  moe: mark("Mixture of experts"),
};

/** Return the buttons for ranges of parameters. */
export function drawSizes(controls, board) {
  if (!board.columns.params_billion) return [];
  return SIZES.map((size) =>
    controls.toggle(nameSize(size), ({ params }) => isSame(params, size), (_, on) => ({ params: on ? size : [null, null] })),
  );
}

export function nameSize([low, high]) {
  if (low == null) return t("up to {n}B", { n: high });
  return high == null ? t("above {n}B", { n: low }) : t("{low} to {high}B", { low, high });
}

/** Return what the filter menu holds. */
export function drawFilters(controls, board) {
  const { model_type: types, precision, license, params_billion: params } = board.columns;
  const groups = [];
  if (types) groups.push(drawMembers(controls, t("Type"), "types", types, (type) => make("span", {}, typeMark(type), " ", nameType(type))));
  if (license) groups.push(drawMembers(controls, t("Licence"), "licences", license.map(licenceClass), (name) => t(LICENCES[name])));
  if (precision) groups.push(drawMembers(controls, t("Precision"), "precisions", precision, String));
  if (params) {
    const bounds = [controls.bound(t("from"), "params", 0), controls.bound(t("to"), "params", 1)];
    groups.push(makeGroup(t("Parameters in billions"), make("div", { class: "bounds" }, ...bounds)));
  }
  const marks = knownMarks(board).filter((mark) => countRows(board, mark));
  if (marks.length) groups.push(makeGroup(t("Hide"), ...marks.map((mark) => drawHide(controls, board, mark))));
  const reset = make("button", { type: "button", class: "plain", onclick: () => controls.change(withoutFilters(controls.read())) }, t("Reset the filters"));
  return [...groups, reset];
}

function drawMembers(controls, legend, choice, values, nameOf) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ordered = [...counts].filter(([value]) => value != null).sort((a, b) => b[1] - a[1]);
  return makeGroup(legend, ...ordered.map(([value, count]) => controls.member(choice, value, nameOf(value), formatNumber(count))));
}

function drawHide(controls, board, mark) {
  return controls.member("hidden", mark, t(HIDES[mark]), formatNumber(countRows(board, mark)));
}

function countRows(board, mark) {
  let count = 0;
  for (let row = 0; row < board.rows; row += 1) count += MARKS[mark](board.columns, row) ? 1 : 0;
  return count;
}

/** Return what the column chooser holds; `columns` are all that the board has. */
export function drawChooser(controls, columns) {
  const offered = columns.filter((column) => !column.always && !column.subjectOf);
  const usual = offered.filter((column) => column.usual).map((column) => column.key);
  const shown = ({ columns: chosen }) => chosen ?? usual;
  const put = (keys, on) => (view) => {
    const others = shown(view).filter((key) => !keys.includes(key));
    const wanted = new Set(on ? [...others, ...keys] : others);
    const chosen = offered.map((column) => column.key).filter((key) => wanted.has(key));
    return { columns: isSame(chosen, usual) ? null : chosen };
  };
  const groups = Map.groupBy(offered, (column) => column.group);
  const drawn = [...groups].map(([group, members]) => {
    const keys = members.map((column) => column.key);
    const boxes = members.map(({ key, title }) => controls.checkbox(title, (view) => shown(view).includes(key), (view, on) => put([key], on)(view)));
    if (keys.length < 2) return makeGroup(group, ...boxes);
    const all = controls.checkbox(t("all"), (view) => keys.every((key) => shown(view).includes(key)), (view, on) => put(keys, on)(view));
    all.classList.add("all");
    return makeGroup(group, all, ...boxes);
  });
  const reset = make("button", { type: "button", class: "plain", onclick: () => controls.change({ columns: null }) }, t("Reset the columns"));
  return [make("div", { class: "groups" }, ...drawn), reset];
}

/** Return what the menu of ways to show scores holds. */
export function drawDisplay(controls, board) {
  const groups = [];
  if (board.meta.benchmarks.some(({ key }) => `${key}__normalised` in board.columns)) {
    groups.push(controls.radios(t("Scores"), "score", [["raw", t("as measured")], ["normalised", t("normalised: guessing is 0, perfect is 100")]]));
  }
  groups.push(
    controls.radios(t("Average"), "mean", [["board", t("over all benchmarks")], ["shown", t("over the benchmarks shown")]]),
    controls.radios(t("Rows"), "size", [["compact", t("compact")], ["normal", t("normal")], ["large", t("large")]]),
    makeGroup(t("Uncertainty"), controls.checkbox(t("± standard error in every cell"), (view) => view.errors, (_, on) => ({ errors: on }))),
  );
  return groups;
}

/** Return what explains the search. */
export function drawHelp() {
  const lines = [
    ["llama 7b", t("both words in the name")],
    ["llama; qwen", t("either condition")],
    ["@license: mit", t("also @architecture: @precision: @type: @org: @base: @sender: @sha: @flag:")],
    ["license:mit llama", t("both conditions")],
    ["-(7|8)b$", t("a regular expression, or between slashes: /v[0-9]/")],
    ['"two words"', t("a text with spaces")],
    ["-merge -type:chat", t("without the word, without the type")],
    ["is:open", t("a licence without conditions; also is:conditions and is:unknown")],
    ["params<10 medqa>70", t("numbers of a column: parameters in billions, scores in percent")],
  ];
  return [make("dl", { class: "help" }, ...lines.flatMap(([example, says]) => [make("dt", {}, make("code", {}, example)), make("dd", {}, says)]))];
}

/** Return what the download menu holds: the view as it is, and where programs find the board. */
export function drawDownload(onSave) {
  const button = (kind, label) => make("button", { type: "button", class: "plain", onclick: () => onSave(kind) }, label);
  return [
    button("csv", t("This view as CSV")),
    button("json", t("This view as JSON")),
    button("md", t("Copy this view as Markdown")),
    button("tsv", t("Copy this view as TSV")),
    make("p", {}, t("The whole board:"), " ", make("a", { href: "data/board.csv" }, "CSV"), " · ", make("a", { href: "data/board.parquet" }, "Parquet"), " · ", make("a", { href: keepLanguage("programs") }, t("for programs"))),
  ];
}
