// <board-table>: the board, searchable and sortable, current without a reload.

import { Controls, Menu } from "./board/controls.js";
import { drawCell, readRow, TYPES } from "./board/cells.js";
import { arrangeNarrow, chooseColumns, isNumber, listColumns, shownBenchmarks } from "./board/columns.js";
import { takeView } from "./board/download.js";
import { Grid, NARROW } from "./board/grid.js";
import { keepPlace, placeOf } from "./board/place.js";
import { drawChips } from "./board/chips.js";
import { drawChooser, drawDisplay, drawDownload, drawFilters, drawHelp, drawSizes } from "./board/menus.js";
import { askQueue } from "./board/queued.js";
import { HINTS, parseQuery } from "./board/query.js";
import { drawReported } from "./board/reported.js";
import { bracketOf, firstPlaces, sayFirsts } from "./board/first-place.js";
import { MOST_RANKED, orderingOf, Ranks, toRuns } from "./board/ranks.js";
import { averagesOf, bestOf, numbersOf, rankedRows, scoresOf, selectRows } from "./board/select.js";
import { countFilters, isSame, readView, sortOf, withoutFilters, writeView } from "./board/view.js";
import { formatTime, make } from "./dom.js";
import { formatNumber, mark, t } from "./language.js";
import { follow } from "./live.js";
import { percent } from "./numbers.js";
import { compareAddress, referenceOf } from "./reference.js";

const SEARCH_PAUSE_MILLISECONDS = 120;
const ADDRESS_PAUSE_MILLISECONDS = 100;
// The compare page takes so many.
const COMPARED = { least: 2, most: 6 };
// Benchmarks that some models lack, in the line below the count.
const FILLING_SHOWN = 3;
// A Space shows the app in a frame and keeps the query in its own address when told.
const SPACES = "https://huggingface.co";

const COLUMN_CHOICES = new Set(["columns", "opened"]);
const KEEPING_PLACE = new Set([...COLUMN_CHOICES, "errors", "pins", "score"]);

const HINT_TEXTS = {
  [HINTS.field]: mark("“{value}” is not a search field."),
  [HINTS.pattern]: mark("“{value}” is not a regular expression and is searched for literally."),
  [HINTS.unsupported]: mark("“{value}” is too large, or uses back-references or look-around, which this search does not have. It is searched for literally."),
};

class BoardTable extends HTMLElement {
  connectedCallback() {
    this.board = null;
    this.view = readView(location.search);
    this.ranks = new Ranks(() => this.select({ keepPlace: true }));
    this.build();
    this.goBack = () => this.change(readView(location.search));
    addEventListener("popstate", this.goBack);
    this.fold = () => this.board?.rows && this.change({}, { anew: true });
    NARROW.addEventListener("change", this.fold);
    this.findSearch = (event) => this.focusSearch(event);
    addEventListener("keydown", this.findSearch);
    this.unfollow = () => {};
    this.showFirst().then(() => {
      if (this.isConnected) this.unfollow = follow("data/board.json", (board) => this.show(board), (problem) => this.report(problem));
    });
  }

  /** Show the first rows of a large board, where the page's head names them, while all are on their way. */
  async showFirst() {
    const first = document.querySelector('link[href="data/first.json"]');
    const board = first && (await fetch(first.href).then((answer) => answer.json(), () => null));
    if (board?.rows && this.isConnected) this.show(board);
  }

  disconnectedCallback() {
    this.unfollow();
    this.grid.end();
    removeEventListener("popstate", this.goBack);
    NARROW.removeEventListener("change", this.fold);
    removeEventListener("keydown", this.findSearch);
  }

  /** The key `/` leads to the search, unless it is typed into a field. */
  focusSearch(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select")) return;
    event.preventDefault();
    this.search.focus();
  }

