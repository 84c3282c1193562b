// What stands in a cell. Whatever a stranger wrote becomes a text node.

import { make, makeOutsideLink } from "../dom.js";
import { formatNumber, language, mark, t } from "../language.js";
import { icon, typeMark } from "../icons.js";
import { NARROW } from "./grid.js";
import { percent, points } from "../numbers.js";
import { modelAddress, NAMING } from "../reference.js";
import { NOTICED, noticesOf, tell } from "./notices.js";
import { findHits } from "./query.js";
import { rankedRows, scoresOf } from "./select.js";

// Characters at the end of a name that are never cut, as `-8B-Instruct`.
const TAIL = 12;
// Making a format takes longer than drawing a cell.
const ROUND = new Intl.NumberFormat(language);
const QUANTISED = /bit$|quant|^(awq|gptq|fp8|int\d)/i;
const DRAW = {
  pin: drawPin,
  rank: drawRank,
  model: drawModel,
  type: drawType,
  average: drawAverage,
  score: drawScore,
  text: (picture, { key }, row) => marked(picture, key, String(cell(picture, key, row) ?? "")),
  code: (picture, { key }, row) => [make("code", {}, ...marked(picture, key, String(cell(picture, key, row) ?? "")))],
  points: ({ board }, { key }, row) => text(board.columns[key][row] == null ? "" : points(board.columns[key][row])),
  count: ({ board }, { key }, row) => text(format(board.columns[key][row], 0)),
  time: ({ board }, { key }, row) => text((board.columns[key][row] ?? "").slice(0, 10)),
  flags: (picture, { key }, row) => marked(picture, key, (cell(picture, key, row) ?? []).join(" ").replaceAll("_", " ")),
};
/** What is the same in a cell and in a file. */
const WRITE = {
  share: percent,
  params: formatParams,
  amount: (value) => formatRound(value),
  yes: (value) => (value ? t("yes") : ""),
};

/**
 * Fill a cell.
 *
 * `picture` is what the page shows: the `board`, its rows' short `names`, the `view`, the column `sorted` and the
 * `benchmark` that order the rows, the parsed `query`, `averages`, `ranks` (`ranks.js`) with the `bracket` of the first
 * place, the highest score of a column `best(key)`, `nextOf(row)` and the address `compare(rows)`.
 */
export function drawCell(picture, column, row, place) {
  const draw = DRAW[column.kind] ?? ((...of) => text(writeCell(...of)));
  place.append(...draw(picture, column, row, place));
  if (column.key === picture.sorted) place.classList.add("sorted");
  if (!place.title && place.textContent.length > 12) place.title = place.textContent;
}

/** Let hits of the search stand out. */
function marked({ query }, key, whole) {
  const hits = query.alternatives.length ? findHits(query, key, whole) : [];
  if (!hits.length) return whole ? [whole] : [];
  const parts = [];
  let end = 0;
  for (const [start, stop] of hits) {
    parts.push(whole.slice(end, start), make("mark", {}, whole.slice(start, stop)));
    end = stop;
  }
  return [...parts, whole.slice(end)];
}

function drawPin({ board, view, names }, column, row) {
  const id = names[row];
  const on = view.pins.includes(id);
  const label = t("Pin {model} to the top", { model: board.columns.model[row] });
  return [
    make("button", { type: "button", class: "pin", "data-pin": id, "aria-pressed": String(on), "aria-label": label, title: label }, on ? "★" : "☆"),
  ];
}

/** Draw a rank with its range, a bracket where it shares the first place, and what is to be said of it. */
function drawRank({ board, ranks, bracket }, column, row, place) {
  const [low, high] = [ranks.low(row), ranks.high(row)];
  const parts = text(ranks.of(row) ?? "–");
  if (low != null) {
    place.title = t("With 95 % confidence, the rank is between {low} and {high}.", { low, high });
    if (low < high) parts.push(make("span", { class: "error" }, ` ${low}–${high}`));
  }
  if (bracket.rows.has(row)) {
    place.classList.add("first", ...(row === bracket.top ? ["top"] : []), ...(row === bracket.bottom ? ["bottom"] : []));
    place.title = [place.title, t("Shares the first place: no model is significantly better")].join(" ");
  }
  const apart = board.columns.apart?.[row] ?? [];
  if (apart.length) {
    const differences = apart.join(", ").replaceAll("_", " ");
    const told = [t("Ranked only among models measured like it. Most were measured otherwise: {differences}", { differences })];
    if (differences.includes("harness")) {
      const command = `evalboard requeue --outdated ${board.columns.model[row]}`;
      told.push(t("This command measures it again: {command}", { command }));
    }
    parts.push(drawMark("apart", told.join(". ")));
  }
  return parts;
}

