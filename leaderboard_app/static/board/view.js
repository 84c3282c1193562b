// What a reader chose to see, and the address that shows the same to somebody else. Pure.

const LIST = { read: (texts) => texts.flatMap((text) => text.split(",")).filter(Boolean), write: (list) => [list.join(",")] };
// What is called `prequantised` was called `GPTQ` when older addresses were made.
const PRECISIONS = { ...LIST, read: (texts) => LIST.read(texts).map((name) => (name === "GPTQ" ? "prequantised" : name)) };
// Names of models may hold commas: each its own part of the address.
const REPEATED = { read: (texts) => texts.filter(Boolean), write: (list) => list };
const TEXT = { read: (texts) => texts[0], write: (text) => [text] };
const SWITCH = { read: (texts) => texts[0] === "1", write: (on) => [on ? "1" : "0"] };
const RANGE = { read: readRange, write: ([low, high]) => [`${low ?? ""}-${high ?? ""}`] };
const oneOf = (...allowed) => ({
  read: (texts) => (allowed.includes(texts[0]) ? texts[0] : allowed[0]),
  write: (text) => [text],
});

/** Every choice: its name in the address, what it is where the address says nothing, its form. */
const CHOICES = {
  search: { name: "q", usual: "", form: TEXT },
  sort: { name: "sort", usual: "rank", form: TEXT },
  columns: { name: "columns", usual: null, form: LIST },
  opened: { name: "open", usual: [], form: LIST },
  types: { name: "type", usual: [], form: LIST },
  precisions: { name: "precision", usual: [], form: PRECISIONS },
  licences: { name: "licence", usual: [], form: LIST },
  params: { name: "params", usual: [null, null], form: RANGE },
  hidden: { name: "hide", usual: [], form: LIST },
  pins: { name: "pin", usual: [], form: REPEATED },
  errors: { name: "errors", usual: true, form: SWITCH },
  score: { name: "score", usual: "raw", form: oneOf("raw", "normalised") },
  mean: { name: "mean", usual: "board", form: oneOf("board", "shown") },
  size: { name: "rows", usual: "normal", form: oneOf("normal", "compact", "large") },
};
const FILTERS = ["search", "types", "precisions", "licences", "params", "hidden"];

/** Presets of the range of parameters, in billions; both ends belong to it. */
export const SIZES = [
  [null, 3],
  [3, 10],
  [10, 70],
  [70, null],
];

/** Return the view of an address's query; what it does not name, or names wrongly, is as usual. */
export function readView(query) {
  const parts = new URLSearchParams(query);
  return Object.fromEntries(
    Object.entries(CHOICES).map(([choice, { name, usual, form }]) => [
      choice,
      parts.has(name) ? (form.read(parts.getAll(name)) ?? usual) : structuredClone(usual),
    ]),
  );
}

/** Return the query of a view: what is not as usual, and the parts of `query` that are not ours. */
export function writeView(view, query) {
  const parts = new URLSearchParams(query);
  for (const [choice, { name, usual, form }] of Object.entries(CHOICES)) {
    parts.delete(name);
    if (isSame(view[choice], usual)) continue;
    for (const text of form.write(view[choice])) parts.append(name, text);
  }
  const text = parts.toString();
  return text && `?${text.replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@")}`;
}

/** Return the view with nothing filtered. */
export function withoutFilters(view) {
  return { ...view, ...Object.fromEntries(FILTERS.map((choice) => [choice, structuredClone(CHOICES[choice].usual)])) };
}

/** Return how many filters are on; the search is seen anyway and does not count. */
export function countFilters(view) {
  return FILTERS.filter((choice) => choice !== "search" && !isSame(view[choice], CHOICES[choice].usual)).length;
}

/** Return the column that a view is sorted by, and whether the largest value comes first. */
export function sortOf({ sort }) {
  return sort.startsWith("-") ? { key: sort.slice(1), descending: true } : { key: sort, descending: false };
}

/** Say whether two choices are the same. */
export function isSame(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

function readRange([text]) {
  const parts = /^(\d*\.?\d*)-(\d*\.?\d*)$/.exec(text);
  const number = (part) => (part === "" || !Number.isFinite(Number(part)) ? null : Number(part));
  return parts ? [number(parts[1]), number(parts[2])] : undefined;
}
