// Complete the names of models in a text field, as a native list of suggestions.

import { sharedAddress } from "./ask.js";
import { make } from "./dom.js";

const WAIT_MILLISECONDS = 250;
const SHORTEST = 2;

let lists = 0;

/** Offer names for what is typed into a field. Without an answer the field is as any other. */
export function completeNames(input) {
  const list = make("datalist", { id: `names-${++lists}` });
  input.setAttribute("list", list.id);
  input.after(list);
  let timer = null;
  let last = "";
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MILLISECONDS);
  });

  async function look() {
    const typed = input.value.trim();
    if (typed.length < SHORTEST || typed === last) return;
    last = typed;
    const answer = await fetch(sharedAddress(`api/names?${new URLSearchParams({ q: typed })}`)).catch(() => null);
    if (!answer?.ok || input.value.trim() !== typed) return;
    const { names } = await answer.json();
    list.replaceChildren(...names.map((name) => make("option", { value: name })));
  }
}