function drawModel(picture, column, row, place) {
  const { columns, meta } = picture.board;
  const model = columns.model[row];
  const end = model.indexOf("/") + 1;
  const [org, rest] = splitMarked(marked(picture, "model", model), end);
  // The size and the variant stand at the end of a name: what does not fit is cut out of its middle.
  const [head, tail] = splitMarked(rest, Math.max(0, model.length - end - TAIL));
  const parts = [...(end ? [make("span", { class: "org" }, ...org)] : []), make("span", { class: "head" }, ...head), make("span", { class: "tail" }, ...tail)];
  place.title = model;
  const cell = make(
    "span",
    { class: "model-cell" },
    make("a", { class: "name", href: modelAddress(readRow(columns, row), picture.benchmark), "aria-label": model }, ...parts),
    ...(NARROW.matches ? [make("span", { class: "narrow" }, ...drawNarrow(picture, row, model.slice(0, end)))] : []),
  );
  const precision = columns.precision?.[row];
  if (QUANTISED.test(precision)) cell.append(make("span", { class: "badge", title: t("Quantised") }, precision));
  if (columns.enable_thinking?.[row]) cell.append(drawMark("thinking", t("Thinks before it writes an answer")));
  if (columns.use_chat_template?.[row]) cell.append(drawMark("template", t("Prompted with the model's chat template")));
  for (const notice of noticesOf(meta.notices, model)) cell.append(drawMark("notice", tell(notice)));
  const measured = (columns.flags?.[row] ?? []).filter((flag) => !NOTICED.has(flag));
  if (measured.length) {
    const flags = measured.join(", ").replaceAll("_", " ");
    cell.append(drawMark("flag", t("Measured in another way than the other scores: {flags}", { flags })));
  }
  const next = picture.nextOf(row);
  if (next != null) {
    const says = t("Compare {model} with the next, {next}", { model, next: columns.model[next] });
    cell.append(make("a", { class: "small", href: picture.compare([row, next]), title: says }, icon("next", says)));
  }
  if (columns.on_hub[row]) {
    const says = t("{model} on Hugging Face", { model });
    const link = makeOutsideLink(`https://huggingface.co/${model}`, icon("hub", says));
    link.className = "small";
    cell.append(link);
  }
  return [cell];
}

/** Draw what a phone shows below the name: rank, type and organisation. */
function drawNarrow({ board, ranks }, row, org) {
  const type = board.columns.model_type?.[row];
  return [make("b", {}, String(ranks.of(row) ?? "–")), ...(type ? [typeMark(type, nameType(type))] : []), make("span", { class: "org" }, org.slice(0, -1))];
}

/** Divide what `marked` returned where the organisation ends. */
function splitMarked(parts, end) {
  const before = [];
  const after = [];
  let at = 0;
  for (const part of parts) {
    const whole = typeof part === "string" ? part : part.textContent;
    const again = (piece) => (typeof part === "string" ? piece : make("mark", {}, piece));
    const cut = Math.min(Math.max(0, end - at), whole.length);
    if (cut) before.push(again(whole.slice(0, cut)));
    if (cut < whole.length) after.push(again(whole.slice(cut)));
    at += whole.length;
  }
  return [before, after];
}

function drawMark(name, says) {
  return make("span", { class: "mark", title: says }, icon(name, says));
}

/** Return of a row what names it: how its model was evaluated. */
export function readRow(columns, row) {
  return Object.fromEntries(NAMING.map((name) => [name, columns[name]?.[row]]));
}

/** What a type is called: translated where the page knows it. */
export const TYPES = {
  pretrained: mark("pretrained"),
  "continuously pretrained": mark("continuously pretrained"),
  "fine-tuned": mark("fine-tuned"),
  "instruction-tuned": mark("instruction-tuned"),
  "RL-tuned": mark("RL-tuned"),
  chat: mark("chat"),
  merge: mark("merge"),
  unknown: mark("unknown"),
};

