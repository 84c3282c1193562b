// One request of the queue: where it stands, why, and how far it is.

import { sharedAddress } from "./ask.js";
import { formatTime, make, makeOutsideLink } from "./dom.js";
import { formatNumber, keepLanguage, mark, t } from "./language.js";
import { timeLeft } from "./numbers.js";
import { drawFindings } from "./report.js";

const STATES = { waiting: mark("waiting"), running: mark("running"), done: mark("done"), failed: mark("failed") };

/** Draw one entry of the queue, whose `titles` name the benchmarks by key, and `boards` the suites. */
export function drawRequest(entry, { titles, boards }) {
  const board = boards[entry.suite || Object.keys(boards)[0]];
  const head = make("div", { class: "head" });
  if (entry.position != null) head.append(make("span", { class: "position" }, `${formatNumber(entry.position)}.`));
  head.append(make("span", { class: "name" }, entry.model));
  if (entry.status === "FINISHED" && board) head.append(drawDetailsLink(entry, board));
  const request = make("li", { class: "request" }, head, make("p", { class: "facts" }, [...listSuite(entry, boards), ...listFacts(entry)].join(" · ")));
  if (entry.findings?.length) request.append(drawFindings(entry.findings));
  else if (entry.reason) request.append(make("p", { class: "reason" }, entry.reason));
  if (entry.log_tail) request.append(drawLog(entry));
  if (entry.status === "RUNNING") request.append(drawProgress(entry.benchmarks, titles));
  if (/^https?:\/\//.test(entry.run_url)) request.append(makeOutsideLink(entry.run_url, t("Run in Prefect")));
  return request;
}

/** Where there are several boards, or the suite has none, say which suite is meant. */
function listSuite({ suite }, boards) {
  const names = Object.keys(boards);
  const meant = suite || names[0];
  return names.length > 1 || !(meant in boards) ? [boards[meant]?.title ?? meant] : [];
}

function drawDetailsLink(entry, { folder }) {
  const parts = new URLSearchParams({ id: entry.model, sha: entry.sha8, precision: entry.precision });
  return make(
    "a",
    { class: "details", href: keepLanguage(sharedAddress(`${folder}model?${parts}`)), "data-key": `details ${entry.request}`, "aria-label": t("Scores of {model}", { model: entry.model }) },
    t("Scores"),
  );
}

function drawLog(entry) {
  const key = `log ${entry.request}`;
  return make(
    "details",
    { class: "log", "data-key": key },
    make("summary", { "data-key": `summary ${key}` }, t("End of the log")),
    make("pre", { tabindex: "0" }, entry.log_tail),
  );
}

function listFacts(entry) {
  const facts = [entry.sha8, entry.precision];
  if (entry.submitted_time) facts.push(t("submitted {time}", { time: formatTime(entry.submitted_time) }));
  if (entry.sender) facts.push(t("by {name}", { name: entry.sender }));
  if (entry.started_time) facts.push(t("started {time}", { time: formatTime(entry.started_time) }));
  if (entry.attempts > 1) facts.push(t("attempt {n}", { n: entry.attempts }));
  if (entry.priority) facts.push(t("priority {n}", { n: entry.priority }));
  if (entry.retry_after) facts.push(t("next attempt after {time}", { time: formatTime(entry.retry_after) }));
  if (entry.seconds_left != null) facts.push(tellEnd(entry.status, timeLeft(entry.seconds_left)));
  if (entry.code) facts.push(entry.code);
  return facts.filter(Boolean);
}

/** Say when a request is expected to be done: it runs, or waits. */
function tellEnd(status, duration) {
  return status === "RUNNING" ? t("about {duration} left", { duration }) : t("done in about {duration}", { duration });
}

function drawProgress(benchmarks, titles) {
  return make("ul", { class: "progress" }, ...Object.entries(benchmarks).map(([key, progress]) => drawBenchmark(titles[key] ?? key, progress)));
}

function drawBenchmark(title, { state, done, total, reason }) {
  const share = state === "done" ? 1 : total ? done / total : 0;
  const amount = total ? t("{done} of {total}", { done: formatNumber(done), total: formatNumber(total) }) : "";
  const row = make(
    "li",
    { class: state },
    make("span", { class: "benchmark" }, title),
    make("progress", { max: "1", value: String(share), "aria-label": title }),
    make("span", { class: "state" }, [t(STATES[state] ?? state), amount].filter(Boolean).join(" · ")),
  );
  if (reason) row.append(make("p", { class: "why" }, reason));
  return row;
}
