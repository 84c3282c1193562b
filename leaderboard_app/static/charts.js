// Small charts: an interval on a line from 0 to 100. Tables beside them have the numbers.

import { make } from "./dom.js";

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

/** Draw a series' colour. */
export const drawSample = (number) => make("span", { class: `sample series-${number + 1}`, "aria-hidden": "true" });

/** Draw which series is which: the names, each with its colour. */
export function drawKey(names) {
  return make("ul", { class: "series-key" }, ...names.map((name, number) => make("li", {}, drawSample(number), " ", name)));
}

function place(kind, sides) {
  const mark = make("i", { class: kind });
  for (const [side, fraction] of Object.entries(sides)) mark.style[side] = `${100 * fraction}%`;
  return mark;
}
