// <model-page>: all that is known of one model, current without a reload.

import { ask } from "./ask.js";
import { make, makeFacts, makeOutsideLink } from "./dom.js";
import { typeMark } from "./icons.js";
import { keepLanguage, t } from "./language.js";
import { follow } from "./live.js";
import { drawNotice, noticesOf } from "./board/notices.js";
import { askQueue } from "./board/queued.js";
import { drawDocuments, drawFacts, drawRequests } from "./model-origin.js";
import { drawScores } from "./model-scores.js";
import { percent, points, share } from "./numbers.js";
import "./questions.js";
import { compareAddress, modelAddress } from "./reference.js";

class ModelPage extends HTMLElement {
  connectedCallback() {
    const named = new URLSearchParams(location.search);
    const parts = ["id", "sha", "precision", "weights", "chat"].filter((name) => named.get(name));
    this.query = new URLSearchParams(parts.map((name) => [name, named.get(name)]));
    this.problem = make("p", { class: "problem", role: "alert", hidden: "" });
    this.body = make("article", { class: "model" }, make("p", { role: "status" }, t("Loading …")));
    this.replaceChildren(this.problem, this.body);
    this.start();
  }

  disconnectedCallback() {
    this.unfollow?.();
  }

  /** Look once whether there is such a model, then follow it. */
  async start() {
    try {
      this.show(await ask(`data/model.json?${this.query}`));
    } catch (error) {
      if (error.status === 404 || error.status === 422) this.body.replaceChildren(drawUnknown(this.query.get("id") ?? ""));
      else this.report(error.message);
      if (error.status === 422) return;
    }
    if (!this.isConnected) return;
    this.unfollow = follow(`data/model.json?${this.query}`, (model) => this.show(model), (problem) => {
      if (this.model) this.report(problem);
    });
  }

  report(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem ?? "";
  }

  show(model) {
    this.report(null);
    const reference = this.model?.reference;
    const isSame = JSON.stringify(model) === JSON.stringify(this.model);
    this.model = model;
    if (isSame) return;
    // What the reader has opened below stays as it is when scores change.
    if (reference !== model.reference || !this.questions) {
      this.questions = make("question-browser");
      this.origin = make("div", {}, make("p", { role: "status" }, t("Loading …")));
      this.questions.start({ models: [model], benchmarks: model.scores, mayAdd: true });
    }
    this.body.replaceChildren(
      drawHead(model),
      ...noticesOf(model.notices, model.model).map(drawNotice),
      drawFigures(model),
      ...drawRemarks(model),
      drawScores(model),
      drawFacts(model),
      this.origin,
      ...drawOthers(model.others),
      this.questions,
    );
    this.showOrigin();
  }

  async showOrigin() {
    try {
      const { documents, requests } = await ask(`data/provenance.json?${this.query}`);
      this.origin.replaceChildren(drawDocuments(documents), drawRequests(requests));
    } catch (error) {
      this.origin.replaceChildren(make("p", { class: "quiet" }, t("The result documents cannot be read."), " ", error.message));
    }
  }
}

function drawHead(model) {
  const told = [typeMark(model.model_type), " ", t(model.model_type)];
  const names = model.former_names ?? [];
  if (names.length) told.push(" · ", t("formerly {names}", { names: names.join(", ") }));
  if (model.hub) told.push(" · ", makeOutsideLink(model.hub, t("model page on Hugging Face")));
  told.push(" · ", make("a", { href: compareAddress([model.reference]) }, t("Compare with other models")));
  told.push(" · ", make("button", { type: "button", class: "link", onclick: showQuestions }, t("See its answers")));
  return make("div", { class: "lead" }, make("h1", {}, model.model), make("p", {}, ...told));
}

function showQuestions() {
  const heading = document.querySelector("question-browser h2");
  heading.scrollIntoView();
  heading.focus({ preventScroll: true });
}

function drawFigures(model) {
  const scored = model.scores.filter((score) => score.score != null).length;
  const of = (number) => make("small", {}, t("of {n}", { n: number }));
  const entries = [
    [t("Average"), [percent(model.average, 2)]],
    [t("Rank"), model.rank == null ? ["—"] : [String(model.rank), " ", drawRange(model) ?? of(model.ranked)]],
    [t("Benchmarks"), [String(scored), " ", of(model.scores.length)]],
  ];
  if (model.better_than != null) {
    entries.push([t("Better than"), [share(model.better_than), " ", make("small", {}, t("of the others"))]]);
  }
  if (model.points_over_loglikelihood != null) {
    entries.push([t("Difference to log-likelihood"), [points(model.points_over_loglikelihood), " ", make("small", {}, t("points"))]]);
  }
  return makeFacts("figures", entries);
}

/** Draw between which ranks a model is; null on boards of earlier versions, which do not say it. */
function drawRange({ average__rank_low: low, average__rank_high: high }) {
  return low == null ? null : make("small", {}, t("with 95 % confidence {low} to {high}", { low, high }));
}

function drawRemarks(model) {
  const incomplete = t(
    "Incomplete: some benchmarks have no score. This model has no rank, and its average cannot be compared with that of other models.",
  );
  const unranked = t("This model has no rank: its marks say that its scores are not comparable.");
  if (model.rank != null) return [];
  return [make("p", { class: "remark" }, model.complete ? unranked : incomplete)];
}

function drawOthers(others) {
  if (!others.length) return [];
  const entries = others.map((other) => {
    const way = [other.precision, other.weight_type, other.use_chat_template ? t("with chat template") : "", other.enable_thinking ? t("with thinking") : ""];
    const link = make("a", { href: modelAddress(other) }, make("code", {}, other.sha.slice(0, 8)), ` ${way.filter(Boolean).join(" ")}`);
    const average = t("average {score}", { score: percent(other.average, 2) });
    return make("li", {}, link, ` · ${average}`, other.complete ? "" : ` (${t("incomplete")})`);
  });
  return [make("h2", {}, t("Other evaluations of this model")), make("ul", { class: "others" }, ...entries)];
}

/** Say that a model is not on the board, and what the queue knows of it. */
function drawUnknown(model) {
  const queued = make("div");
  askQueue(model).then((parts) => queued.replaceChildren(...parts));
  const way = make("p", {}, make("a", { href: keepLanguage("./") }, t("To the board")));
  return make("section", { class: "notice", role: "status" }, make("h1", {}, t("This model is not on the board")), queued, way);
}

customElements.define("model-page", ModelPage);
