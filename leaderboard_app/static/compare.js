// <compare-page>: two to six models side by side; the others are compared with the first.

import { readParts, writeParts } from "./address.js";
import { ask } from "./ask.js";
import { drawInterval, drawKey, drawRadar } from "./charts.js";
import { make } from "./dom.js";
import { t } from "./language.js";
import { makePicker } from "./model-picker.js";
import { amount, interval, parameters, percent, signed } from "./numbers.js";
import { distinctNames } from "./questions.js";
import { modelAddress } from "./reference.js";
import { makeTable } from "./tables.js";

const MAX_MODELS = 6;
const MIN_AXES = 3;
const MAX_AXES = 24;

class ComparePage extends HTMLElement {
  connectedCallback() {
    this.references = readParts("m").slice(0, MAX_MODELS);
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.chosen = make("ul", { class: "chosen-models", "aria-label": t("Models compared") });
    this.picker = make("div");
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
    browser.start({ models: found.models, benchmarks: found.benchmarks, show: "differ" });
    this.body.replaceChildren(
      make("h2", {}, t("Scores")),
      drawTable(found, names, cells),
      make("p", { class: "quiet" }, explain()),
      ...drawProfile(found.benchmarks, names),
      browser,
    );
    this.refine(found, cells, signal);
  }

  drawChosen(models) {
    const names = distinctNames(models.map(({ reference }) => reference));
    const entries = models.map((model, place) => {
      const others = this.references.filter((reference) => reference !== model.reference);
      const link = make("a", { href: modelAddress(model) }, names[place]);
      const remove = makeButton("×", t("Remove {model}", { model: names[place] }), () => this.choose(others));
      const parts = [make("span", { class: `swatch-${place + 1}`, "aria-hidden": "true" }), link];
      if (place === 0) parts.push(make("small", {}, t("the other models are compared with it")));
      else parts.push(makeButton(t("First"), t("First: compare with {model}", { model: names[place] }), () => this.choose([model.reference, ...others])));
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
    ...names.map((name) => [name, "number"]),
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

function drawFacts(label, models, write) {
  const cells = models.map((model) => make("td", { class: "number" }, write(model)));
  return make("tr", {}, make("th", { scope: "row" }, label), ...cells, make("td"));
}

function drawBenchmark(benchmark, cells) {
  const drawn = benchmark.scores.map(({ score, stderr, low, high }, side) => {
    const difference = make("div", { class: "difference" }, ...drawDifference(benchmark.differences[side]));
    cells.set(`${benchmark.key} ${side}`, difference);
    const error = stderr == null ? "" : make("small", {}, ` ±${percent(stderr)}`);
    return make(
      "td",
      { class: "number", title: `${t("95 % interval")} ${interval(low, high)}` },
      make("span", { class: "score" }, percent(score, 2)),
      error,
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

function drawProfile(benchmarks, names) {
  const known = benchmarks.filter(({ scores }) => scores.some(({ score }) => score != null));
  if (known.length < MIN_AXES || known.length > MAX_AXES) return [];
  const series = names.map((name, side) => ({ name, values: known.map(({ scores }) => scores[side].score) }));
  const radar = drawRadar(known.map(({ title }) => title), series, t("Radar of the scores in the table above"));
  return [make("figure", { class: "profile", tabindex: "0", "aria-label": t("Profile") }, radar, make("figcaption", {}, drawKey(names)))];
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
    "Differences from the first model in percentage points, with their 95 % intervals. ▲ higher, ▼ lower, ≈ no significant difference on this benchmark. If the answers are stored, the interval is computed from the questions that both models answered, which makes it narrower.",
  );
}

function makeButton(text, label, press) {
  return make("button", { type: "button", "aria-label": label, title: label, onclick: press }, text);
}

customElements.define("compare-page", ComparePage);
