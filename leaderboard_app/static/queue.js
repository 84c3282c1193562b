// <queue-list>: every request in its group, current without a reload.

import { formatTime, make, makeOutsideLink } from "./dom.js";
import { follow } from "./live.js";

const GROUPS = [
  { status: "RUNNING", title: "Running" },
  { status: "PENDING", title: "Pending" },
  { status: "FAILED", title: "Failed" },
  { status: "REJECTED", title: "Rejected" },
  { status: "CANCELLED", title: "Cancelled" },
  { status: "FINISHED", title: "Finished" },
];

class QueueList extends HTMLElement {
  connectedCallback() {
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.counts = make("ul", { class: "counts", role: "status", "aria-label": "Requests per group" });
    this.groups = make("div", {}, make("p", {}, "Loading the queue …"));
    this.replaceChildren(this.problem, this.counts, this.groups);
    this.unfollow = follow("data/queue.json", (queue) => this.show(queue), (problem) => this.report(problem));
  }

  disconnectedCallback() {
    this.unfollow();
  }

  report(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem ? `${problem} Trying again every few seconds.` : "";
  }

  show({ entries, titles }) {
    const closed = new Set([...this.querySelectorAll("details:not([open])")].map((group) => group.id));
    const groups = GROUPS.map((group) => ({
      ...group,
      entries: entries.filter((entry) => entry.status === group.status),
    }));
    this.counts.replaceChildren(...groups.map(drawCount));
    const filled = groups.filter((group) => group.entries.length);
    this.groups.replaceChildren(...filled.map((group) => drawGroup(group, titles, !closed.has(group.status))));
    if (!filled.length) this.groups.replaceChildren(drawEmpty());
  }
}

function drawCount({ status, title, entries }) {
  const number = make("strong", {}, entries.length.toLocaleString("en"));
  const label = entries.length ? make("a", { href: `queue#${status}` }, title) : make("span", {}, title);
  return make("li", { class: status.toLowerCase() }, number, " ", label);
}

function drawGroup({ status, title, entries }, titles, open) {
  const group = make(
    "details",
    { id: status, class: "group" },
    make("summary", {}, make("h2", {}, title), make("span", { class: "amount" }, entries.length.toLocaleString("en"))),
    make("ul", { class: "requests" }, ...entries.map((entry) => drawRequest(entry, titles))),
  );
  group.open = open;
  return group;
}

function drawRequest(entry, titles) {
  const name = make("span", { class: "name" }, entry.model);
  const head = make("div", { class: "head" });
  if (entry.position != null) head.append(make("span", { class: "position" }, `${entry.position}.`));
  head.append(name);
  if (entry.status === "FINISHED") head.append(drawDetailsLink(entry));
  const request = make("li", { class: "request" }, head, make("p", { class: "facts" }, listFacts(entry).join(" · ")));
  if (entry.reason) request.append(make("p", { class: "reason" }, entry.reason));
  if (entry.status === "RUNNING") request.append(drawProgress(entry.benchmarks, titles));
  if (/^https?:\/\//.test(entry.run_url)) request.append(makeOutsideLink(entry.run_url, "Run in Prefect"));
  return request;
}

function drawDetailsLink(entry) {
  const parts = new URLSearchParams({ id: entry.model, sha: entry.sha8, precision: entry.precision });
  return make(
    "a",
    { class: "details", href: `model?${parts}`, title: "Details", "aria-label": `Details of ${entry.model}` },
    "📄",
  );
}

function listFacts(entry) {
  const facts = [entry.sha8, entry.precision];
  if (entry.submitted_time) facts.push(`submitted ${formatTime(entry.submitted_time)}`);
  if (entry.sender) facts.push(`by ${entry.sender}`);
  if (entry.started_time) facts.push(`started ${formatTime(entry.started_time)}`);
  if (entry.attempts > 1) facts.push(`attempt ${entry.attempts}`);
  return facts.filter(Boolean);
}

function drawProgress(benchmarks, titles) {
  const rows = Object.entries(benchmarks).map(([key, progress]) => {
    const title = titles[key] ?? key;
    const { state, done, total, reason } = progress;
    const share = state === "done" ? 1 : total ? done / total : 0;
    const amount = total ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : "";
    return make(
      "li",
      { class: state, title: reason || null },
      make("span", { class: "benchmark" }, title),
      make("progress", { max: "1", value: String(share), "aria-label": title }),
      make("span", { class: "state" }, [state, amount].filter(Boolean).join(" · ")),
    );
  });
  return make("ul", { class: "progress" }, ...rows);
}

function drawEmpty() {
  return make(
    "section",
    { class: "notice" },
    make("h2", {}, "The queue is empty"),
    make("p", {}, "Nothing was submitted yet. ", make("a", { href: "submit" }, "Submit a model"), "."),
  );
}

customElements.define("queue-list", QueueList);
