// What the queue says as a whole. Pure.

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const DAYS = 7;

/**
 * Return the seconds until all is done, the submission that waits longest, the models finished a day in the
 * last week, the failures by code, the most frequent first, and the time of the last change; null or
 * empty where nothing is known. `now` is in milliseconds.
 */
export function summarise(entries, now) {
  const waiting = entries.filter(({ status }) => status === "PENDING");
  const left = entries.filter(({ status }) => ["PENDING", "RUNNING"].includes(status)).map((entry) => entry.seconds_left);
  const known = left.filter((seconds) => seconds != null);
  const since = now - DAYS * DAY_MILLISECONDS;
  const done = entries.filter(({ status, changed_time: time }) => status === "FINISHED" && Date.parse(time) >= since);
  return {
    secondsLeft: known.length && known.length === left.length ? Math.max(...known) : null,
    oldest: first(waiting.map((entry) => entry.submitted_time)),
    perDay: done.length / DAYS,
    failures: countCodes(entries.filter(({ status }) => status === "FAILED")),
    changed: first(entries.map((entry) => entry.changed_time).filter(Boolean), -1),
  };
}

/** Return the entries in the order of one of their values, those without it last. */
export function sortEntries(entries, key, descending) {
  const rank = (value) => (value == null || value === "" ? 1 : 0);
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  return entries.toSorted((a, b) => rank(a[key]) - rank(b[key]) || (descending ? -1 : 1) * (rank(a[key]) ? 0 : compare(a[key], b[key])));
}

/** Return the share of the questions that a request has answered, null where it is not known; failed benchmarks ask none. */
export function shareDone({ benchmarks }) {
  const parts = Object.values(benchmarks ?? {}).filter(({ state }) => state !== "failed");
  if (!parts.length || parts.some(({ total }) => !total)) return null;
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  return sum(parts.map(({ state, done, total }) => (state === "done" ? total : done))) / sum(parts.map(({ total }) => total));
}

function first(times, place = 0) {
  return times.filter(Boolean).toSorted().at(place) ?? null;
}

function countCodes(failed) {
  const counted = Map.groupBy(failed, ({ code }) => code || "error");
  return [...counted].map(([code, members]) => [code, members.length]).toSorted((a, b) => b[1] - a[1]);
}
