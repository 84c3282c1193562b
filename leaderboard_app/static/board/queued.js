// What the queue knows of a name that the board does not have.

import { ask } from "../ask.js";
import { make } from "../dom.js";
import { t } from "../language.js";

const SHOWN = 3;

/** Draw the submissions whose model has all words of a search in its name; none without words, or without an answer. */
export async function askQueue(search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const { entries } = await ask("data/queue.json").catch(() => ({ entries: [] }));
  const found = entries.filter(({ model }) => words.every((word) => model.toLowerCase().includes(word)));
  if (!found.length) return [];
  // Its texts of codes are of no use to a board where everything is found.
  const { STATUSES, tellWhy } = await import("../queue-request.js");
  return found.slice(0, SHOWN).map((entry) => {
    const link = make("a", { href: `queue?${new URLSearchParams({ search: entry.model })}` }, entry.model);
    const told = [t(STATUSES[entry.status] ?? entry.status), tellWhy(entry)].filter(Boolean).join(". ");
    return make("p", {}, t("In the queue:"), " ", link, `: ${told}`);
  });
}
