// Switches that show what a view says and change it: check boxes, choices, ranges, and menus of them.

import { make } from "../dom.js";

// Between a panel and the edge of the page, in pixels.
const EDGE = 12;

/** Makes switches for one view; `sync` shows what it says now. */
export class Controls {
  /** `read()` returns the view, `change(parts)` changes some of its choices. */
  constructor(read, change) {
    Object.assign(this, { read, change, syncs: [] });
  }

  sync() {
    for (const sync of this.syncs) sync(this.read());
  }

  /** A check box; `isOn(view)` reads it, `parts(view, on)` gives the choices that it changes. */
  checkbox(label, isOn, parts, amount = null) {
    const input = make("input", { type: "checkbox", onchange: () => this.change(parts(this.read(), input.checked)) });
    this.watch((view) => {
      input.checked = isOn(view);
    });
    const count = amount == null ? [] : [make("span", { class: "amount" }, String(amount))];
    return make("label", {}, input, make("span", {}, label), ...count);
  }

  /** A check box that puts a value into a list of the view, or takes it out. */
  member(choice, value, label, amount = null) {
    const put = (list, on) => (on ? [...list, value] : list.filter((other) => other !== value));
    return this.checkbox(label, (view) => view[choice].includes(value), (view, on) => ({ [choice]: put(view[choice], on) }), amount);
  }

  /** One of several values, as radio buttons: `options` are pairs of value and label. */
  radios(legend, choice, options) {
    const name = `board-${choice}`;
    const labels = options.map(([value, label]) => {
      const input = make("input", { type: "radio", name, value, onchange: () => this.change({ [choice]: value }) });
      this.watch((view) => {
        input.checked = view[choice] === value;
      });
      return make("label", {}, input, make("span", {}, label));
    });
    return makeGroup(legend, ...labels);
  }

  /** One end of a range of numbers: `end` 0 is the lower one. */
  bound(label, choice, end) {
    const enter = () => {
      const value = input.value === "" ? null : Number(input.value);
      this.change({ [choice]: this.read()[choice].map((old, index) => (index === end ? value : old)) });
    };
    const input = make("input", { type: "number", min: "0", step: "any", inputmode: "decimal", oninput: enter });
    this.watch((view) => {
      const value = view[choice][end];
      if (document.activeElement !== input) input.value = value ?? "";
    });
    return make("label", { class: "bound" }, make("span", {}, label), input);
  }

  /** A button that is pressed or not. */
  toggle(label, isOn, parts) {
    const button = make("button", { type: "button", class: "chip", onclick: () => this.change(parts(this.read(), !isOn(this.read()))) }, label);
    this.watch((view) => button.setAttribute("aria-pressed", String(isOn(view))));
    return button;
  }

  watch(sync) {
    this.syncs.push(sync);
    sync(this.read());
  }
}

/** Put controls under a heading. */
export function makeGroup(legend, ...children) {
  return make("fieldset", {}, make("legend", {}, legend), ...children);
}

/**
 * A button that opens a panel within the page; Escape and a click elsewhere close it.
 *
 * `fill()` returns what the panel holds, when it is opened: a board that comes meanwhile moves nothing
 * under the reader's hands. `sign` stands on the button instead of its title.
 */
export class Menu {
  constructor(name, title, fill, sign = title) {
    this.fill = fill;
    this.label = make("span", {}, sign);
    this.summary = make("summary", sign === title ? {} : { "aria-label": title, title }, this.label);
    this.panel = make("div", { class: `panel ${name}` });
    this.element = make("details", { class: "menu", onkeydown: (event) => this.press(event), ontoggle: () => this.listen() }, this.summary, this.panel);
    this.leave = (event) => {
      if (!this.element.contains(event.target)) this.element.open = false;
    };
  }

  press(event) {
    if (event.key !== "Escape" || !this.element.open) return;
    this.element.open = false;
    this.summary.focus();
  }

  listen() {
    if (this.element.open) {
      this.panel.replaceChildren(...this.fill());
      this.panel.style.left = 0;
      const beyond = this.panel.getBoundingClientRect().right - document.documentElement.clientWidth + EDGE;
      this.panel.style.left = `${Math.min(0, -beyond)}px`;
      document.addEventListener("pointerdown", this.leave);
    } else document.removeEventListener("pointerdown", this.leave);
  }
}
