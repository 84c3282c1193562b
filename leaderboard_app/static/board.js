// <board-table>: the board, searchable and sortable, current without a reload.

import { formatTime, make, makeOutsideLink } from "./dom.js";
import { follow } from "./live.js";

// Rows put into the page at once; more follow when the reader scrolls near the end.
const ROWS_AT_ONCE = 200;

const texts = new Intl.Collator("en", { sensitivity: "base", numeric: true });

const percent = (fraction, digits = 1) => (100 * fraction).toFixed(digits);
const count = (number) => number.toLocaleString("en");
const missing = () => make("span", { class: "missing", "aria-label": "no score" }, "—");

/**
 * The table's columns: `key` orders the rows, `draw(row)` fills a cell. Absent data, no column.
 * The subjects of the groups in `opened` follow their group.
 */
function listColumns(board, opened) {
  const { columns, meta, signs } = board;
  const at = (key) => (row) => columns[key][row];
  const text = (key) => (row) => at(key)(row) ?? "";
  const scored = (benchmark) => ({
    key: benchmark.key,
    title: benchmark.title,
    kind: "number",
    draw: (row) => drawScore(board, benchmark, row),
  });
  const listed = [
    { key: "rank", title: "#", label: "Rank", kind: "number", draw: (row) => at("rank")(row) ?? "–" },
    { key: "model_type", title: "Type", draw: (row) => drawType(at("model_type")(row), signs) },
    { key: "model", title: "Model", draw: (row) => drawModel(board, row) },
    { key: "average", title: "Average", kind: "number", draw: (row) => drawAverage(board, row) },
    ...meta.benchmarks.flatMap((benchmark) => {
      const subjects = opened.has(benchmark.key) ? benchmark.subjects : [];
      return [
        { ...scored(benchmark), subjects: benchmark.subjects },
        ...subjects.map((subject) => ({ ...scored(subject), kind: "number subject" })),
      ];
    }),
    { key: "precision", title: "Precision", draw: text("precision") },
    { key: "params_billion", title: "Parameters", kind: "number", draw: (row) => formatParams(at("params_billion")(row)) },
    { key: "license", title: "Licence", draw: text("license") },
    { key: "sha8", title: "Revision", draw: (row) => make("code", {}, at("sha8")(row)) },
  ];
  return listed.filter((column) => column.key in columns);
}

function drawType(type, signs) {
  return make("span", { class: "type" }, make("span", { "aria-hidden": "true" }, signs[type]), type);
}

function drawModel({ columns, meta }, row) {
  const model = columns.model[row];
  const name = columns.on_hub[row]
    ? makeOutsideLink(`https://huggingface.co/${model}`, ...breakable(model))
    : make("span", {}, ...breakable(model));
  name.classList.add("name");
  const details = make(
    "a",
    { class: "details", href: detailsAddress(columns, row), title: "Details", "aria-label": `Details of ${model}` },
    "📄",
  );
  const cell = make("div", { class: "model-cell" }, name, " ", details, " ");
  if (columns.use_chat_template?.[row]) cell.append(drawMark("chat template", "Prompted with the model's chat template"));
  if (!columns.complete[row]) {
    const known = columns.n_benchmarks?.[row];
    const share = known == null ? "" : ` ${known}/${meta.benchmarks.length}`;
    cell.append(drawMark(`incomplete${share}`, "Benchmarks without a score"));
  }
  for (const flag of columns.flags?.[row] ?? []) {
    cell.append(drawMark(flag.replaceAll("_", " "), "Not made like the other scores: see About"));
  }
  return cell;
}

/** Let a long name break after its organisation. */
function breakable(model) {
  const end = model.indexOf("/") + 1;
  return end ? [model.slice(0, end), make("wbr"), model.slice(end)] : [model];
}

function drawMark(text, title) {
  return make("span", { class: "mark", title }, text);
}

