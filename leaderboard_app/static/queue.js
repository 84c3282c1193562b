// <queue-list>: every request in its group, searched by model and submitter, current without a reload.

import { readPart, writeParts } from "./address.js";
import { make } from "./dom.js";
import { formatNumber, keepLanguage, mark, t } from "./language.js";
import { follow } from "./live.js";
import { drawRequest } from "./queue-request.js";

const GROUPS = [
  { status: "RUNNING", title: mark("Running") },
  { status: "PENDING", title: mark("Pending") },
  { status: "FAILED", title: mark("Failed") },
  { status: "REJECTED", title: mark("Rejected") },
  { status: "CANCELLED", title: mark("Cancelled") },
  { status: "FINISHED", title: mark("Finished") },
];
const AT_ONCE = 50;
const WAIT_MILLISECONDS = 120;

class QueueList extends HTMLElement {
  connectedCallback() {
    if (this.unfollow) return;
    this.queue = null;
    this.shown = {};
    this.closed = new Set();
    this.status = readPart("status");
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.counts = make("ul", { class: "counts", "aria-label": t("Requests per group") });
    this.amount = make("p", { class: "amount", role: "status" });
    this.groups = make("div", {}, make("p", {}, t("Loading the queue …")));
    this.replaceChildren(this.problem, this.drawFilters(), this.counts, this.groups);
    this.unfollow = follow(
      "data/queue.json",
      (queue) => {
        this.queue = queue;
        this.draw();
      },
      (problem) => this.report(problem),
    );
  }

  disconnectedCallback() {
    this.unfollow();
    this.unfollow = null;
  }

  drawFilters() {
    this.search = drawField("search", "search", t("Search for a model"), () => this.filter());
    this.sender = drawField("text", "sender", t("Submitted by"), () => this.filter());
    this.senders = make("datalist", { id: "queue-senders" });
    this.sender.setAttribute("list", this.senders.id);
    return make("div", { class: "filters", role: "search" }, this.search, this.sender, this.senders, this.amount);
  }

  /** Show one group alone, or all again. */
  choose(status) {
    this.status = status === this.status ? "" : status;
    this.closed.delete(status);
    writeParts({ status: this.status });
    this.draw();
  }

  filter() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      writeParts({ search: this.search.value, sender: this.sender.value });
      this.shown = {};
      this.draw();
    }, WAIT_MILLISECONDS);
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
    const fitting = entries.filter(
      (entry) => entry.model.toLowerCase().includes(model) && entry.sender.toLowerCase().includes(sender),
    );
    const groups = GROUPS.map((group) => ({
      ...group,
      entries: fitting.filter((entry) => entry.status === group.status),
    }));
    const state = this.remember();
    const chosen = GROUPS.some(({ status }) => status === this.status) ? this.status : "";
    const shown = groups.filter(({ status, entries: members }) => members.length && (!chosen || status === chosen));
    this.counts.replaceChildren(...groups.map((group) => this.drawCount(group, chosen)));
    this.groups.replaceChildren(...shown.map((group) => this.drawGroup(group)));
    if (!shown.length) this.groups.replaceChildren(entries.length ? drawNoneFits() : drawEmpty());
    this.restore(state);
    this.amount.textContent = model || sender ? t("{shown} of {all} requests", { shown: formatNumber(fitting.length), all: formatNumber(entries.length) }) : "";
    const names = [...new Set(entries.map((entry) => entry.sender))].filter(Boolean).sort();
    this.senders.replaceChildren(...names.map((value) => make("option", { value })));
  }

  remember() {
    return {
      open: new Set([...this.groups.querySelectorAll("details[open][data-key]")].map((part) => part.dataset.key)),
      focused: this.contains(document.activeElement) ? document.activeElement.dataset.key : null,
    };
  }

  restore({ open, focused }) {
    for (const part of this.groups.querySelectorAll("details[data-key]")) {
      if (open.has(part.dataset.key)) part.open = true;
    }
    if (focused) this.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  drawCount({ status, title, entries }, chosen) {
    const number = make("strong", {}, formatNumber(entries.length));
    const pressed = String(status === chosen);
    const attributes = { type: "button", "data-key": `count ${status}`, "aria-pressed": pressed, onclick: () => this.choose(status) };
    const button = make("button", attributes, number, " ", t(title));
    button.disabled = !entries.length && status !== chosen;
    return make("li", { class: status.toLowerCase() }, button);
  }

  drawGroup({ status, title, entries }) {
    const shown = this.shown[status] ?? AT_ONCE;
    const group = make(
      "details",
      {
        id: status,
        class: "group",
        ontoggle: () => (group.open ? this.closed.delete(status) : this.closed.add(status)),
      },
      make(
        "summary",
        { "data-key": `group ${status}` },
        make("h2", {}, t(title)),
        make("span", { class: "amount" }, formatNumber(entries.length)),
      ),
      make("ul", { class: "requests" }, ...entries.slice(0, shown).map((entry) => drawRequest(entry, this.queue))),
    );
    group.open = !this.closed.has(status);
    if (entries.length > shown) {
      const more = make("button", { type: "button", class: "more", "data-key": `more ${status}` });
      more.textContent = t("Show {n} more", { n: formatNumber(Math.min(AT_ONCE, entries.length - shown)) });
      more.addEventListener("click", () => {
        this.shown[status] = shown + AT_ONCE;
        this.draw();
      });
      group.append(more);
    }
    return group;
  }
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
