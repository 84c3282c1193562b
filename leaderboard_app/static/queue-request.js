// One request of the queue: its status, why, what a person can do, and how far it is.

import { sharedAddress } from "./ask.js";
import { explainFailure, explainFinding } from "./codes.js";
import { formatTime, make, makeOutsideLink, withCode } from "./dom.js";
import { formatNumber, keepLanguage, mark, t } from "./language.js";
import { share, timeLeft } from "./numbers.js";
import { shareDone } from "./queue-overview.js";
import { drawFindings } from "./report.js";

const STATES = { waiting: mark("waiting"), running: mark("running"), done: mark("done"), failed: mark("failed") };

export const STATUSES = {
  RUNNING: mark("Running"),
  PENDING: mark("Pending"),
  FAILED: mark("Failed"),
  REJECTED: mark("Rejected"),
  CANCELLED: mark("Cancelled"),
  FINISHED: mark("Finished"),
};
const WHO = {
  author: mark("What the author can do:"),
  operator: mark("What the operators can do:"),
  nobody: mark("What happens next:"),
};

/** The columns by which requests are sorted; those of `wide` are on a phone in the details alone. */
export const COLUMNS = [
  { key: "model", title: mark("Model") },
  { key: "status", title: mark("Status") },
  { key: "precision", title: mark("Precision"), kind: "wide" },
  { key: "sender", title: mark("Submitted by"), kind: "wide" },
  { key: "submitted_time", title: mark("Submitted"), kind: "wide" },
  { key: "seconds_left", title: mark("Done in"), kind: "wide number" },
];

/**
 * Draw one entry of the queue as a row, and a second one with its details if it is open.
 *
 * `titles` name the benchmarks by key, and `boards` the suites.
 */
export function drawRequest(entry, { titles, boards }, { open, toggle }) {
  const key = `row ${entry.request}`;
  const attributes = { type: "button", class: "name", "data-key": key, "aria-expanded": String(open), onclick: () => toggle(!open) };
  const why = open ? "" : tellWhy(entry);
  const row = make(
    "tr",
    { class: `request ${entry.status.toLowerCase()}` },
    make("th", { scope: "row" }, make("button", attributes, entry.model), why ? make("p", { class: "why" }, why) : ""),
    make("td", { class: "status" }, tellStatus(entry)),
    make("td", { class: "wide" }, entry.precision),
    make("td", { class: "wide" }, entry.sender),
    make("td", { class: "wide" }, formatTime(entry.submitted_time)),
    make("td", { class: "wide number" }, entry.seconds_left == null ? "" : timeLeft(entry.seconds_left)),
  );
  if (!open) return [row];
  return [row, make("tr", { class: "more" }, make("td", { colspan: String(COLUMNS.length) }, ...drawDetails(entry, titles, boards)))];
}

function tellStatus(entry) {
  const done = entry.status === "RUNNING" ? shareDone(entry) : null;
  const more = entry.position != null ? `${formatNumber(entry.position)}.` : done != null ? share(done) : "";
  return [t(STATUSES[entry.status] ?? entry.status), more].filter(Boolean).join(" · ");
}

/** Say in one line why a request is where it is. */
export function tellWhy(entry) {
  if (entry.findings?.length) return entry.findings.map((finding) => explainFinding(finding) || finding.message).join(" ");
  return explainFailure(entry.code)?.says ?? entry.reason;
}

function drawDetails(entry, titles, boards) {
  const board = boards[entry.suite || Object.keys(boards)[0]];
  const facts = [...listSuite(entry, boards), ...listFacts(entry)].join(" · ");
  return [
    make("p", { class: "facts" }, facts),
    ...(entry.status === "FINISHED" && board ? [drawDetailsLink(entry, board)] : []),
    ...drawReasons(entry),
    ...(entry.log_tail ? [drawLog(entry)] : []),
    ...(entry.status === "RUNNING" ? [drawProgress(entry.benchmarks, titles)] : []),
    ...(/^https?:\/\//.test(entry.run_url) ? [makeOutsideLink(entry.run_url, t("Run in Prefect"))] : []),
  ];
}

/** Draw the findings, or the failure with what a person can do about it. */
function drawReasons(entry) {
  if (entry.findings?.length) return [drawFindings(entry.findings)];
  const reason = entry.reason ? [make("p", { class: "reason", lang: "en" }, entry.reason)] : [];
  const failure = explainFailure(entry.code);
  if (!failure) return reason;
  const advice = make("p", { class: "advice" }, make("strong", {}, t(WHO[failure.who])), " ", ...withCode(failure.advice));
  return [make("p", { class: "says" }, failure.says), ...reason, advice];
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
