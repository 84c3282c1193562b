// Where a model's scores come from: facts, result documents, and every attempt at its requests.

import "./copy.js";
import { formatTime, make, makeFacts, makeOutsideLink } from "./dom.js";
import { mark, t } from "./language.js";
import { duration, parameters } from "./numbers.js";
import { makeTable } from "./tables.js";

const FACTS = [
  ["sha", mark("Commit")],
  ["precision", mark("Precision")],
  ["weight_type", mark("Weights")],
  ["base_model", mark("Base model")],
  ["architecture", mark("Architecture")],
  ["params_billion", mark("Parameters")],
  ["license", mark("Licence")],
  ["use_chat_template", mark("Chat template")],
  ["enable_thinking", mark("Thinking")],
  ["backend", mark("Backend")],
  ["lm_eval_version", mark("lm-eval")],
  ["submitted_time", mark("Submitted")],
  ["finished_time", mark("Evaluated")],
  ["sender", mark("Submitted by")],
  ["flags", mark("Flags")],
];

const VERSIONS = [
  ["backend", mark("Backend")],
  ["backend_version", mark("Backend version")],
  ["lm_eval_version", mark("lm-eval")],
  ["transformers_version", mark("transformers")],
  ["torch_version", mark("torch")],
  ["chat_template_sha", mark("Hash of the chat template")],
  ["think_end_token", mark("End of the thinking")],
  ["base_model", mark("Base model")],
  ["base_revision", mark("Commit of the base model")],
];

/** Draw what the board knows of a model; what it does not know is left out. */
export function drawFacts(model) {
  const known = FACTS.filter(([name]) => !isNothing(model[name]));
  const entries = known.map(([name, label]) => [t(label), drawFact(model, name)]);
  return make("section", {}, make("h2", {}, t("Where the scores come from")), drawList(entries));
}

/** Draw the result documents, newest first; the newest is open. */
export function drawDocuments(documents) {
  if (!documents.length) return make("p", { class: "quiet" }, t("The results store has no document for these scores."));
  return make("div", {}, ...documents.map((document, place) => drawDocument(document, place === 0)));
}

/** Draw the requests with every change of their status. */
export function drawRequests(requests) {
  if (!requests.length) return "";
  return make("section", { class: "requests" }, make("h2", {}, t("Requests and attempts")), ...requests.map(drawRequest));
}

function drawFact(model, name) {
  const value = model[name];
  if (name === "sha") {
    const code = make("code", {}, value);
    return model.hub ? makeOutsideLink(`${model.hub}/tree/${value}`, code) : code;
  }
  if (name === "params_billion") return parameters(value);
  if (name.endsWith("_time")) return formatTime(value);
  if (name === "use_chat_template") return value ? t("used") : t("not used");
  if (name === "enable_thinking") return value ? t("on") : t("off");
  return Array.isArray(value) ? value.map((item) => item.replaceAll("_", " ")).join(", ") : String(value);
}

function drawDocument(document, open) {
  const title = t("Attempt finished {time}", { time: formatTime(document.finished_time) });
  const part = make(
    "details",
    { class: "document" },
    make("summary", {}, title),
    make("h3", {}, t("Command to reproduce the scores")),
    make("copy-text", {}, make("pre", { tabindex: "0" }, document.command)),
    make("h3", {}, t("Versions")),
    drawList(VERSIONS.filter(([name]) => !isNothing(document[name])).map(([name, label]) => [t(label), document[name]])),
    make("h3", {}, t("Time")),
    drawTimes(document.seconds),
    ...drawPlain(t("Machine"), document.machine),
    ...drawPlain(t("Engine settings"), document.engine_settings),
    make("h3", {}, t("Tasks and hashes")),
    drawTasks(document),
    ...drawFailures(document.failures),
  );
  part.open = open;
  return part;
}

function drawTimes(seconds) {
  const parts = [
    [t("Start"), seconds.start],
    [t("Load"), seconds.load],
    ...Object.entries(seconds.score),
    [t("Other"), seconds.overhead],
    [t("Total"), seconds.total],
  ];
  return drawList(parts.map(([label, value]) => [label, duration(value)]));
}

function drawPlain(title, values) {
  const entries = Object.entries(values).filter(([, value]) => !isNothing(value));
  if (!entries.length) return [];
  return [make("h3", {}, title), drawList(entries.map(([label, value]) => [label.replaceAll("_", " "), plain(value)]))];
}

function drawTasks(document) {
  const heads = [
    [t("Task"), ""],
    [t("Version"), "number"],
    [t("Shots"), "number"],
    [t("Hash of the prompts"), ""],
  ];
  const rows = Object.entries(document.tasks).map(([task, told]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, task),
      make("td", { class: "number" }, told.version),
      make("td", { class: "number" }, String(told.fewshot ?? "—")),
      make("td", {}, make("code", {}, told.hash)),
    ),
  );
  const keys = Object.entries(document.benchmark_keys).map(([benchmark, key]) => {
    const questions = document.dataset_fingerprints[benchmark] ?? "";
    return [benchmark, make("span", {}, make("code", {}, key), " · ", t("questions"), " ", make("code", {}, questions))];
  });
  return make("div", {}, makeTable(t("Tasks and hashes"), heads, rows), make("h4", {}, t("Identity of each score")), drawList(keys));
}

function drawFailures(failures) {
  const entries = Object.entries(failures);
  if (!entries.length) return [];
  return [
    make("h3", {}, t("Benchmarks without a score")),
    drawList(entries.map(([benchmark, { code, message }]) => [benchmark, `${code}: ${message}`])),
  ];
}

function drawRequest(request) {
  const facts = [request.status, t("{n} attempts", { n: request.attempts })];
  if (request.sender) facts.push(t("by {sender}", { sender: request.sender }));
  const changes = request.history.map((change) =>
    make(
      "li",
      {},
      make("time", { datetime: change.time }, formatTime(change.time)),
      " ",
      make("strong", {}, change.status),
      change.reason ? ` · ${change.reason}` : "",
    ),
  );
  const part = make("div", { class: "request" }, make("p", {}, make("code", {}, request.request), " · ", facts.join(" · ")));
  if (changes.length) part.append(make("ol", { class: "history" }, ...changes));
  else if (request.reason) part.append(make("p", {}, request.reason));
  if (request.failure) part.append(...drawFailure(request.failure));
  return part;
}

function drawFailure({ code, message, log_tail: log }) {
  const parts = [make("p", { class: "remark" }, `${code}: ${message}`)];
  if (log) parts.push(make("details", {}, make("summary", {}, t("Last lines of the log")), make("pre", { tabindex: "0" }, log)));
  return parts;
}

const drawList = (entries) => makeFacts("provenance", entries);

function plain(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isNothing(value) {
  return value == null || value === "" || (Array.isArray(value) && !value.length);
}
