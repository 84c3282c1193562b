// <question-browser>: the questions of a benchmark with the answers of one model, or of several.

import { readPart, readParts, writeParts } from "./address.js";
import { ask } from "./ask.js";
import { drawInterval, drawKey } from "./charts.js";
import { make } from "./dom.js";
import { formatNumber, mark, t } from "./language.js";
import { makePicker } from "./model-picker.js";
import { interval, percent } from "./numbers.js";
import { drawQuestion } from "./question-list.js";
import { makeTable, number } from "./tables.js";

const AT_ONCE = 20;
const PAUSE_MILLISECONDS = 200;
const SHOWS = [
  ["all", mark("All")],
  ["right", mark("Right")],
  ["wrong", mark("Wrong")],
  ["differ", mark("Models differ")],
];

class QuestionBrowser extends HTMLElement {
  /**
   * Show questions of these models (`reference`, `model`) and benchmarks (`key`, `title`).
   *
   * With `mayAdd` the reader may put another model beside the first. `show` is what is shown when
   * the address does not say, and the first benchmark whose answers are stored. What is chosen stands
   * in the address.
   */
  start({ models, benchmarks, mayAdd = false, show = "all" }) {
    this.models = models;
    this.usual = { benchmark: "", show };
    const asked = readPart("benchmark");
    this.state = {
      benchmark: benchmarks.some(({ key }) => key === asked) ? asked : "",
      show: readPart("show", show),
      subject: readPart("subject"),
      search: readPart("words"),
      page: Math.max(1, Number(readPart("page")) || 1),
      beside: mayAdd ? readParts("with") : [],
    };
    this.build(benchmarks, mayAdd);
    this.load();
  }

