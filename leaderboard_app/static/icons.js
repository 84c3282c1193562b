// Small marks in one stroke, the same in tables, filters and charts. Texts beside them or their labels say what they mean.

const SVG = "http://www.w3.org/2000/svg";

/** Colour and shape of each type of model, as in the charts (`figures.py`). */
export const TYPE_LOOKS = {
  pretrained: ["#009e73", "circle"],
  "continuously pretrained": ["#3f8f78", "square"],
  "fine-tuned": ["#b97f00", "diamond"],
  "instruction-tuned": ["#d55e00", "circle-open"],
  "RL-tuned": ["#0072b2", "square-open"],
  chat: ["#3a8fc4", "triangle-up"],
  merge: ["#c0679a", "cross"],
  unknown: ["#7f7f7f", "x"],
};

const SHAPES = {
  circle: "M8 3a5 5 0 1 0 .01 0z",
  square: "M3.5 3.5h9v9h-9z",
  diamond: "M8 2l6 6-6 6-6-6z",
  "triangle-up": "M8 2.5l6 11H2z",
  cross: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
  x: "M3 5l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z",
};
const LINES = {
  apart: "M3 6h10M3 10h10M10.5 3l-5 10",
  flag: "M4 14V2.5h8.5L10 6l2.5 3.5H4",
  hub: "M6 4h6v6M12 4l-8 8",
  next: "M2.5 5.5h10l-3-3M13.5 10.5h-10l3 3",
  notice: "M8 2l6.5 11.5h-13zM8 6.5v3.5M8 11.8v.2",
  template: "M2.5 3h11v7.5H7.5l-3 3v-3h-2z",
  thinking: "M5 10.5a3 3 0 0 1-.5-6 4 4 0 0 1 7.5.5 2.8 2.8 0 0 1-.5 5.5zM5 13.5h.1",
};

/** Draw the mark of a type of model; with a label it stands alone, without one beside its name. */
export function typeMark(type, label = "") {
  const [colour, name] = TYPE_LOOKS[type] ?? TYPE_LOOKS.unknown;
  const isOpen = name.endsWith("-open");
  return draw(SHAPES[name.replace("-open", "")], { fill: isOpen ? "none" : colour, stroke: colour }, label);
}

/** Draw a mark; with a label it stands alone. */
export const icon = (name, label = "") => draw(LINES[name], { fill: "none", stroke: "currentColor" }, label);

function draw(path, looks, label) {
  const drawn = document.createElementNS(SVG, "svg");
  const said = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  for (const [name, value] of Object.entries({ class: "icon", viewBox: "0 0 16 16", ...said })) drawn.setAttribute(name, value);
  const line = document.createElementNS(SVG, "path");
  for (const [name, value] of Object.entries({ d: path, "stroke-width": "1.5", ...looks })) line.setAttribute(name, value);
  drawn.append(line);
  return drawn;
}
