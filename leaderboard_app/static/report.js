// The report of the checks: every finding, the worst first, and what the checks learned.

import { explainFinding } from "./codes.js";
import { make, makeFacts, withCode } from "./dom.js";
import { formatNumber, mark, t } from "./language.js";
import { parameters } from "./numbers.js";

const LEVELS = { error: mark("error"), warning: mark("warning"), info: mark("info") };
const FACTS = {
  architectures: mark("Architecture"),
  params_billion: mark("Parameters"),
  precision: mark("Precision"),
  stored_dtype: mark("Stored as"),
  license: mark("Licence"),
  base_model: mark("Base model"),
  base_revision: mark("Revision of the base"),
  adapter_rank: mark("Rank of the adapter"),
};

/** Draw a report under a heading, with a paragraph that says what it means. */
export function drawReport({ ok, report }, heading, text) {
  const section = make(
    "section",
    { class: "report" },
    make("h2", { class: ok ? "passed" : "rejected", tabindex: "-1" }, heading),
    text,
    make("p", { class: "subject" }, make("span", { class: "name" }, report.model), " ", make("code", {}, report.revision)),
  );
  if (report.findings.length) section.append(drawFindings(report.findings));
  const facts = listFacts(report.facts ?? {});
  if (facts.length) section.append(makeFacts("facts", facts));
  return section;
}

/** Draw findings as a list, the worst first. */
export function drawFindings(findings) {
  const order = Object.keys(LEVELS);
  const sorted = findings.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return make("ul", { class: "findings" }, ...sorted.map(drawFinding));
}

function drawFinding(finding) {
  const { level, message, fix, where } = finding;
  const says = explainFinding(finding);
  const told = make("div", {}, says ? make("p", {}, says) : "", make("p", { lang: "en" }, ...withCode(message)));
  if (fix) told.append(make("p", { class: "fix", lang: "en" }, ...withCode(fix)));
  if (where) told.append(make("p", { class: "where" }, make("code", {}, where)));
  return make("li", { class: level }, make("span", { class: "level" }, t(LEVELS[level] ?? level)), told);
}

function listFacts(facts) {
  return Object.entries(FACTS)
    .filter(([name]) => facts[name] != null && facts[name] !== "")
    .map(([name, label]) => [t(label), describe(name, facts[name])]);
}

function describe(name, value) {
  if (name === "params_billion") return parameters(value);
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "number" ? formatNumber(value, Number.isInteger(value) ? 0 : 3) : String(value);
}
