// A model's scores: the table with intervals, and the subjects of each group.

import { drawInterval } from "./charts.js";
import { make } from "./dom.js";
import { t } from "./language.js";
import { amount, interval, percent, points, share } from "./numbers.js";
import { makeTable, number } from "./tables.js";

/** Draw the scores of a model as `data/model.json` has them. */
export function drawScores(model) {
  return make(
    "section",
    {},
    make("h2", {}, t("Scores")),
    makeTable(
      t("Scores"),
      [
        [t("Benchmark"), ""],
        [t("Score"), "number"],
        [t("± SE"), "number"],
        [t("95 % interval"), "number"],
        [t("0 – 100"), "chart"],
        [t("Better than"), "number", t("Fraction of the board's other models that score lower")],
        [t("Normalised"), "number", t("0 is guessing, 100 is everything right")],
        [t("Questions"), "number"],
        [t("Guessing"), "number"],
      ],
      model.scores.map(drawRow),
    ),
    drawMarks(),
    drawInWords(model.scores.filter((score) => score.in_words)),
    ...model.scores.filter((score) => score.subjects.length).map(drawSubjects),
  );
}

function drawRow(score) {
  return make(
    "tr",
    { "data-key": score.key },
    make("th", { scope: "row" }, score.title, " ", make("small", {}, t("{n}-shot", { n: score.fewshot }))),
    number(percent(score.score, 2), "score"),
    number(percent(score.stderr, 2)),
    number(interval(score.low, score.high)),
    make("td", { class: "chart" }, drawInterval([score], score.baseline)),
    number(share(score.better_than)),
    number(percent(score.normalised)),
    number(amount(score.n)),
    number(percent(score.baseline)),
  );
}

/** Draw what became of the answers of a board on which models answer in words. */
function drawInWords(scores) {
  if (!scores.length) return "";
  const isCompared = scores.some((score) => score.points_over_loglikelihood != null);
  const rows = scores.map(({ key, title, score, in_words: words, points_over_loglikelihood: over }) =>
    make(
      "tr",
      { "data-key": key },
      make("th", { scope: "row" }, title),
      ...(isCompared ? [number(percent(score, 2), "score"), number(percent(byLoglikelihood(score, over), 2)), number(points(over))] : []),
      number(percent(words.strict, 2)),
      number(percent(words.read)),
      number(percent(words.unfinished)),
      number(amount(words.median_tokens)),
      number(amount(words.p95_tokens)),
    ),
  );
  const heads = [
    [t("Benchmark"), ""],
    ...(isCompared ? [[t("Answered"), "number"], [t("By log-likelihood"), "number"], [t("Difference to log-likelihood"), "number", t("Percentage points over the model's score by log-likelihood on the same questions")]] : []),
    [t("Strict accuracy"), "number", t("Only a last line of the form that was asked for counts")],
    [t("Read"), "number", t("Share of the answers from which a letter was read")],
    [t("Unfinished"), "number", t("Share of the answers that the limit ended, or that end within a thinking")],
    [t("Tokens, median"), "number"],
    [t("Tokens, 95 %"), "number", t("95 % of the answers have at most as many")],
  ];
  return make("section", { class: "in-words" }, make("h3", {}, t("Answers in words")), makeTable(t("Answers in words"), heads, rows));
}

/** Return the score of the same questions by log-likelihood: the board gives it as a difference, in percentage points. */
const byLoglikelihood = (score, over) => (over == null || score == null ? null : score - over / 100);

function drawMarks() {
  const swatch = (kind) => make("span", { class: `swatch ${kind}` });
  const parts = [swatch("point"), t("score"), swatch("range"), t("95 % interval"), swatch("guess"), t("guessing")];
  return make("p", { class: "key" }, ...parts.flatMap((part) => [part, " "]));
}

function drawSubjects(group) {
  const bare = (subject) => subject.title.replace(`${group.title}: `, "");
  const rows = group.subjects.map((subject) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, bare(subject)),
      number(percent(subject.score), "score"),
      number(percent(subject.stderr)),
      make("td", { class: "chart" }, drawInterval([subject], group.baseline)),
      number(amount(subject.n)),
    ),
  );
  const heads = [
    [t("Subject"), ""],
    [t("Score"), "number"],
    [t("± SE"), "number"],
    [t("0 – 100"), "chart"],
    [t("Questions"), "number"],
  ];
  const title = t("{n} subjects of {title}", { n: group.subjects.length, title: group.title });
  return make("details", { class: "subjects" }, make("summary", {}, title), makeTable(title, heads, rows));
}
