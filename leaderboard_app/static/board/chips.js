// The filters in force, each with a way to take it off.

import { make } from "../dom.js";
import { t } from "../language.js";
import { nameType } from "./cells.js";
import { HIDES, LICENCES, nameSize } from "./menus.js";

const LISTS = {
  types: nameType,
  precisions: String,
  licences: (name) => t("Licence: {name}", { name: t(LICENCES[name] ?? name) }),
  hidden: (mark) => t("without: {mark}", { mark: t(HIDES[mark] ?? mark) }),
};

/** Draw a button for each filter of a view; `change(parts)` takes it off. */
export function drawChips(board, view, change) {
  const drawn = Object.entries(LISTS).flatMap(([choice, nameOf]) =>
    view[choice].map((value) => drawChip(nameOf(value), () => change({ [choice]: view[choice].filter((other) => other !== value) }))),
  );
  const [low, high] = view.params;
  if (low != null || high != null) drawn.push(drawChip(nameSize([low, high]), () => change({ params: [null, null] })));
  return drawn;
}

function drawChip(name, press) {
  const label = t("Take off the filter {name}", { name });
  return make("button", { type: "button", class: "chip", "aria-label": label, title: label, onclick: press }, `${name} ×`);
}
