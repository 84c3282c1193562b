// <compare-page>: two to six models side by side; the others are compared with the first.

import { readPart, readParts, writeParts } from "./address.js";
import { ask } from "./ask.js";
import { drawInterval, drawSample } from "./charts.js";
import { make } from "./dom.js";
import { t } from "./language.js";
import { makePicker } from "./model-picker.js";
import { amount, interval, parameters, percent, points, signed } from "./numbers.js";
import { distinctNames } from "./questions.js";
import { modelAddress } from "./reference.js";
import { makeTable } from "./tables.js";
import { askApart, tellVerdict } from "./verdict.js";

const MAX_MODELS = 6;

class ComparePage extends HTMLElement {
  connectedCallback() {
    this.references = readParts("m").slice(0, MAX_MODELS);
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.chosen = make("ul", { class: "chosen-models", "aria-label": t("Models compared") });
    this.picker = make("div");
    this.verdict = make("section", { class: "verdicts", "aria-live": "polite" });
    this.body = make("article", { class: "model" });
    this.replaceChildren(
      make("div", { class: "lead" }, make("h1", {}, t("Compare")), make("p", {}, t("Two to six models, question by question."))),
      this.chosen,
      this.picker,
      this.problem,
      this.body,
    );
    this.load();
  }

  disconnectedCallback() {
    this.asking?.abort();
  }

  /** Choose other models; what is wrong with them is said, and nothing changes. */
  async choose(references) {
    if (await this.load(references)) writeParts({ m: this.references, with: null });
  }

  async load(references = this.references) {
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.report("");
    if (!references.length) {
      this.references = [];
      this.drawChosen([]);
      this.body.replaceChildren(drawInvitation());
      return true;
    }
    try {
      const query = new URLSearchParams(references.map((reference) => ["m", reference]));
      const found = await ask(`data/compare.json?${query}`, signal);
      const rows = found.models.map(({ reference }) => reference);
      this.references = [...new Set(rows)];
      if (this.references.length < rows.length) return this.load(this.references);
      this.show(found, signal);
      return true;
    } catch (error) {
      if (error.name === "AbortError") return false;
      this.report(error.status === 404 ? t("The board has no such model. Choose a suggested one.") : error.message);
      if (!this.body.childNodes.length) {
        this.drawChosen([]);
        this.body.replaceChildren(drawInvitation());
      }
      return false;
    }
  }

  report(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem;
  }

  show(found, signal) {
    this.drawChosen(found.models);
    if (found.models.length < 2) {
      this.body.replaceChildren(drawInvitation());
      return;
    }
    const names = distinctNames(this.references);
    const cells = new Map();
    const browser = make("question-browser");
    this.judged = null;
    this.verdict.replaceChildren();
    browser.start({ models: found.models, benchmarks: found.benchmarks, show: "differ" });
    this.body.replaceChildren(
      this.verdict,
      make("h2", {}, t("Scores")),
      drawTable(found, names, cells),
      make("p", { class: "quiet" }, explain()),
      browser,
    );
    this.refine(found, cells, signal);
    browser.onfound = ({ benchmark, differences }) => this.judge(found, names, benchmark, differences, signal);
  }

  /** Say in sentences how the other models differ from the first on a benchmark. */
  async judge(found, names, key, paired, signal) {
    const benchmark = found.benchmarks.find((one) => one.key === key);
    const query = new URLSearchParams([...this.references.map((reference) => ["m", reference]), ["benchmark", key]]);
    for (const part of ["among", "built"]) if (readPart(part)) query.set(part, readPart(part));
    if (this.judged === String(query)) return;
    this.judged = String(query);
    const { models, apart } = await askApart(query, signal);
    if (signal.aborted) return;
    const sentences = names.slice(1).map((name, place) => {
      const difference = paired?.[place + 1] ?? benchmark.differences[place + 1];
      return difference && make("p", {}, ...tellVerdict([names[0], name], difference, { models, apart: apart[place + 1] }));
    });
    this.verdict.replaceChildren(make("h2", {}, t("On {title}", { title: benchmark.title })), ...sentences.filter(Boolean));
  }

  drawChosen(models) {
    const names = distinctNames(models.map(({ reference }) => reference));
    const entries = models.map((model, place) => {
      const others = this.references.filter((reference) => reference !== model.reference);
      const link = make("a", { href: modelAddress(model) }, names[place]);
      const remove = makeButton("×", t("Remove {model}", { model: names[place] }), () => this.choose(others));
      const parts = [drawSample(place), link];
      if (place === 0) parts.push(make("small", {}, t("Baseline")));
      else parts.push(makeButton(t("Make baseline"), t("Make {model} the baseline", { model: names[place] }), () => this.choose([model.reference, ...others])));
      return make("li", {}, ...parts, remove);
    });
    this.chosen.replaceChildren(...entries);
    const add = (reference) => this.choose([...this.references, reference]);
    const isFull = models.length >= MAX_MODELS;
    this.picker.replaceChildren(isFull ? t("You can compare at most six models.") : makePicker(t("Name of a model"), t("Add"), add));
  }

