// What the queue knows of a name that the board does not have.

import { ask } from "../ask.js";
import { make } from "../dom.js";
import { mark, t } from "../language.js";

const SHOWN = 3;
const STATES = {
  PENDING: mark("Pending"),
  RUNNING: mark("Running"),
  FAILED: mark("Failed"),
  REJECTED: mark("Rejected"),
  CANCELLED: mark("Cancelled"),
  FINISHED: mark("Finished"),
};

/** Draw the submissions whose model has all words of a search in its name; none without words, or without an answer. */
export async function askQueue(search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const { entries } = await ask("data/queue.json").catch(() => ({ entries: [] }));
  const found = entries.filter(({ model }) => words.every((word) => model.toLowerCase().includes(word)));
  return found.slice(0, SHOWN).map(({ model, status, reason }) => {
    const state = t(STATES[status] ?? status);
    const link = make("a", { href: `queue?${new URLSearchParams({ search: model })}` }, model);
    return make("p", {}, t("In the queue:"), " ", link, `: ${state}${reason ? `. ${reason}` : ""}`);
  });
}