  build(benchmarks, mayAdd) {
    this.choice = make(
      "select",
      { "aria-label": t("Benchmark"), onchange: () => this.change({ benchmark: this.choice.value, subject: "" }) },
      ...benchmarks.map(({ key, title }) => make("option", { value: key }, title)),
    );
    if (this.state.benchmark) this.choice.value = this.state.benchmark;
    this.shows = make("div", { class: "shows", role: "group", "aria-label": t("Which questions") });
    this.words = make("input", {
      type: "search",
      placeholder: t("Search the questions"),
      "aria-label": t("Search number, choices, answers or subject"),
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.change({ search: this.words.value }), PAUSE_MILLISECONDS);
      },
    });
    this.words.value = this.state.search;
    this.status = make("p", { role: "status" });
    this.beside = make("div", { class: "beside" });
    this.subjects = make("div");
    this.list = make("ol", { class: "questions" });
    this.pages = make("nav", { class: "pages", "aria-label": t("Pages of questions") });
    this.mayAdd = mayAdd;
    this.replaceChildren(
      make("h2", { tabindex: "-1" }, t("Questions")),
      make("div", { class: "tools" }, this.choice, this.shows, this.words),
      this.beside,
      this.status,
      this.subjects,
      this.list,
      this.pages,
    );
    this.drawBeside();
  }

  /** Change what is shown, from its first page unless a page is named. */
  change(changes) {
    this.state = { ...this.state, page: 1, ...changes };
    const { benchmark, show, subject, search, page, beside } = this.state;
    writeParts({
      benchmark: benchmark === this.usual.benchmark ? null : benchmark,
      show: show === this.usual.show ? null : show,
      subject,
      words: search,
      page: page > 1 ? String(page) : null,
      ...(this.mayAdd ? { with: beside } : {}),
    });
    this.load();
  }

  async load() {
    this.asking?.abort();
    this.asking = new AbortController();
    const { benchmark, show, subject, search, page, beside } = this.state;
    const query = new URLSearchParams([
      ...this.models.map(({ reference }) => ["m", reference]),
      ...beside.map((reference) => ["m", reference]),
      ["benchmark", benchmark],
      ["show", show],
      ["subject", subject],
      ["search", search],
      ["offset", (page - 1) * AT_ONCE],
      ["limit", AT_ONCE],
    ]);
    try {
      this.draw(await ask(`data/questions.json?${query}`, this.asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") this.drawProblem(error.message);
    }
  }

  draw(found) {
    if (!this.state.benchmark) {
      this.state.benchmark = found.benchmark;
      this.usual.benchmark = found.benchmark;
      this.choice.value = found.benchmark;
    }
    if (!found.stored) {
      this.onfound?.(found);
      this.drawProblem(t("The answers of these models to this benchmark are not stored."));
      return;
    }
    const names = distinctNames(found.models);
    this.onfound?.(found);
    this.drawShows(found);
    this.drawBeside();
    const from = found.offset + 1;
    const to = found.offset + found.questions.length;
    const range = { from: formatNumber(from), to: formatNumber(to), total: formatNumber(found.total) };
    this.status.textContent = found.total ? t("{from} to {to} of {total} questions", range) : t("No question matches.");
    if (!found.shown) this.status.append(" ", t("This benchmark does not allow its questions to be shown. The list contains only their numbers."));
    this.drawSubjects(found, names);
    this.list.start = from;
    this.list.replaceChildren(...found.questions.map((question) => drawQuestion(question, names)));
    this.drawPages(found.total);
  }

  drawProblem(problem) {
    this.status.textContent = problem;
    for (const part of [this.list, this.pages, this.subjects, this.shows]) part.replaceChildren();
    this.drawBeside();
  }

  drawShows({ counts, models }) {
    const focused = this.shows.contains(document.activeElement) && document.activeElement.dataset.show;
    const isYesNo = counts.right + counts.wrong > 0;
    const offered = SHOWS.filter(([show]) => show === "all" || (show === "differ" ? models.length > 1 : isYesNo));
    const buttons = offered.map(([show, label]) =>
      make(
        "button",
        {
          type: "button",
          "data-show": show,
          "aria-pressed": String(show === this.state.show),
          onclick: () => this.change({ show }),
        },
        t(label),
        " ",
        make("small", {}, formatNumber(counts[show])),
      ),
    );
    this.shows.replaceChildren(...buttons);
    if (focused) this.shows.querySelector(`[data-show="${focused}"]`)?.focus();
  }

  /** Draw the field that puts another model beside the first, and the models that are there. */
  drawBeside() {
    if (!this.mayAdd) return;
    const [there] = this.state.beside;
    if ((this.besideDrawn ?? null) === (there ?? null) && this.beside.childNodes.length) return;
    this.besideDrawn = there ?? null;
    const add = (reference) => this.change({ beside: [reference], show: "differ" });
    const remove = make(
      "button",
      { type: "button", onclick: () => this.change({ beside: [], show: this.usual.show }) },
      t("Remove {model}", { model: there ? distinctNames([there])[0] : "" }),
    );
    this.beside.replaceChildren(there ? remove : makePicker(t("Add a model to compare"), t("Show where the models differ"), add));
  }

  drawSubjects({ subjects, models }, names) {
    const isOpen = this.subjects.querySelector("details")?.open ?? false;
    if (subjects.length < 2) {
      this.subjects.replaceChildren();
      return;
    }
    const several = models.length > 1;
    const decide = ({ alone }) => (several ? alone[1][0] + alone[1][1] : 0);
    const ordered = models.length === 2 ? [...subjects].sort((a, b) => decide(b) - decide(a)) : subjects;
    const rows = ordered.map((subject) => {
      const chosen = subject.key === this.state.subject;
      const filter = make(
        "button",
        {
          type: "button",
          class: "link",
          "aria-pressed": String(chosen),
          onclick: () => this.change({ subject: chosen ? "" : subject.key }),
        },
        subject.title.replaceAll("_", " "),
      );
      return make(
        "tr",
        { class: chosen ? "chosen" : null },
        make("th", { scope: "row" }, filter),
        ...subject.scores.map(({ score, low, high }) => number(percent(score), "score", interval(low, high))),
        ...(models.length === 2 ? subject.alone[1].map((alone) => number(formatNumber(alone))) : []),
        make("td", { class: "chart" }, drawInterval(subject.scores)),
        number(formatNumber(subject.n)),
      );
    });
    const heads = [
      [t("Subject"), ""],
      ...names.map((name) => [several ? name : t("Right, %"), "number"]),
      ...(models.length === 2 ? names.map((name) => [t("only {model} right", { model: name }), "number"]) : []),
      [t("0 – 100"), "chart"],
      [t("Questions"), "number"],
    ];
    const title = models.length === 2 ? t("The questions that decide it, by subject ({n})", { n: subjects.length }) : t("By subject ({n})", { n: subjects.length });
    const part = make(
      "details",
      { class: "subjects" },
      make("summary", {}, title),
      ...(several ? [drawKey(names)] : []),
      makeTable(title, heads, rows),
    );
    part.open = isOpen || several || Boolean(this.state.subject);
    this.subjects.replaceChildren(part);
  }

  drawPages(total) {
    const last = Math.max(1, Math.ceil(total / AT_ONCE));
    const { page } = this.state;
    const button = (label, target, usable) => {
      const made = make("button", { type: "button", onclick: () => this.turn(target) }, label);
      made.disabled = !usable;
      return made;
    };
    this.pages.replaceChildren(
      button(t("Previous"), page - 1, page > 1),
      make("span", {}, t("Page {n} of {last}", { n: formatNumber(page), last: formatNumber(last) })),
      button(t("Next"), page + 1, page < last),
    );
  }

  turn(page) {
    this.change({ page });
    this.status.scrollIntoView({ block: "nearest" });
  }
}

/** Return what to call models: their names, with the way they were evaluated where two are alike. */
export function distinctNames(references) {
  const names = references.map((reference) => reference.split("@").slice(0, -4).join("@") || reference);
  return names.map((name, place) => (names.filter((other) => other === name).length > 1 ? references[place] : name));
}

customElements.define("question-browser", QuestionBrowser);