/** Return what a type is called in the reader's language. */
export const nameType = (type) => t(TYPES[type] ?? type);

function drawType(picture, { key }, row) {
  const type = cell(picture, key, row);
  const name = nameType(type);
  return [make("span", { class: "type" }, typeMark(type), make("span", {}, ...marked(picture, key, name)))];
}

function drawAverage({ board, averages, best }, { key }, row, place) {
  const average = averages[row];
  const { complete, n_benchmarks: known } = board.columns;
  const share = complete[row] || known?.[row] == null ? null : `${known[row]}/${board.meta.benchmarks.length}`;
  const parts = [];
  if (average == null && !share) parts.push(missing());
  else if (average != null) {
    place.title = `${percent(average, 2)} %`;
    parts.push(make("span", { class: average === best(key) ? "score best" : "score" }, percent(average)));
  }
  if (share) parts.push(make("span", { class: "mark" }, t("incomplete {share}", { share })));
  else if (!rankedRows(board)[row]) parts.push(make("span", { class: "mark" }, t("no rank")));
  return parts;
}

function drawScore({ board, view, best }, { key, benchmark }, row, place) {
  const score = scoresOf(board, key, view.score)?.[row];
  if (score == null) return [missing()];
  const error = errorOf(board, view, benchmark, row);
  const bound = view.score === "raw" ? board.bounds?.[key]?.[row] : null;
  const questions = board.columns[`${key}__n`]?.[row] ?? benchmark.n;
  const says = [`${benchmark.title}: ${percent(score, 2)} %`];
  if (bound != null) says.push(`${t("95 % interval")} ${writeBound(score, bound)}`);
  else if (error != null) says.push(t("standard error {error}", { error: percent(error, 2) }));
  if (questions != null) says.push(t("{n} questions", { n: formatNumber(questions) }));
  place.title = says.join(", ");
  const parts = [make("span", { class: score === best(key) ? "score best" : "score" }, percent(score))];
  drawGlyph(place, score, bound ?? score, (error ?? 0) * board.interval_errors);
  const uncertain = bound != null ? writeBound(score, bound) : error == null ? "" : `±${percent(error)}`;
  if (view.errors && uncertain) parts.push(make("span", { class: "error" }, ` ${uncertain}`));
  return parts;
}

/** Draw the score and its interval on a line from 0 to 100, as the model's page has it: `board.css` draws. */
function drawGlyph(place, score, end, half) {
  const share = (value) => `${100 * Math.min(1, Math.max(0, value))}%`;
  place.style.setProperty("--at", share(score));
  place.style.setProperty("--low", share(Math.min(end, score - half)));
  place.style.setProperty("--high", share(Math.max(end, score + half)));
}

/** Write where the interval of a score ends that has no standard error: all or no question was right. */
const writeBound = (score, bound) => `${bound < score ? "≥" : "≤"}${percent(bound)}`;

/** Return a score's standard error, on the scale that the score is shown in. */
function errorOf({ columns }, { score }, { key, baseline }, row) {
  const error = columns[`${key}__stderr`]?.[row];
  return error == null || score === "raw" ? error : error / (1 - baseline);
}

/** Write what a cell shows as a text, without its uncertainty. */
export function writeCell(picture, { key, kind }, row) {
  const { board, view, averages, ranks } = picture;
  if (kind === "rank") return String(ranks.of(row) ?? "");
  if (kind === "average") return percent(averages[row]);
  if (kind === "score") return percent(scoresOf(board, key, view.score)?.[row]);
  const value = cell(picture, key, row);
  if (kind === "type") return nameType(value);
  if (kind in WRITE) return value == null ? "" : WRITE[kind](value);
  return [value ?? ""].flat().join(" ");
}

const missing = () => make("span", { class: "missing", "aria-label": t("no score") }, "—");
const text = (value) => (value === "" ? [] : [String(value)]);
const cell = ({ board }, key, row) => board.columns[key][row];
const formatRound = (value) => ROUND.format(Number(value.toPrecision(3)));
const format = (value, digits) => (value == null ? "" : formatNumber(value, digits));

function formatParams(billions) {
  return billions >= 1 ? `${formatRound(billions)} B` : `${formatRound(billions * 1000)} M`;
}
