// <queue-list>: every request as a row, sorted and searched, current without a reload, and the queue as a whole.

import { readPart, writeParts } from "./address.js";
import { ask, sharedAddress } from "./ask.js";
import { explainFailure } from "./codes.js";
import { make, makeFacts } from "./dom.js";
import { formatNumber, keepLanguage, t } from "./language.js";
import { follow } from "./live.js";
import { timeLeft } from "./numbers.js";
import { sortEntries, summarise } from "./queue-overview.js";
import { COLUMNS, drawRequest, STATUSES } from "./queue-request.js";

const AT_ONCE = 50;
const FEW = 3;
const WAIT_MILLISECONDS = 120;
const HEALTH_MILLISECONDS = 30_000;

class QueueList extends HTMLElement {
  connectedCallback() {
    if (this.unfollow) return;
    this.queue = null;
    this.shown = AT_ONCE;
    this.opened = new Map();
    this.health = {};
    this.status = readPart("status");
    this.code = readPart("code");
    this.sort = readPart("sort");
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.counts = make("ul", { class: "counts", "aria-label": t("Requests per group") });
    this.amount = make("p", { class: "amount", role: "status" });
    this.overview = make("div");
    this.rows = make("div", {}, make("p", {}, t("Loading the queue …")));
    this.replaceChildren(this.problem, this.counts, this.overview, this.drawFilters(), this.rows);
    this.unfollow = follow(
      "data/queue.json",
      (queue) => this.take(queue),
      (problem) => this.report(problem),
    );
    this.askHealth();
    this.asking = setInterval(() => this.askHealth(), HEALTH_MILLISECONDS);
  }

  disconnectedCallback() {
    this.unfollow();
    this.unfollow = null;
    clearInterval(this.asking);
  }

  take(queue) {
    this.queue = queue;
    this.draw();
  }

  async askHealth() {
    this.health = await ask(sharedAddress("health")).catch(() => ({}));
    this.draw();
  }

  drawFilters() {
    this.search = drawField("search", "search", t("Search for a model"), () => this.filter());
    this.sender = drawField("text", "sender", t("Submitted by"), () => this.filter());
    this.senders = make("datalist", { id: "queue-senders" });
    this.sender.setAttribute("list", this.senders.id);
    this.feed = make("a", { class: "feed" }, t("as a feed"));
    return make("div", { class: "filters", role: "search" }, this.search, this.sender, this.senders, this.amount, this.feed);
  }

  /** Show what has one value alone, or all again. */
  choose(name, value) {
    this[name] = value === this[name] ? "" : value;
    if (name === "status") this.code = "";
    this.show({ status: this.status, code: this.code });
  }

  order(key) {
    this.sort = this.sort === key ? `-${key}` : this.sort === `-${key}` ? "" : key;
    this.show({ sort: this.sort });
  }

