// What the operator says of models, and what was found: copies, and models that the Hub has no more.

import { make, makeOutsideLink } from "../dom.js";
import { t } from "../language.js";

/** Flags that are not about how a model was measured. */
export const NOTICED = new Set(["copy", "flagged", "not_on_hub"]);

/** Return the notices about a model. */
export function noticesOf(notices, model) {
  return (notices ?? []).filter((notice) => NOTICED.has(notice.kind) && notice.model.toLowerCase() === model.toLowerCase());
}

/** Say a notice in words. */
export function tell({ kind, reason, time }) {
  if (kind === "not_on_hub") return t("Not on the Hub since {day}: deleted or made private.", { day: time.slice(0, 10) });
  if (kind === "copy") return t("Found by the board: {reason}", { reason });
  return t("Flagged by the operator of this board: {reason}", { reason });
}

/** Draw a notice, with the page that says more. */
export function drawNotice(notice) {
  const parts = [tell(notice)];
  if (/^https?:\/\//.test(notice.link)) parts.push(" ", makeOutsideLink(notice.link, t("More")));
  return make("p", { class: "problem" }, ...parts);
}
