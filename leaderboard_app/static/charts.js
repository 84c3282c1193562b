// Small charts: an interval on a line from 0 to 100, and a radar. Tables beside them have the numbers.

import { make } from "./dom.js";
import { percent } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const RINGS = [0.25, 0.5, 0.75, 1];
const RADIUS = 130;
const ROOM = { x: 165, y: 30 };
const LONGEST_LABEL = 24;

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

/**
 * Draw a radar: an axis per label, a closed line per series.
 *
 * `series` is a list of `{name, values}` with fractions, null where there is none; at least three
 * axes. `description` is what a screen reader says of it.
 */
export function drawRadar(labels, series, description) {
  const size = { x: 2 * (RADIUS + ROOM.x), y: 2 * (RADIUS + ROOM.y) };
  const chart = draw("svg", {
    class: "radar",
    viewBox: `${-size.x / 2} ${-size.y / 2} ${size.x} ${size.y}`,
    role: "img",
    "aria-label": description,
  });
  for (const ring of RINGS) {
    chart.append(draw("polygon", { class: "ring", points: polygon(labels.map(() => ring)) }));
    chart.append(write("ring-label", { x: 3, y: -ring * RADIUS + 3 }, percent(ring, 0)));
  }
  labels.forEach((label, number) => {
    const end = at(number, labels.length, 1);
    chart.append(draw("line", { class: "axis", x1: 0, y1: 0, x2: end.x, y2: end.y }));
    const tip = at(number, labels.length, 1.08);
    const side = Math.abs(tip.x) < 8 ? "middle" : tip.x > 0 ? "start" : "end";
    chart.append(write("label", { x: tip.x, y: tip.y + 4, "text-anchor": side }, shorten(label), label));
  });
  series.forEach(({ name, values }, number) => {
    const line = draw("polygon", { class: `series series-${number + 1}`, points: polygon(values) });
    line.append(draw("title", {}, name));
    chart.append(line);
  });
  return chart;
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

function at(number, howMany, length) {
  const angle = (2 * Math.PI * number) / howMany;
  return { x: Math.sin(angle) * length * RADIUS, y: -Math.cos(angle) * length * RADIUS };
}

function polygon(values) {
  const corners = values.map((value, number) => at(number, values.length, value ?? 0));
  return corners.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

function shorten(label) {
  return label.length <= LONGEST_LABEL ? label : `${label.slice(0, LONGEST_LABEL - 1)}…`;
}

function write(kind, attributes, text, whole = null) {
  const label = draw("text", { class: kind, ...attributes }, text);
  if (whole && whole !== text) label.append(draw("title", {}, whole));
  return label;
}

function draw(tag, attributes, text = null) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.append(text);
  return element;
}
