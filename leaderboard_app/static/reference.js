// Short names of the board's rows, `{model}@{sha8}@{precision}@{weights}@{chat}`: see leaderboard_app/references.py.

import { keepLanguage } from "./language.js";

const SHORT_SHA = 8;

/** What a row has that its short name and its address are made of; `sha` can take the place of `sha8`. */
export const NAMING = ["model", "sha8", "precision", "weight_type", "use_chat_template", "enable_thinking"];

/** Return the short name of a row. */
export function referenceOf(row) {
  const sha = (row.sha8 ?? row.sha ?? "").slice(0, SHORT_SHA);
  return [row.model, sha, row.precision ?? "", row.weight_type ?? "", chatOf(row)].join("@");
}

/** Return the address of a row's own page, with the questions of a benchmark if one is given. */
export function modelAddress(row, benchmark = "") {
  const parts = new URLSearchParams({
    id: row.model,
    sha: (row.sha8 ?? row.sha ?? "").slice(0, SHORT_SHA),
    precision: row.precision ?? "",
    weights: row.weight_type ?? "",
    chat: chatOf(row),
    ...(benchmark && { benchmark }),
  });
  return keepLanguage(`model?${parts}`);
}

/**
 * Return the address that compares rows, given their short names, on a benchmark if one is given.
 *
 * `among` has the numbers of the rows that are compared at once and the board that numbers them; null for the whole board.
 */
export function compareAddress(references, benchmark = "", among = null) {
  const parts = references.map((reference) => ["m", reference]);
  if (benchmark) parts.push(["benchmark", benchmark]);
  if (among) parts.push(["among", among.rows], ["built", among.built]);
  return keepLanguage(`compare?${new URLSearchParams(parts)}`);
}

function chatOf(row) {
  if (row.enable_thinking) return "think";
  return row.use_chat_template ? "1" : "0";
}