function detailsAddress(columns, row) {
  const parts = new URLSearchParams({ id: columns.model[row], sha: columns.sha8[row] });
  if (columns.precision) parts.set("precision", columns.precision[row]);
  if (columns.weight_type) parts.set("weights", columns.weight_type[row]);
  if (columns.use_chat_template) parts.set("chat", columns.use_chat_template[row] ? "1" : "0");
  return `model?${parts}`;
}

function drawAverage({ columns }, row) {
  const average = columns.average[row];
  if (average == null) return missing();
  const title = columns.complete[row]
    ? `${percent(average, 2)} %`
    : `${percent(average, 2)} %, over the benchmarks that have a score`;
  return make("span", { class: "score", title }, percent(average));
}

function drawScore({ columns }, benchmark, row) {
  const score = columns[benchmark.key][row];
  if (score == null) return missing();
  const stderr = columns[`${benchmark.key}__stderr`]?.[row];
  const questions = columns[`${benchmark.key}__n`]?.[row] ?? benchmark.n;
  const title = [`${benchmark.title}: ${percent(score, 2)} %`];
  if (stderr != null) title.push(`standard error ${percent(stderr, 2)}`);
  if (questions != null) title.push(`${count(questions)} questions`);
  const cell = make("span", { title: title.join(", ") }, make("span", { class: "score" }, percent(score)));
  if (stderr != null) cell.append(make("span", { class: "error" }, ` ±${percent(stderr)}`));
  return cell;
}

function formatParams(billions) {
  if (billions == null) return "";
  return billions >= 1 ? `${Number(billions.toPrecision(3))} B` : `${Number((billions * 1000).toPrecision(3))} M`;
}

/** Order row numbers by a column; rows without a value, and incomplete ones, always last. */
function sortRows(rows, columns, key, descending) {
  const cells = columns[key];
  const ranked = key === "rank" || key === "average";
  const last = (row) => cells[row] == null || (ranked && !columns.complete[row]);
  const compare = (a, b) => (typeof a === "string" ? texts.compare(a, b) : a - b);
  return rows.toSorted((a, b) => {
    if (last(a) || last(b)) return last(a) - last(b);
    return (descending ? -1 : 1) * compare(cells[a], cells[b]);
  });
}

class BoardTable extends HTMLElement {
  connectedCallback() {
    this.board = null;
    this.sort = { key: "rank", descending: false };
    this.opened = new Set();
    this.drawn = 0;
    this.build();
    this.unfollow = follow("data/board.json", (board) => this.show(board), (problem) => this.report(problem));
  }

  disconnectedCallback() {
    this.unfollow();
    this.watcher.disconnect();
  }

  build() {
    this.search = make("input", {
      type: "search",
      placeholder: "Search a model",
      "aria-label": "Search a model by its name",
      oninput: () => this.select(),
    });
    this.status = make("p", { role: "status" }, "Loading the board …");
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.head = make("thead");
    this.body = make("tbody");
    this.end = make("div", { class: "end" });
    this.scroller = make(
      "div",
      { class: "scroll", role: "region", "aria-label": "Board", tabindex: "0", hidden: "" },
      make("table", { class: "board" }, this.head, this.body),
      this.end,
    );
    this.empty = make("div");
    this.tools = make("div", { class: "tools", hidden: "" }, this.search);
    this.replaceChildren(make("div", { class: "bar" }, this.tools, this.status), this.problem, this.scroller, this.empty);
    this.watcher = new IntersectionObserver(
      (seen) => seen.some((entry) => entry.isIntersecting) && this.drawMore(),
      { root: this.scroller, rootMargin: "600px" },
    );
    this.watcher.observe(this.end);
  }

  report(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem
      ? `${problem} ${this.board ? "The board below may be out of date. " : ""}Trying again every few seconds.`
      : "";
    if (problem && !this.board) this.status.textContent = "";
  }

  show(board) {
    this.board = board;
    const filled = board.rows > 0;
    this.tools.hidden = !filled;
    this.scroller.hidden = !filled;
    this.empty.replaceChildren(...(filled ? [] : [drawEmpty(board.meta)]));
    if (filled) this.drawHead();
    this.select();
  }