  filter() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show({ search: this.search.value, sender: this.sender.value }), WAIT_MILLISECONDS);
  }

  show(parts) {
    writeParts(parts);
    this.shown = AT_ONCE;
    this.draw();
  }

  report(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem ? `${problem} ${t("This page tries again every few seconds.")}` : "";
  }

  /** Draw what fits the filters; what a reader opened, closed or focused stays so. */
  draw() {
    if (!this.queue) return;
    const { entries } = this.queue;
    const model = this.search.value.trim().toLowerCase();
    const sender = this.sender.value.trim().toLowerCase();
    const named = entries.filter(
      (entry) => entry.model.toLowerCase().includes(model) && entry.sender.toLowerCase().includes(sender),
    );
    const chosen = this.status in STATUSES ? this.status : "";
    const fitting = named.filter(
      (entry) => (!chosen || entry.status === chosen) && (!this.code || (entry.code || "error") === this.code),
    );
    const state = this.remember();
    this.counts.replaceChildren(...Object.keys(STATUSES).map((status) => this.drawCount(status, named, chosen)));
    this.drawOverview();
    this.rows.replaceChildren(...(fitting.length ? this.drawTable(fitting) : [entries.length ? drawNoneFits() : drawEmpty()]));
    this.restore(state);
    const isPart = fitting.length < entries.length;
    this.amount.textContent = isPart ? t("{shown} of {all} requests", { shown: formatNumber(fitting.length), all: formatNumber(entries.length) }) : "";
    this.feed.href = `data/queue.atom?${new URLSearchParams(this.sender.value.trim() ? { sender: this.sender.value.trim() } : {})}`;
    const names = [...new Set(entries.map((entry) => entry.sender))].filter(Boolean).sort();
    this.senders.replaceChildren(...names.map((value) => make("option", { value })));
  }

  remember() {
    const open = [...this.rows.querySelectorAll("details[open]")].map((part) => part.dataset.key);
    return { open, focused: this.contains(document.activeElement) ? document.activeElement.dataset.key : null };
  }

  restore({ open, focused }) {
    for (const part of this.rows.querySelectorAll("details")) part.open = open.includes(part.dataset.key);
    if (focused) this.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  drawCount(status, named, chosen) {
    const amount = named.filter((entry) => entry.status === status).length;
    const attributes = {
      type: "button",
      "data-key": `count ${status}`,
      "aria-pressed": String(status === chosen),
      onclick: () => this.choose("status", status),
    };
    const button = make("button", attributes, make("strong", {}, formatNumber(amount)), " ", t(STATUSES[status]));
    button.disabled = !amount && status !== chosen;
    return make("li", { class: status.toLowerCase() }, button);
  }

  /** What concerns whoever runs the board. */
  drawOverview() {
    const now = Date.now();
    const { secondsLeft, oldest, perDay, failures, changed } = summarise(this.queue.entries, now);
    const ago = (time) => t("{duration} ago", { duration: timeLeft(Math.max(0, now - Date.parse(time)) / 1000) });
    const facts = [
      [t("All done in about"), secondsLeft == null ? "" : timeLeft(secondsLeft)],
      [t("Oldest waiting"), oldest && ago(oldest)],
      [t("Finished a day, last week"), perDay ? formatNumber(perDay, perDay < 10 ? 1 : 0) : ""],
      [t("Last change of the queue"), changed && ago(changed)],
      [t("Board built"), this.health.built_at && ago(this.health.built_at)],
      [t("Workers alive"), tellWorkers(this.health)],
    ].filter(([, value]) => value);
    if (failures.length) facts.push([t("Failures by reason"), failures.map((failure) => this.drawReason(failure))]);
    this.overview.replaceChildren(makeFacts("overview", facts));
  }

  drawReason([code, amount]) {
    const attributes = { type: "button", "data-key": `code ${code}`, "aria-pressed": String(code === this.code), onclick: () => this.choose("code", code) };
    return make("button", attributes, explainFailure(code)?.says ?? code, " ", make("strong", {}, formatNumber(amount)));
  }

  drawTable(fitting) {
    const key = this.sort.replace("-", "");
    const sorted = COLUMNS.some((column) => column.key === key) ? sortEntries(fitting, key, this.sort.startsWith("-")) : fitting;
    const heads = COLUMNS.map((column) => this.drawHead(column));
    const rows = sorted.slice(0, this.shown).flatMap((entry) => drawRequest(entry, this.queue, {
      open: this.opened.get(entry.request) ?? fitting.length <= FEW,
      toggle: (open) => {
        this.opened.set(entry.request, open);
        this.draw();
      },
    }));
    const table = make("table", { class: "requests" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
    const scroll = make("div", { class: "scroll", role: "region", "aria-label": t("Queue"), tabindex: "0" }, table);
    return sorted.length > this.shown ? [scroll, this.drawMore(sorted.length)] : [scroll];
  }

  drawHead({ key, title, kind }) {
    const order = { [key]: "ascending", [`-${key}`]: "descending" }[this.sort] ?? "none";
    const sign = { ascending: " ▲", descending: " ▼" }[order] ?? "";
    const button = make("button", { type: "button", "data-key": `head ${key}`, onclick: () => this.order(key) }, t(title) + sign);
    return make("th", { scope: "col", class: kind || null, "aria-sort": order }, button);
  }

  drawMore(all) {
    const more = make("button", { type: "button", class: "more", "data-key": "more" });
    more.textContent = t("Show {n} more", { n: formatNumber(Math.min(AT_ONCE, all - this.shown)) });
    more.addEventListener("click", () => {
      this.shown += AT_ONCE;
      this.draw();
    });
    return more;
  }
}

/** Say how many machines work on the queue, or since when none does; nothing where the viewer cannot see it. */
function tellWorkers({ workers, seconds_since_worker: since }) {
  if (workers == null) return "";
  return workers ? formatNumber(workers) : t("none for {duration}", { duration: timeLeft(since) });
}

function drawField(type, name, label, oninput) {
  return make("input", {
    type,
    name,
    "aria-label": label,
    placeholder: label,
    value: readPart(name),
    autocomplete: "off",
    oninput,
  });
}

function drawNoneFits() {
  return make("section", { class: "notice" }, make("h2", {}, t("No request matches")), make("p", {}, t("Try another model or submitter.")));
}

function drawEmpty() {
  return make(
    "section",
    { class: "notice" },
    make("h2", {}, t("The queue is empty")),
    make("p", {}, t("No model has been submitted yet."), " ", make("a", { href: keepLanguage("submit") }, t("Submit a model"))),
  );
}

customElements.define("queue-list", QueueList);
