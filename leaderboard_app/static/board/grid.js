// A table that draws only what is in sight, under a head that stays and beside columns that stay.

import { make } from "../dom.js";
import { isNumber } from "./columns.js";
import { GridKeys } from "./keys.js";

// Rows drawn above and below those in sight, and pixels of columns beside them, so that scrolling shows no gap.
const SPARE = 5;
const SPARE_WIDTH = 600;
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
    this.filled = new WeakSet();
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

  /** The drawn rows. */
  get lines() {
    return [...this.top.rows, ...this.drawn.values()];
  }

  /** Show other columns. Cells that stay are kept, and new ones filled with the next frame, unless other rows come. */
  setColumns(columns) {
    this.columns = columns;
    for (const line of this.lines) this.placeCells(line);
    this.head.replaceChildren(...drawGroups(columns), make("tr", { "aria-rowindex": "1" }, ...columns.map((column) => this.drawHeadCell(column))));
    this.table.setAttribute("aria-colcount", columns.length);
    this.setWidths();
    this.drawSoon();
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
    this.keys.during(() => {
      this.top.replaceChildren(...pinned.map((row, index) => this.drawRow(row, index, this.makeLine({ style: `--pin: ${index}` }))));
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
    this.measureHead();
    this.draw();
    if (this.returning == null) return;
    this.element.scrollTop = this.returning;
    if (this.element.scrollTop > 0) this.returning = null;
  }

  /** Put the rows in sight into the page, and keep those that are there already; fill the cells in sight. */
  draw(anew = false) {
    const sight = this.columnsInSight(); // before the page changes, or it would be laid out for this
    this.drawRows(anew);
    for (const line of this.lines) this.fillRow(line, sight);
  }

  drawRows(anew) {
    const { element, rows, height } = this;
    const [top, seen] = this.isPaper ? [0, MOST_PRINTED] : [element.scrollTop / height, (element.clientHeight || innerHeight) / height];
    const first = Math.max(0, Math.floor(top) - SPARE);
    const last = Math.min(rows.length, Math.ceil(top + seen) + SPARE);
    if (!anew && first === this.first && last === this.last) return;
    Object.assign(this, { first, last });
    const shown = new Map();
    for (let index = first; index < last; index += 1) {
      const line = this.drawn.get(index);
      shown.set(index, line && !anew ? line : this.drawRow(rows[index], this.pinned.length + index, line));
    }
    this.drawn = shown;
    arrange(this.body, [makeGap(first * height), ...shown.values(), makeGap((rows.length - last) * height)]);
  }

  makeLine(attributes = {}) {
    return make("tr", attributes, ...this.columns.map(makeCell));
  }

  /** Make a line the row at a place, which counts pinned rows first; its cells are filled by `draw`. */
  drawRow(row, place, line = this.makeLine()) {
    Object.assign(line, { className: this.nameOf(row), ariaRowIndex: place + 2 });
    line.dataset.place = place;
    for (const [at, cell] of [...line.cells].entries()) if (this.filled.has(cell)) cell.replaceWith(makeCell(this.columns[at]));
    return line;
  }

  /** Give a row a cell for each column, those that it has and empty ones. */
  placeCells(line) {
    const kept = new Map([...line.cells].map((cell) => [cell.dataset.key, cell]));
    arrange(line, this.columns.map((column) => kept.get(column.key) ?? makeCell(column)));
  }

  /** Return the places of the columns that stay, and of those in sight. */
  columnsInSight() {
    const { scrollLeft, clientWidth } = this.element;
    const [from, to] = [scrollLeft - SPARE_WIDTH, scrollLeft + (clientWidth || innerWidth) + SPARE_WIDTH];
    let left = 0;
    return this.columns.flatMap(({ fixed, width }, place) => {
      left += width;
      return fixed || this.isPaper || (left > from && left - width < to) ? [place] : [];
    });
  }

  /** Draw the cells of a row that are in some columns, unless they are drawn. */
  fillRow(line, places) {
    const place = Number(line.dataset.place);
    const row = this.pinned[place] ?? this.rows[place - this.pinned.length];
    for (const each of places) {
      const cell = line.cells[each];
      if (this.filled.has(cell)) continue;
      this.filled.add(cell);
      this.drawCell(this.columns[each], row, cell);
      this.keys.prepare(cell);
    }
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
    this.top.style.setProperty("--head", `${height}px`);
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

/** Make a part of the page hold these children, without moving one that is in place: it may have the focus. */
function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let place = parent.firstChild;
  for (const child of wanted) {
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
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

/** Make an empty cell; the model's is the head of its row. */
function makeCell(column) {
  const [tag, scope] = column.key === "model" ? ["th", "row"] : ["td", null];
  return make(tag, { scope, class: cellClass(column), "data-key": column.key });
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
