// The search grammar: `llama;qwen @license:mit`. Pure: no page, no language.
//
// `;` separates alternatives. Within one, every part must fit: a word in the model's name,
// `field:value` or `@field: value` in another column, "quoted words", and regular expressions,
// which are known by their special characters or by slashes around them. Case never counts. A minus
// before a word or a field takes away what fits, and `params<10` compares the numbers of a column.

import { compile, MAX_PLACES, Unsupported } from "./pattern.js";

const FIELDS = {
  architecture: "architecture",
  arch: "architecture",
  backend: "backend",
  base: "base_model",
  flag: "flags",
  is: "licence_class",
  licence: "license",
  license: "license",
  model: "model",
  org: "org",
  precision: "precision",
  revision: "sha8",
  sender: "sender",
  sha: "sha8",
  type: "model_type",
  weights: "weight_type",
};
// `float16` is no `bfloat16`, and `pretrained` no `continuously pretrained`.
const FROM_THE_START = new Set(["precision", "model_type", "sha8"]);
const LONGEST = 300;
const SPECIAL = /[\^$*+?()[\]{}|\\]/;
const TOKEN = /(;)|([\p{L}\d_.-]*[\p{L}\d])(<=|>=|<|>|=)(\d+(?:\.\d+)?)[b%]?(?=[\s;]|$)|(-(?=[@"\p{L}\d]))?(?:@?([a-z]+):\s*(?:"([^"]*)"|([^\s@;"]+))|\/((?:\\.|[^/\\])+)\/(?=[\s;]|$)|"([^"]*)"|([^\s;@]+|@))/giuy;

/** What a search found odd about itself; the page says it in words. */
export const HINTS = { field: "field", pattern: "pattern", unsupported: "unsupported" };

/**
 * Read a search text: `alternatives` are lists of terms, `hints` say what was not understood.
 *
 * `numbersOf(name)` returns the numbers of a column, undefined without such a column.
 */
export function parseQuery(text, numbersOf = () => undefined) {
  const alternatives = [[]];
  const hints = [];
  // All patterns of a search share one limit: each row is matched with all of them.
  const budget = { places: MAX_PLACES };
  for (const token of tokens(text.slice(0, LONGEST))) {
    if (token.separator) alternatives.push([]);
    else alternatives.at(-1).push(makeTerm(token, hints, budget, numbersOf));
  }
  return { alternatives: alternatives.filter((terms) => terms.length), hints };
}

/** Say whether a row fits; `textOf(key)` is its lower-case text in a column, null for none. */
export function fits({ alternatives }, textOf, row) {
  if (!alternatives.length) return true;
  return alternatives.some((terms) => terms.every(({ key, test }) => test(textOf(key) ?? "", row)));
}

/** Return where the text of a column was hit, as sorted pairs of start and end that do not touch. */
export function findHits({ alternatives }, key, text) {
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return [];
  const found = alternatives
    .flat()
    .filter((term) => term.key === key)
    .flatMap((term) => term.find(lower))
    .sort((a, b) => a[0] - b[0]);
  const joined = [];
  for (const [start, end] of found) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

function* tokens(text) {
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) {
      TOKEN.lastIndex = start + 1;
      continue;
    }
    const [, separator, name, sign, number, minus, field, quotedValue, value, pattern, quoted, word] = found;
    yield { separator, name, sign, number, minus, field: field?.toLowerCase(), value: quotedValue ?? value, pattern, word: quoted ?? word, quoted: quoted != null };
  }
}

const COMPARES = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => Math.abs(a - b) < 0.05,
};
const NOTHING = { key: "model", test: () => false, find: () => [] };

function makeTerm(token, hints, budget, numbersOf) {
  if (token.sign) return makeComparison(token, hints, numbersOf);
  // A minus before a regular expression is a part of it.
  if (token.minus && token.word && !token.quoted && SPECIAL.test(token.word)) return makeText({ ...token, word: `-${token.word}` }, hints, budget);
  const term = makeText(token, hints, budget);
  return token.minus ? { ...term, test: (text) => !term.test(text), find: () => [] } : term;
}

function makeComparison({ name, sign, number }, hints, numbersOf) {
  const numbers = numbersOf(name.toLowerCase());
  if (!numbers) hints.push({ code: HINTS.field, value: name });
  return numbers ? { ...NOTHING, test: (_, row) => numbers[row] != null && COMPARES[sign](numbers[row], Number(number)) } : NOTHING;
}

function makeText({ field, value, pattern, word, quoted }, hints, budget) {
  if (field) {
    const key = Object.hasOwn(FIELDS, field) ? FIELDS[field] : null;
    if (!key) hints.push({ code: HINTS.field, value: field });
    return key ? makeWord(key, value) : NOTHING;
  }
  const source = pattern ?? (!quoted && SPECIAL.test(word) ? word : null);
  return (source && makePattern(source, hints, budget)) || makeWord("model", word ?? pattern);
}

function makeWord(key, word) {
  const wanted = word.toLowerCase();
  const test = FROM_THE_START.has(key) ? (text) => text.split("\n").some((part) => part.startsWith(wanted)) : (text) => text.includes(wanted);
  const find = (text) => {
    const found = [];
    for (let at = text.indexOf(wanted); wanted && at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      found.push([at, at + wanted.length]);
    }
    return FROM_THE_START.has(key) ? found.filter(([start]) => start === 0) : found;
  };
  return { key, test, find };
}

/** Make a term of a regular expression; null, with a hint, where it is none that is matched here. */
function makePattern(source, hints, budget) {
  try {
    const matcher = compile(source, budget.places);
    budget.places -= matcher.places;
    return { key: "model", test: (text) => matcher.test(text), find: (text) => matcher.find(text) };
  } catch (error) {
    const code = error instanceof Unsupported ? HINTS.unsupported : HINTS.pattern;
    hints.push({ code, value: source });
    return null;
  }
}
