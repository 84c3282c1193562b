// A table that draws only the rows in sight, under a head that stays and beside columns that stay.

import { make } from "../dom.js";
import { isNumber } from "./columns.js";
import { GridKeys } from "./keys.js";

// Rows drawn above and below those in sight, so that scrolling shows no gap.
const SPARE = 8;
/** Whether the page is as narrow as a phone. */
export const NARROW = matchMedia("(max-width: 600px)");
const HEIGHTS = { compact: 28, normal: 36, large: 48 };
// On a phone a row has two lines, and a finger needs more room.
const NARROW_HEIGHT = 52;
const MOST_PRINTED = 1000;
const PRINTING = ["beforeprint", "afterprint"];

/**
 * Rows are numbers, drawn by `drawCell(column, row, place)`.
 *
 * `drawHead(column)` returns what stands in a column's head; `nameOf(row)` its class.
 */
export class Grid {
  constructor({ label, drawHead, drawCell, nameOf }) {
    Object.assign(this, { drawHead, drawCell, nameOf });
    this.columns = [];
    this.pinned = [];
    this.rows = [];
    this.drawn = new Map();
    this.head = make("thead");
    this.top = make("tbody", { class: "pinned" });
    this.body = make("tbody");
    this.widths = make("colgroup");
    this.table = make("table", { class: "board", role: "grid", "aria-label": label }, this.widths, this.head, this.top, this.body);
    this.element = make("div", { class: "scroll" }, this.table);
    this.keys = new GridKeys(this);
    this.element.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.element);
    this.watcher.observe(this.head);
    this.print = ({ type }) => this.drawForPaper(type === "beforeprint");
    for (const event of PRINTING) addEventListener(event, this.print);
  }

  end() {
    this.watcher.disconnect();
    for (const event of PRINTING) removeEventListener(event, this.print);
  }

  /** Scroll to where the reader was, as soon as the page is laid out. */
  returnTo(top) {
    this.returning = top || null;
    this.resize();
  }

  /** Paper does not scroll: draw the rows out of sight as well, or those in sight again. */
  drawForPaper(isPaper) {
    this.isPaper = isPaper;
    this.draw(true);
  }

  get headRow() {
    return this.head.lastElementChild;
  }

  /** Show other columns. Cells that stay are kept, unless other rows are to come anyway. */
  setColumns(columns, { rowsToCome }) {
    this.columns = columns;
    const lines = rowsToCome ? [] : [...this.top.rows, ...this.drawn.values()];
    for (const line of lines) this.fillRow(line);
    this.head.replaceChildren(...drawGroups(columns), make("tr", { "aria-rowindex": "1" }, ...columns.map((column) => this.drawHeadCell(column))));
    this.table.setAttribute("aria-colcount", columns.length);
    this.setWidths();
    this.measureHead();
  }

  /** Show rows, `pinned` ones above the others; what was drawn is drawn anew. */
  setRows(pinned, rows, size, { keepPlace }) {
    Object.assign(this, { pinned, rows, size });
    this.table.setAttribute("aria-rowcount", 1 + pinned.length + rows.length);
    this.setHeight();
    if (!keepPlace) {
      this.returning = null;
      this.element.scrollTop = 0;
    }
    this.drawn.clear();
    this.keys.during(() => {
      this.top.replaceChildren(...pinned.map((row, index) => this.drawRow(row, index, index)));
      this.draw(true);
    });
  }

  /** Say in the head which column orders the rows. */
  setOrder(key, descending) {
    for (const cell of this.head.querySelectorAll("th")) {
      cell.ariaSort = cell.dataset.key === key ? (descending ? "descending" : "ascending") : null;
    }
  }

  /** Bring a row into sight: its place counts pinned rows first. Returns its element. */
  reveal(place) {
    const index = place - this.pinned.length;
    if (index < 0) return this.top.children[place] ?? null;
    const above = this.head.offsetHeight + this.top.offsetHeight;
    const low = index * this.height;
    const room = this.element.clientHeight - above - this.height;
    if (this.element.scrollTop > low) this.element.scrollTop = low;
    else if (this.element.scrollTop < low - room) this.element.scrollTop = low - room;
    this.draw();
    return this.drawn.get(index) ?? null;
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  resize() {
    if (!this.columns.length) return;
    const before = this.height;
    this.setWidths();
    this.setHeight();
    this.measureHead();
    if (this.height !== before) this.drawn.clear();
    this.keys.during(() => this.draw(this.height !== before));
    if (this.returning == null) return;
    this.element.scrollTop = this.returning;
    if (this.element.scrollTop > 0) this.returning = null;
  }

  /** Put the rows in sight into the page, and keep those that are there already. */
  draw(anew = false) {
    const { element, rows, height } = this;
    const first = this.isPaper ? 0 : Math.max(0, Math.floor(element.scrollTop / height) - SPARE);
    const seen = Math.ceil((element.clientHeight || innerHeight) / height) + 2 * SPARE;
    const last = Math.min(rows.length, first + (this.isPaper ? MOST_PRINTED : seen));
    if (!anew && first === this.first && last === this.last) return;
    Object.assign(this, { first, last });
    const shown = new Map();
    for (let index = first; index < last; index += 1) {
      shown.set(index, this.drawn.get(index) ?? this.drawRow(rows[index], this.pinned.length + index));
    }
    for (const [index, row] of this.drawn) if (!shown.has(index)) row.remove();
    this.drawn = shown;
    this.fill([makeGap(first * height), ...shown.values(), makeGap((rows.length - last) * height)]);
  }

  /** Make the body hold these rows, without moving one that is in place: it may have the focus. */
  fill(wanted) {
    const kept = new Set(wanted);
    for (const child of [...this.body.children]) if (!kept.has(child)) child.remove();
    let place = this.body.firstChild;
    for (const row of wanted) {
      if (row === place) place = place.nextSibling;
      else this.body.insertBefore(row, place);
    }
  }

  /** Draw the row at a place, which counts pinned rows first. */
  drawRow(row, place, pin = null) {
    const line = make("tr", { class: this.nameOf(row), "aria-rowindex": place + 2, "data-place": place });
    if (pin !== null) line.style.setProperty("--pin", pin);
    this.fillRow(line);
    return line;
  }

  fillRow(line) {
    const place = Number(line.dataset.place);
    const row = this.pinned[place] ?? this.rows[place - this.pinned.length];
    const kept = new Map([...line.cells].map((cell) => [cell.dataset.key, cell]));
    line.replaceChildren(...this.columns.map((column) => kept.get(column.key) ?? this.drawRowCell(column, row)));
    this.keys.prepare(line);
  }

  drawRowCell(column, row) {
    const cell = document.createElement(column.key === "model" ? "th" : "td");
    if (column.key === "model") cell.scope = "row";
    cell.className = cellClass(column);
    cell.dataset.key = column.key;
    this.drawCell(column, row, cell);
    return cell;
  }

  drawHeadCell(column) {
    return make("th", { scope: "col", class: cellClass(column), "data-key": column.key }, this.drawHead(column));
  }

  setHeight() {
    this.height = NARROW.matches ? NARROW_HEIGHT : HEIGHTS[this.size];
    this.table.style.setProperty("--row", `${this.height}px`);
  }

  /** Pinned rows stay under the head, a pixel into it so that no row shines through. */
  measureHead() {
    const height = Math.floor(this.head.getBoundingClientRect().height) - 1;
    this.table.style.setProperty("--head", `${height}px`);
  }

  /** Give every column its width and fixed ones their distance; the model takes what is left. */
  setWidths() {
    const widths = this.columns.map(({ width }) => width);
    const total = widths.reduce((sum, width) => sum + width, 0);
    this.widths.replaceChildren(
      ...widths.map((width, index) => make("col", this.columns[index].key === "model" ? {} : { style: `width: ${width}px` })),
    );
    this.table.style.width = `max(100%, ${total}px)`;
    let left = 0;
    this.columns.forEach(({ key, fixed }, index) => {
      if (fixed) this.table.style.setProperty(`--left-${key}`, `${NARROW.matches ? 0 : left}px`);
      left += widths[index];
    });
  }
}

/** Draw the line above the heads that names what columns have in common; none without such columns. */
function drawGroups(columns) {
  if (NARROW.matches || !columns.some(({ heading }) => heading)) return [];
  const runs = [];
  for (const { fixed, heading } of columns) {
    const last = runs.at(-1);
    if (last && last.heading === heading && last.fixed === fixed) last.width += 1;
    else runs.push({ fixed, heading, width: 1 });
  }
  const cells = runs.map(({ fixed, heading, width }) => make("td", { colspan: width, class: fixed ? "corner" : heading ? "heading" : null }, heading ?? ""));
  return [make("tr", { class: "groups", "aria-hidden": "true" }, ...cells)];
}

function cellClass(column) {
  const names = [`kind-${column.kind}`, column.key];
  if (isNumber(column)) names.push("number");
  if (column.fixed) names.push("fixed");
  if (column.subjectOf) names.push("subject");
  return names.join(" ");
}

/** A row that stands for those out of sight. */
function makeGap(height) {
  return make("tr", { class: "gap", "aria-hidden": "true", style: `height: ${height}px` });
}
