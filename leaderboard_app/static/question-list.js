// One question with the answers of one model, or of several beside each other.

import { make, makeFacts } from "./dom.js";
import { formatNumber, mark, t } from "./language.js";
import { percent } from "./numbers.js";

/** Draw a question as `data/questions.json` has it; `names` are those of the models. */
export function drawQuestion(question, names) {
  const facts = [make("span", { class: "id" }, `#${question.id}`)];
  if (question.subject) facts.push(make("span", {}, question.subject.replaceAll("_", " ")));
  facts.push(make("code", { title: question.hash }, question.hash.slice(0, 12)));
  const verdicts = question.correct.map((correct, side) => drawVerdict(correct, names.length > 1 ? names[side] : ""));
  const head = make("p", { class: "question-head" }, ...facts, ...verdicts);
  const parts = question.answers ? [drawPrompt(question.prompt), ...drawAnswers(question, names)] : [];
  return make("li", { class: "question" }, head, ...parts);
}

function drawVerdict(correct, name) {
  if (correct == null) return "";
  const [kind, sign, text] = correct ? ["right", "✓", t("right")] : ["wrong", "✗", t("wrong")];
  return make("span", { class: `verdict ${kind}` }, make("span", { "aria-hidden": "true" }, `${sign} `), [name, text].filter(Boolean).join(": "));
}

function drawPrompt(prompt) {
  if (!prompt) return "";
  if (prompt.text != null) return make("pre", { class: "prompt", tabindex: "0", "aria-label": t("Question") }, prompt.text);
  const said = Object.entries(prompt.fields).filter(([, value]) => value && value !== "null");
  const attributes = { class: "prompt", role: "group", tabindex: "0", "aria-label": t("Question") };
  return make("div", attributes, makeFacts("fields", said));
}

function drawAnswers(question, names) {
  if (question.choices.length) return [drawChoices(question, names), ...drawOutside(question)];
  return [make("div", { class: "outputs" }, ...drawTarget(question), ...question.answers.map((answer, side) => drawOutput(answer, names[side])))];
}

/** Draw the choices: which is right, and how each model spreads its probability over them. */
function drawChoices(question, names) {
  const golds = new Set(question.choices.includes(question.target) ? [question.target] : (question.target ?? "").split(", "));
  const columns = names.map((name) => make("th", { scope: "col", class: "number" }, names.length > 1 ? name : t("Probability")));
  const rows = question.choices.map((choice, place) => {
    const marks = [];
    if (golds.has(choice)) marks.push(make("span", { class: "gold" }, t("correct answer")));
    const cells = question.answers.map((answer) => drawProbability(answer, choice, place));
    return make("tr", { class: golds.has(choice) ? "is-gold" : null }, make("th", { scope: "row" }, choice, " ", ...marks), ...cells);
  });
  const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("Choice")), ...columns));
  const table = make("table", { class: "choices" }, head, make("tbody", {}, ...rows));
  return make("div", { class: "scroll", role: "group", "aria-label": t("Choices"), tabindex: "0" }, table);
}

function drawProbability(answer, choice, place) {
  const share = answer.probabilities[place];
  const loglikelihood = answer.loglikelihoods[place];
  const isPick = answer.answer === choice;
  const bar = make("span", { class: "probability", "aria-hidden": "true" }, make("i"));
  bar.firstChild.style.width = `${100 * (share ?? 0)}%`;
  const title = loglikelihood == null ? null : t("log-likelihood {n}", { n: formatNumber(loglikelihood, 3) });
  const marks = isPick ? [make("span", { class: "pick" }, t("model's answer"))] : [];
  return make("td", { class: "number", title }, ...marks, " ", share == null ? "—" : `${percent(share)} %`, bar);
}

const ENDS = { eos: mark("ended by itself"), stop: mark("ended by a stop text"), length: mark("ended by the limit") };

/** Say by which rule an answer was read, how it ended and how long it is. */
function tellReading({ rule, state, extracted, ended, tokens }) {
  const said = [];
  if (rule) said.push(t("by the rule {rule}", { rule: rule.replaceAll("_", " ") }));
  if (state && state !== extracted) said.push(state.replaceAll("_", " "));
  if (ended) said.push(t(ENDS[ended] ?? ended));
  if (tokens != null) said.push(t("{n} tokens", { n: formatNumber(tokens) }));
  return said;
}

/** Say what the key asks for where it is none of the choices. */
function drawOutside(question) {
  const isThere = (question.target ?? "").split(", ").some((one) => question.choices.includes(one)) || question.choices.includes(question.target);
  return isThere ? [] : drawTarget(question);
}

function drawTarget(question) {
  return question.target ? [make("p", {}, make("strong", {}, t("Correct answer")), " ", question.target)] : [];
}

function drawOutput(answer, name) {
  const parts = [make("h4", {}, name)];
  if (answer.output) parts.push(make("pre", { tabindex: "0", "aria-label": t("Text of the model") }, answer.output));
  if (answer.extracted != null) parts.push(make("p", {}, make("strong", {}, t("Read as")), " ", [answer.extracted, ...tellReading(answer)].join(" · ")));
  if (answer.raw && answer.raw !== answer.output) {
    const title = t("Everything the model wrote, with its thinking");
    parts.push(make("details", {}, make("summary", {}, title), make("pre", { tabindex: "0", "aria-label": title }, answer.raw)));
  }
  if (!answer.output && answer.loglikelihoods.length) {
    const numbers = answer.loglikelihoods.map((number) => (number == null ? "—" : formatNumber(number, 3)));
    parts.push(make("p", {}, t("log-likelihood {n}", { n: numbers.join(", ") })));
  }
  return make("div", {}, ...parts);
}
