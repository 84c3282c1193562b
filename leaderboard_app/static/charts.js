// Small charts: an interval on a line from 0 to 100. Tables beside them have the numbers.

import { make } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
/** Draw scores on one line from 0 to 100: each with its interval, in its series' colour. */
export function drawInterval(scores, baseline = null) {
  const line = make("div", { class: "interval", "aria-hidden": "true" });
  if (baseline) line.append(place("guess", { left: baseline }));
  scores.forEach(({ score, low, high }, number) => {
    if (score == null) return;
    const series = scores.length > 1 ? ` series-${number + 1}` : "";
    if (low != null && high != null) line.append(place(`range${series}`, { left: low, right: 1 - high }));
    line.append(place(`point${series}`, { left: score }));
  });
  return line;
}

/** Draw which series is which: the names, each with its line. */
export function drawKey(names) {
  const entries = names.map((name, number) => {
    const sample = draw("svg", { class: "sample", viewBox: "0 0 28 10", "aria-hidden": "true" });
    sample.append(draw("line", { class: `series series-${number + 1}`, x1: 0, y1: 5, x2: 28, y2: 5 }));
    return make("li", {}, sample, " ", name);
  });
  return make("ul", { class: "series-key" }, ...entries);
}

function place(kind, sides) {
  const mark = make("i", { class: kind });
  for (const [side, fraction] of Object.entries(sides)) mark.style[side] = `${100 * fraction}%`;
  return mark;
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