  drawHead() {
    this.columns = listColumns(this.board, this.opened);
    const focused = this.head.contains(document.activeElement) && document.activeElement.dataset.key;
    const cells = this.columns.map((column) =>
      make(
        "th",
        { scope: "col", class: `${column.kind ?? ""} ${column.key}`, "data-key": column.key },
        this.drawHeading(column),
      ),
    );
    this.head.replaceChildren(make("tr", {}, ...cells));
    if (focused) this.head.querySelector(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Draw the button that sorts by a column, for a group with the one that shows its subjects. */
  drawHeading(column) {
    const { key, title, label, subjects } = column;
    const sort = make(
      "button",
      { type: "button", class: "sort", "data-key": key, "aria-label": label, onclick: () => this.order(column) },
      title,
    );
    if (!subjects?.length) return sort;
    const open = this.opened.has(key);
    const opener = make(
      "button",
      {
        type: "button",
        class: "opener",
        "data-key": `subjects of ${key}`,
        "aria-expanded": String(open),
        "aria-label": `${subjects.length} subjects of ${title}`,
        title: open ? "Hide the subjects" : `Show the ${subjects.length} subjects`,
        onclick: () => this.toggle(column),
      },
      open ? "◂" : "▸",
    );
    return make("div", { class: "group" }, sort, opener);
  }

  toggle({ key, subjects }) {
    if (!this.opened.delete(key)) this.opened.add(key);
    else if (subjects.some((subject) => subject.key === this.sort.key)) this.sort.key = key;
    this.drawHead();
    this.select();
  }

  order(column) {
    const first = column.kind?.startsWith("number") && column.key !== "rank";
    const again = this.sort.key === column.key;
    this.sort = { key: column.key, descending: again ? !this.sort.descending : first };
    this.scroller.scrollTop = 0;
    this.select();
  }

  /** Draw the rows that fit the search, in the order asked for. */
  select() {
    const { columns, rows, meta } = this.board;
    if (!rows) {
      this.status.textContent = "";
      return;
    }
    const wanted = this.search.value.trim().toLowerCase();
    const fitting = [...Array(rows).keys()].filter((row) => columns.model[row].toLowerCase().includes(wanted));
    const key = this.sort.key in columns ? this.sort.key : "model";
    this.rows = sortRows(fitting, columns, key, this.sort.descending);
    for (const cell of this.head.querySelectorAll("th")) {
      const state = this.sort.descending ? "descending" : "ascending";
      cell.ariaSort = cell.dataset.key === key ? state : null;
    }
    const atOnce = Math.max(ROWS_AT_ONCE, this.scroller.scrollTop ? this.drawn : 0);
    this.drawn = 0;
    this.body.replaceChildren();
    this.drawMore(atOnce);
    const shown = fitting.length === rows ? count(rows) : `${count(fitting.length)} of ${count(rows)}`;
    this.status.textContent = `${shown} ${rows === 1 ? "model" : "models"} · built ${formatTime(meta.built_at)}`;
  }

  drawMore(howMany = ROWS_AT_ONCE) {
    if (!this.rows) return;
    const next = this.rows.slice(this.drawn, this.drawn + howMany);
    this.drawn += next.length;
    this.body.append(...next.map((row) => this.drawRow(row)));
  }

  drawRow(row) {
    const cells = this.columns.map((column) =>
      column.key === "model"
        ? make("th", { scope: "row", class: "model" }, column.draw(row))
        : make("td", { class: `${column.kind ?? ""} ${column.key}` }, column.draw(row)),
    );
    return make("tr", { class: this.board.columns.complete[row] ? null : "incomplete" }, ...cells);
  }
}

function drawEmpty(meta) {
  return make(
    "section",
    { class: "notice" },
    make("h2", {}, "No model on the board yet"),
    make(
      "p",
      {},
      meta ? "The board was built, and no model has a result. " : "The board was not built yet. ",
      make("a", { href: "submit" }, "Submit a model"),
      " or look at ",
      make("a", { href: "queue" }, "the queue"),
      ". This page shows the first row as soon as there is one.",
    ),
  );
}

customElements.define("board-table", BoardTable);
