// One tab stop for the whole grid; arrow keys move within it, as in a spreadsheet.

const WIDGETS = "a[href], button";

/**
 * The places that keys reach: a cell's links and buttons one by one, or the cell where it has none.
 *
 * The head is row -1, pinned rows come before the others, as `Grid.reveal` counts.
 */
export class GridKeys {
  constructor(grid) {
    this.grid = grid;
    this.row = -1;
    this.stop = 0;
    grid.table.addEventListener("keydown", (event) => this.press(event));
    grid.table.addEventListener("focusin", (event) => this.follow(event.target));
  }

  /** Take a cell's links and buttons, or a cell without them, out of the order of the Tab key. */
  prepare(cell) {
    const widgets = cell.querySelectorAll(WIDGETS);
    for (const place of widgets.length ? widgets : [cell]) place.tabIndex = -1;
  }

  /** Redraw, and give the focus back to where it was; the one tab stop stays reachable. */
  during(redraw) {
    const focused = this.grid.table.contains(document.activeElement);
    redraw();
    const count = this.grid.pinned.length + this.grid.rows.length;
    this.row = Math.min(this.row, count - 1);
    const place = this.current();
    if (focused && !this.grid.table.contains(document.activeElement)) place?.focus({ preventScroll: true });
    this.offer(place ?? stopsOf(this.grid.headRow)[0]);
  }

  press(event) {
    if (event.altKey || event.metaKey) return;
    const count = this.grid.pinned.length + this.grid.rows.length;
    const page = Math.max(1, Math.floor(this.grid.element.clientHeight / this.grid.height) - 3);
    const width = stopsOf(this.line()).length;
    const all = event.ctrlKey;
    const moves = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-page, 0],
      PageDown: [page, 0],
      Home: [all ? -count : 0, -width],
      End: [all ? count : 0, width],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.go(Math.min(count - 1, Math.max(-1, this.row + move[0])), this.stop + move[1]);
  }

  /** Move to a row, at most to its last stop; rows may have unlike numbers of links. */
  go(row, stop) {
    const from = this.current();
    const line = row < 0 ? this.grid.headRow : this.grid.reveal(row);
    if (!line) return;
    const stops = stopsOf(line);
    const same = row !== this.row && from ? stops.findIndex((place) => cellOf(place) === cellOf(from)) : -1;
    this.row = row;
    this.stop = same >= 0 && stop === this.stop ? same : Math.min(stops.length - 1, Math.max(0, stop));
    this.offer(stops[this.stop]);
    stops[this.stop].focus();
    keepInSight(this.grid.element, stops[this.stop]);
    this.grid.draw();
  }

  /** Note where a click or the Tab key went. */
  follow(target) {
    const line = target.closest("tr");
    const stops = line ? stopsOf(line) : [];
    const stop = stops.indexOf(target);
    if (stop < 0) return;
    this.row = line.dataset.place === undefined ? -1 : Number(line.dataset.place);
    this.stop = stop;
    this.offer(target);
  }

  line() {
    const { headRow, top, body } = this.grid;
    if (this.row < 0) return headRow;
    return [...top.rows, ...body.rows].find((line) => Number(line.dataset.place) === this.row) ?? headRow;
  }

  current() {
    const stops = stopsOf(this.line());
    return stops[Math.min(this.stop, stops.length - 1)] ?? null;
  }

  /** Make one place the grid's tab stop. */
  offer(place) {
    if (this.offered) this.offered.tabIndex = -1;
    for (const other of stopsOf(this.grid.headRow)) other.tabIndex = -1;
    this.offered = place;
    if (place) place.tabIndex = 0;
  }
}

function stopsOf(line) {
  const widgets = Map.groupBy(line.querySelectorAll(WIDGETS), (widget) => widget.closest("td, th"));
  // The head of the pins has nothing to read and nothing to do.
  return [...line.cells].flatMap((cell) => widgets.get(cell) ?? (cell.classList.contains("kind-pin") ? [] : [cell]));
}

const cellOf = (place) => place.closest("td, th").dataset.key;

/** Scroll sideways until a cell is out from under the columns that stay. */
function keepInSight(scroller, place) {
  const cell = place.closest("td, th");
  if (cell.classList.contains("fixed")) return;
  const fixed = Math.max(0, ...[...cell.parentElement.cells].filter((other) => getComputedStyle(other).position === "sticky" && other.classList.contains("fixed")).map((other) => other.getBoundingClientRect().right));
  const hidden = fixed - cell.getBoundingClientRect().left;
  if (hidden > 0) scroller.scrollLeft -= hidden;
}