  build() {
    this.controls = {};
    this.search = make("input", {
      type: "search",
      placeholder: t("Search for a model"),
      "aria-label": t("Search for a model by name"),
      "aria-describedby": "search-hint",
      "aria-keyshortcuts": "/",
      spellcheck: "false",
      oninput: () => this.searchSoon(),
    });
    this.hint = make("p", { class: "hint", id: "search-hint", role: "status" });
    this.status = make("p", { class: "count", role: "status" }, t("Loading the board …"));
    this.chips = make("div", { class: "chips" });
    this.firsts = make("p", { class: "firsts", role: "status" });
    this.filling = make("p", { class: "filling", hidden: "" });
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.sizes = make("div", { class: "sizes", role: "group", "aria-label": t("Parameters") });
    this.menus = {
      filters: new Menu("filters", t("Filters"), () => drawFilters(this.controlsOf("filters"), this.board)),
      columns: new Menu("columns", t("Columns"), () => drawChooser(this.controlsOf("columns"), listColumns(this.board, []))),
      display: new Menu("display", t("Display"), () => drawDisplay(this.controlsOf("display"), this.board)),
      download: new Menu("download", t("Download"), () => drawDownload((kind) => this.download(kind))),
    };
    this.pins = make("div", { class: "pins" });
    this.grid = new Grid({
      label: t("Board"),
      drawHead: (column) => this.drawHead(column),
      drawCell: (column, row, place) => drawCell(this.picture, column, row, place),
      nameOf: (row) => (rankedRows(this.board)[row] ? "" : "incomplete"),
    });
    this.grid.element.addEventListener("click", (event) => this.pin(event.target.closest("button[data-pin]")?.dataset.pin));
    this.grid.element.addEventListener("scroll", () => this.keepAddress(), { passive: true });
    this.empty = make("div");
    this.reported = make("div");
    const finder = make("div", { class: "finder" }, this.search, new Menu("help", t("Search help"), drawHelp, "?").element);
    const menus = Object.values(this.menus).map((menu) => menu.element);
    this.tools = make("div", { class: "tools", hidden: "" }, finder, make("div", { class: "menus" }, ...menus), this.sizes);
    this.grid.element.hidden = true;
    this.replaceChildren(this.tools, this.hint, make("div", { class: "bar" }, this.status, this.chips, this.pins), this.firsts, this.filling, this.problem, this.grid.element, this.empty, this.reported);
  }

  report(problem) {
    if (!problem && this.problem.hidden) return;
    document.querySelector("#shell")?.remove();
    this.problem.hidden = !problem;
    const stale = this.board ? t("The board below may be out of date.") : "";
    this.problem.textContent = problem ? [problem, stale, t("This page tries again every few seconds.")].filter(Boolean).join(" ") : "";
    if (problem && !this.board) this.status.textContent = "";
  }

  show(board) {
    document.querySelector("#shell")?.remove();
    const before = this.board;
    this.board = board;
    board.words = { model_type: Object.fromEntries(Object.entries(TYPES).map(([type, name]) => [type, t(name).toLowerCase()])) };
    this.names = Array.from({ length: board.rows }, (_, row) => referenceOf(readRow(board.columns, row)));
    this.showReported(board.meta);
    const filled = board.rows > 0;
    this.tools.hidden = !filled;
    this.grid.element.hidden = !filled;
    this.empty.replaceChildren(...(filled ? [] : [drawEmpty(board.meta)]));
    this.filling.textContent = describeFilling(board.meta?.filling ?? []);
    this.filling.hidden = !this.filling.textContent;
    if (!filled) {
      this.status.textContent = "";
      return;
    }
    if (!this.sizes.hasChildNodes()) this.sizes.replaceChildren(...drawSizes(this.controlsOf("sizes"), board));
    if (!before) this.search.value = this.view.search;
    this.drawColumns();
    this.select({ keepPlace: before !== null });
    if (!isPart(board) && (!before || isPart(before))) this.grid.returnTo(placeOf(writeView(this.view, "")));
  }

  /** Show the reported scores anew if they changed: a reader may have opened them. */
  showReported(meta) {
    const told = JSON.stringify(meta?.reported ?? []);
    if (told === this.toldReported) return;
    this.toldReported = told;
    this.reported.replaceChildren(...drawReported(meta));
  }

  /** Return controls for a part of the page that is drawn anew, in the place of its former ones. */
  controlsOf(part) {
    this.controls[part] = new Controls(() => this.view, (parts) => this.change(parts));
    return this.controls[part];
  }

  /** Change some choices of the view, and show it; `anew` also where nothing changed. */
  change(parts, { anew = false } = {}) {
    const before = this.view;
    this.view = { ...before, ...this.takeTyped(), ...parts };
    if (!this.board?.rows) return;
    if (document.activeElement !== this.search) this.search.value = this.view.search;
    const changed = Object.keys(this.view).filter((choice) => !isSame(before[choice], this.view[choice]));
    // Other columns alone change neither rows nor their order, unless the average is over them.
    const same = !anew && this.view.mean === "board" && changed.every((choice) => COLUMN_CHOICES.has(choice));
    const isColumns = changed.some((choice) => COLUMN_CHOICES.has(choice) || (choice === "sort" && NARROW.matches));
    if (anew || isColumns) this.drawColumns();
    if (!same) this.select({ keepPlace: changed.every((choice) => KEEPING_PLACE.has(choice)) });
    for (const controls of Object.values(this.controls)) controls.sync();
    this.keepAddress();
  }

  searchSoon() {
    clearTimeout(this.searching);
    this.searching = setTimeout(() => this.change({}), SEARCH_PAUSE_MILLISECONDS);
  }

