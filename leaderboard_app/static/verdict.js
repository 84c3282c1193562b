// How two models differ on a benchmark, in a sentence. The server has computed all numbers.

import { ask } from "./ask.js";
import { make } from "./dom.js";
import { formatNumber, t } from "./language.js";
import { percent } from "./numbers.js";

/** Ask which models are told apart from the first, among all that are compared at once. */
export async function askApart(query, signal) {
  try {
    return await ask(`data/apart.json?${query}`, signal);
  } catch {
    // After another build the rows have other numbers: the whole board is compared.
    query.delete("among");
    query.delete("built");
    return ask(`data/apart.json?${query}`, signal).catch(() => ({ models: null, apart: [] }));
  }
}

/**
 * Return the sentences on a `difference` of two named models, the second one minus the first.
 *
 * `models` is how many are compared at once, null if unknown, and `apart` whether these two are told apart then.
 */
export function tellVerdict([first, second], { value, low, high, paired, only_first: firstAlone, only_second: secondAlone }, { models, apart }) {
  const [better, worse] = value < 0 ? [first, second] : [second, first];
  const [from, to] = value < 0 ? [-high, -low] : [low, high];
  const numbers = { better, worse, n: percent(Math.abs(value)), low: signedly(from), high: signedly(to) };
  const said = [
    value === 0
      ? t("{better} and {worse} have the same score (95 % interval of the difference {low} to {high}).", numbers)
      : t("{better} answers {n} points more than {worse} (95 % interval {low} to {high}).", numbers),
  ];
  const isAlone = from > 0;
  said.push(isAlone ? t("Taken alone, this is more than chance.") : t("Taken alone, this can be chance."));
  if (models != null && apart != null) {
    const n = formatNumber(models);
    said.push(apart ? t("Among {n} models compared at once, the two are told apart.", { n }) : t("Among {n} models compared at once, the two are not told apart.", { n }));
    if (isAlone && !apart) said.push(t("Of so many comparisons, some show such a difference by chance: each must be larger to count."));
  }
  if (paired) {
    const [more, fewer] = value < 0 ? [firstAlone, secondAlone] : [secondAlone, firstAlone];
    said.push(t("{better} alone is right on {more} questions, {worse} alone on {fewer}.", { better, worse, more: formatNumber(more), fewer: formatNumber(fewer) }));
  } else said.push(t("Their answers are not compared question by question; the interval is from the scores and is wider."));
  const [lead, ...rest] = said;
  return [make("strong", {}, lead), " ", rest.join(" ")];
}

const signedly = (fraction) => (fraction < 0 ? `−${percent(-fraction)}` : percent(fraction));
