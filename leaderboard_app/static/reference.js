// Short names of the board's rows, `{model}@{sha8}@{precision}@{weights}@{0 or 1}`: see leaderboard_app/references.py.

import { keepLanguage } from "./language.js";

const SHORT_SHA = 8;

/** Return the short name of a row: `model`, `sha8` or `sha`, `precision`, `weight_type`, `use_chat_template`. */
export function referenceOf(row) {
  const sha = (row.sha8 ?? row.sha ?? "").slice(0, SHORT_SHA);
  return [row.model, sha, row.precision ?? "", row.weight_type ?? "", row.use_chat_template ? 1 : 0].join("@");
}

/** Return the address of a row's own page. */
export function modelAddress(row) {
  const parts = new URLSearchParams({
    id: row.model,
    sha: (row.sha8 ?? row.sha ?? "").slice(0, SHORT_SHA),
    precision: row.precision ?? "",
    weights: row.weight_type ?? "",
    chat: row.use_chat_template ? "1" : "0",
  });
  return keepLanguage(`model?${parts}`);
}

/** Return the address that compares rows, given their short names. */
export function compareAddress(references) {
  return keepLanguage(`compare?${new URLSearchParams(references.map((reference) => ["m", reference]))}`);
}