  /** Replace the differences of scores by those of the questions, which are known better. */
  async refine(found, cells, signal) {
    for (const benchmark of found.benchmarks) {
      const query = new URLSearchParams(this.references.map((reference) => ["m", reference]));
      query.set("benchmark", benchmark.key);
      query.set("limit", "0");
      try {
        const { differences = [] } = await ask(`data/questions.json?${query}`, signal);
        differences.forEach((difference, side) => {
          if (difference) cells.get(`${benchmark.key} ${side}`)?.replaceChildren(...drawDifference(difference));
        });
      } catch (error) {
        // Without their answers the differences stay those of the scores.
        if (error.name === "AbortError") return;
      }
    }
  }
}

function drawTable(found, names, cells) {
  const heads = [
    [t("Benchmark"), ""],
    ...names.map((name) => [breakable(name), "number"]),
    [t("0 – 100"), "chart"],
  ];
  const rows = [
    drawFacts(t("Rank"), found.models, (model) => amount(model.rank)),
    drawFacts(t("Average"), found.models, (model) => percent(model.average, 2)),
    drawFacts(t("Parameters"), found.models, (model) => parameters(model.params_billion)),
    drawFacts(t("Precision"), found.models, (model) => model.precision ?? "—"),
    drawFacts(t("Type"), found.models, (model) => t(model.model_type)),
    ...found.benchmarks.map((benchmark) => drawBenchmark(benchmark, cells)),
  ];
  return makeTable(t("Scores"), heads, rows);
}

/** Let a name break after its organisation, where it is too wide. */
function breakable(name) {
  const end = name.indexOf("/") + 1;
  return make("span", {}, name.slice(0, end), make("wbr"), name.slice(end));
}

function drawFacts(label, models, write) {
  const cells = models.map((model) => make("td", { class: "number" }, write(model)));
  return make("tr", {}, make("th", { scope: "row" }, label), ...cells, make("td"));
}

function drawBenchmark(benchmark, cells) {
  const drawn = benchmark.scores.map(({ score, stderr, low, high, points_over_loglikelihood: over }, side) => {
    const difference = make("div", { class: "difference" }, ...drawDifference(benchmark.differences[side]));
    cells.set(`${benchmark.key} ${side}`, difference);
    const error = stderr == null ? "" : make("small", {}, ` ±${percent(stderr)}`);
    return make(
      "td",
      { class: "number", title: `${t("95 % interval")} ${interval(low, high)}` },
      make("span", { class: "score" }, percent(score, 2)),
      error,
      ...(over == null ? [] : [make("small", { class: "words" }, t("{n} by log-likelihood: {points}", { n: percent(score - over / 100, 2), points: points(over) }))]),
      difference,
    );
  });
  const chart = make("td", { class: "chart" }, drawInterval(benchmark.scores, benchmark.baseline));
  return make("tr", { "data-key": benchmark.key }, make("th", { scope: "row" }, benchmark.title), ...drawn, chart);
}

/** Draw a difference to the first model, and whether its interval leaves 0 out. */
function drawDifference(difference) {
  if (!difference) return [];
  const { value, low, high, paired } = difference;
  const verdict = low > 0 ? ["higher", "▲", t("higher")] : high < 0 ? ["lower", "▼", t("lower")] : ["alike", "≈", t("no significant difference")];
  const [kind, sign, text] = verdict;
  const how = paired ? t("from the same questions") : t("from the scores only");
  return [
    make(
      "span",
      { class: `verdict ${kind}`, title: how, "data-paired": String(paired) },
      make("span", { role: "img", "aria-label": text }, sign),
      ` ${signed(value)} `,
      make("small", {}, `[${signed(low)}, ${signed(high)}]`),
    ),
  ];
}

function drawInvitation() {
  return make(
    "section",
    { class: "notice", role: "status" },
    make("h2", {}, t("Choose models to compare")),
    make("p", {}, t("Choose two to six models. You can also pin rows on the board and compare them.")),
  );
}

function explain() {
  return t(
    "Differences from the baseline in percentage points, with their 95 % intervals. ▲ higher, ▼ lower, ≈ no significant difference on this benchmark. If the answers are stored, the interval is computed from the questions that both models answered, which makes it narrower.",
  );
}

function makeButton(text, label, press) {
  return make("button", { type: "button", "aria-label": label, title: label, onclick: press }, text);
}

customElements.define("compare-page", ComparePage);