  /** Return the search that was typed and not applied yet. Any other change applies it too. */
  takeTyped() {
    if (!this.searching) return {};
    clearTimeout(this.searching);
    this.searching = null;
    return { search: this.search.value.trim() };
  }

  pin(id) {
    if (!id) return;
    const { pins } = this.view;
    this.change({ pins: pins.includes(id) ? pins.filter((other) => other !== id) : [...pins, id] });
  }

  /** Let the address show this view to whoever gets it. */
  keepAddress() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => {
      const query = writeView(this.view, location.search);
      keepPlace(writeView(this.view, ""), this.grid.element.scrollTop);
      history.replaceState(history.state, "", query || location.pathname);
      if (parent !== window && document.referrer.startsWith(SPACES)) parent.postMessage({ queryString: query.slice(1) }, SPACES);
    }, ADDRESS_PAUSE_MILLISECONDS);
  }

  drawColumns() {
    this.listed = listColumns(this.board, this.view.opened);
    this.columns = chooseColumns(this.listed, this.view);
    const { key, descending } = sortOf(this.view);
    const columns = NARROW.matches ? arrangeNarrow(this.columns, key) : this.columns;
    this.grid.keys.during(() => this.grid.setColumns(columns));
    this.grid.setOrder(key, descending);
  }

  /** Draw what stands in a column's head: the button that sorts, for a group also the one that opens it. */
  drawHead(column) {
    const { key, kind, title, short, subjects } = column;
    if (kind === "pin") return make("span", { class: "unseen" }, title);
    const sort = make("button", { type: "button", class: "sort", title, "aria-label": title, onclick: () => this.order(column) }, make("span", {}, short ?? title));
    const least = this.drawSmallest(column);
    const known = subjects?.filter((subject) => subject.key in this.board.columns);
    if (!known?.length) return make("div", {}, sort, ...least);
    const open = this.view.opened.includes(key);
    const opener = make(
      "button",
      {
        type: "button",
        class: "opener",
        "aria-expanded": String(open),
        "aria-label": t("{n} subjects of {title}", { n: known.length, title }),
        title: open ? t("Hide the subjects") : t("Show the {n} subjects", { n: known.length }),
        onclick: () => this.toggle(column),
      },
      open ? "◂" : "▸",
    );
    return make("div", {}, make("div", { class: "heads" }, sort, opener), ...least);
  }

  /** Name the smallest difference that a column can show. */
  drawSmallest({ key, kind, benchmark, title }) {
    const least = kind === "average" ? this.board.meta.average?.smallest_difference : benchmark?.smallest_difference;
    if (least == null || this.view.score !== "raw") return [];
    const says = t("{title}: two models that differ by {n} points are told apart in 80 % of comparisons. Smaller differences are often chance.", { title, n: percent(least) });
    return [make("small", { class: "least", title: says }, `Δ ${percent(least)}`)];
  }

  toggle({ key, subjects }) {
    const open = !this.view.opened.includes(key);
    const opened = open ? [...this.view.opened, key] : this.view.opened.filter((other) => other !== key);
    const lost = !open && subjects.some((subject) => subject.key === sortOf(this.view).key);
    this.change(lost ? { opened, sort: `-${key}` } : { opened });
  }

  order(column) {
    const { key, descending } = sortOf(this.view);
    const first = isNumber(column) && column.key !== "rank";
    const falling = key === column.key ? !descending : first;
    this.change({ sort: falling ? `-${column.key}` : column.key });
  }

  /** Draw the rows that the view shows. */
  select({ keepPlace }) {
    const { board, view, names } = this;
    const averages = averagesOf(board, view, shownBenchmarks(this.columns));
    const { key, descending } = sortOf(view);
    let values = null;
    const { pinned, rows, fitting } = selectRows(board, view, names, () => (values = this.valuesOf(key, averages)));
    const column = this.listed.find((listed) => listed.key === key);
    const ordering = orderingOf(board, column, { values, averages, descending });
    const ranks = this.ranks.rank(board, fitting, ordering);
    const places = firstPlaces(board, fitting, ranks, ordering.key);
    const shown = [...pinned, ...rows];
    this.picture = {
      ...{ board, names, view, averages, ranks, sorted: key, benchmark: this.sortedBenchmark() },
      query: parseQuery(view.search, (name) => numbersOf(board, name)),
      bracket: bracketOf(places, rows),
      best: bestOf((of) => (of === "average" ? averages : scoresOf(board, of, view.score)), fitting),
      nextOf: (row) => shown[shown.indexOf(row) + 1],
      compare: (chosen) => compareAddress(chosen.map((row) => names[row]), this.sortedBenchmark(), this.among(fitting)),
    };
    this.grid.setRows(pinned, rows, view.size, { keepPlace });
    this.grid.setOrder(key, descending);
    this.tell(fitting.length, this.picture.query.hints);
    this.firsts.textContent = isPart(board) ? "" : sayFirsts(board, view, places, { scope: ranks.scope, column, fitting: fitting.length });
    this.chips.replaceChildren(...drawChips(board, view, (parts) => this.change(parts)));
    this.drawPins(pinned);
  }

  /** Return which rows are compared at once: those that fit, if the server ranks them; null for the whole board. */
  among(fitting) {
    if (fitting.length === this.board.rows || fitting.length > MOST_RANKED) return null;
    return { rows: toRuns(fitting), built: this.board.meta.content_hash };
  }

  valuesOf(key, averages) {
    const { board, view } = this;
    if (key === "average") return averages;
    const column = this.listed.find((listed) => listed.key === key) ?? { key: "rank" };
    if (column.key === "rank") return averages === board.columns.average ? board.columns.rank : averages.map((average) => average && -average);
    if (column.kind === "score") return scoresOf(board, key, view.score) ?? averages.map(() => null);
    if (column.kind === "flags") return board.columns.flags.map((flags) => flags.length);
    return board.columns[column.key];
  }

  tell(fitting, hints) {
    const { rows, all_rows: all, meta } = this.board;
    const numbers = { shown: formatNumber(fitting), all: formatNumber(all) };
    const models = isPart(this.board) ? t("The first {shown} of {all} models, the others are coming", numbers) : fitting === rows ? (rows === 1 ? t("1 model") : t("{all} models", numbers)) : t("{shown} of {all} models", numbers);
    this.status.textContent = t("{models} · built {time}", { models, time: formatTime(meta.built_at) });
    const says = hints.map(({ code, value }) => t(HINT_TEXTS[code], { value }));
    const [low, high] = this.view.params;
    if (low != null && high != null && low > high) says.push(t("No model has from {low} to {high} billion parameters: the first number is larger.", { low, high }));
    this.hint.textContent = says.join(" ");
    const filters = countFilters(this.view);
    this.menus.filters.label.textContent = filters ? t("Filters ({n})", { n: filters }) : t("Filters");
    this.empty.replaceChildren(...(fitting ? [] : [this.drawNothing()]));
  }

  drawNothing() {
    const reset = make("button", { type: "button", class: "plain", onclick: () => this.change(withoutFilters(this.view)) }, t("Show all models"));
    const queued = make("div");
    askQueue(this.view.search).then((parts) => queued.replaceChildren(...parts));
    return make("section", { class: "notice" }, make("h2", {}, t("No model matches")), queued, make("p", {}, reset));
  }

  /** Draw what can be done with the pinned rows. */
  drawPins(pinned) {
    const parts = [];
    if (pinned.length >= COMPARED.least && pinned.length <= COMPARED.most) {
      parts.push(make("a", { href: this.picture.compare(pinned) }, t("Compare the {n} pinned models", { n: pinned.length })));
    } else if (pinned.length > COMPARED.most) parts.push(make("span", {}, t("You can compare at most six models.")));
    if (this.view.pins.length) parts.push(make("button", { type: "button", class: "plain", onclick: () => this.change({ pins: [] }) }, t("Unpin all")));
    this.pins.replaceChildren(...parts);
  }

  /** Return the benchmark by which the rows are ordered, that of a subject too; empty for none. */
  sortedBenchmark() {
    const column = this.listed.find(({ key }) => key === sortOf(this.view).key);
    return column?.kind === "score" ? (column.subjectOf ?? column.key) : "";
  }

  async download(kind) {
    const shown = { columns: this.columns.filter(({ kind: own }) => own !== "pin"), rows: [...this.grid.pinned, ...this.grid.rows] };
    const says = await takeView(kind, this.picture, shown);
    if (says) this.status.textContent = says;
  }
}

/** Say whether only the first rows of a board have come. */
const isPart = (board) => board.rows < board.all_rows;

/** Say how many models have the benchmarks that some lack. */
function describeFilling(filling) {
  const parts = filling.slice(0, FILLING_SHOWN).map(({ have, of, title }) => {
    const numbers = { have: formatNumber(have), of: formatNumber(of), title };
    return t("{have} of {of} models have {title}", numbers);
  });
  return [...parts, ...(filling.length > FILLING_SHOWN ? ["…"] : [])].join(" · ");
}

function drawEmpty(meta) {
  return make(
    "section",
    { class: "notice" },
    make("h2", {}, t("No model on the board yet")),
    make("p", {}, meta ? t("The board is built, but no model has a result.") : t("The board has not been built yet.")),
    make("p", {}, make("a", { href: "submit" }, t("Submit a model")), " · ", make("a", { href: "queue" }, t("See the queue"))),
    make("p", {}, t("This page will show the first row as soon as it exists.")),
  );
}

customElements.define("board-table", BoardTable);
