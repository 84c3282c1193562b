// <submit-form>: what to evaluate, a check that submits nothing, and the submission.

import { sharedAddress } from "./ask.js";
import { explainFinding, fieldOf } from "./codes.js";
import { formatTime, make } from "./dom.js";
import { completeNames } from "./names.js";
import { keepLanguage, mark, t } from "./language.js";
import { drawReport } from "./report.js";

const AS_STORED = mark("as stored");
const WEIGHTS = {
  Original: mark("full weights"),
  Adapter: mark("LoRA adapter"),
  Delta: mark("delta to a base model"),
};
const BASE_HINT = mark("The model that this one was made from: organisation/name.");
const NEEDED = mark("Required: the model that this one is put on, organisation/name.");
const NEEDED_UNLESS_IN_CARD = mark("Required unless the model card names it: organisation/name.");
const MADE_FROM_ANOTHER = ["fine-tuned", "continuously pretrained"];
const LOOK_MILLISECONDS = 400;

class SubmitForm extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    this.choices = JSON.parse(this.dataset.choices);
    this.form = make("form", { class: "submit-form", novalidate: "", onsubmit: (event) => this.checkInstead(event) });
    this.form.append(...this.drawFields(), this.drawButtons());
    this.outcome = make("div", { id: "outcome" });
    this.replaceChildren(this.form, this.outcome);
    this.showBase();
    this.showThinking();
    this.showLimits();
  }

  drawFields() {
    const asked = new URLSearchParams(location.search);
    const { precisions, types, weights } = this.choices;
    const model = drawText("model", t("Model"), {
      hint: t("Name or address on the Hub: organisation/name."),
      value: asked.get("model") ?? "",
      required: "",
    });
    completeNames(model.querySelector("input"));
    const base = drawText("base_model", t("Base model"), { hint: t(BASE_HINT) });
    completeNames(base.querySelector("input"));
    this.baseRevision = drawText("base_revision", t("Revision of the base"), {
      hint: t("Branch, tag or commit. The submission pins it to a commit."),
      value: "main",
    });
    this.thinkEnd = drawText("think_end_token", t("End of the thinking"), {
      hint: t("Text that ends the thinking, such as </think>. Empty: as in the chat template or the vocabulary."),
    });
    this.base = base;
    const texts = [
      model,
      drawText("revision", t("Revision"), {
        hint: t("Branch, tag or commit. The submission pins it to a commit."),
        value: asked.get("revision") ?? "main",
      }),
      drawChoice("precision", t("Precision"), t("Precision of the evaluation."), [
        ["", t(AS_STORED)],
        ...precisions.map((name) => [name, name]),
      ]),
      drawChoice("weight_type", t("Weights"), t("What the repository contains."), [
        ...weights.map((name) => [name, `${name}: ${t(WEIGHTS[name] ?? name)}`]),
      ]),
      base,
      this.baseRevision,
      drawChoice("model_type", t("Model type"), t("How the model was made."), [
        ...types.map((name) => [name, t(name)]),
      ]),
      drawTick("use_chat_template", t("Use the model's chat template")),
      drawTick("enable_thinking", t("Let the model think before it writes an answer")),
      this.thinkEnd,
      ...this.drawSuites(),
      this.drawSender(),
    ];
    texts[3].querySelector("select").addEventListener("change", () => this.showBase());
    texts[6].querySelector("select").value = "unknown";
    texts[6].querySelector("select").addEventListener("change", () => this.showBase());
    const [template, thinking] = texts.slice(7, 9).map((field) => field.querySelector("input"));
    template.addEventListener("change", () => this.showThinking());
    thinking.addEventListener("change", () => this.showThinking());
    return texts;
  }

  /** Draw the choice of boards, where there are several: at least that of this page is on at first. */
  drawSuites() {
    const { suites } = this.choices;
    if (!suites.length) return [];
    const ticks = suites.map(([name, title, here]) =>
      make("label", {}, make("input", { type: "checkbox", name: "suites", value: name, checked: here ? "" : null }), " ", title),
    );
    const hint = make("p", { class: "hint" }, t("Each board evaluates the model on a suite of its own."));
    return [make("fieldset", { class: "field boards" }, make("legend", {}, t("Boards")), ...ticks, hint)];
  }

  drawSender() {
    this.limits = make("p", { class: "limits", role: "status" });
    this.own = make("p", { class: "own" });
    const { sender, mustLogIn } = this.dataset;
    if (mustLogIn !== undefined) {
      return make("div", { class: "field" }, make("p", {}, t("You can check a model without logging in. Log in to submit it.")));
    }
    if (sender) return make("div", { class: "field" }, make("p", {}, t("Submitted by {name}.", { name: sender })), this.limits, this.own);
    const field = drawText("sender", t("Submitted by"), {
      hint: t("Shown in the queue and on the board. Optional."),
      maxlength: "100",
    });
    let timer = null;
    field.querySelector("input").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.showLimits(), LOOK_MILLISECONDS);
    });
    field.append(this.limits, this.own);
    return field;
  }

  drawButtons() {
    this.check = make("button", { type: "submit", class: "check" }, t("Check"));
    this.submit = make("button", { type: "button", class: "send", onclick: () => this.send("api/submissions") }, t("Submit"));
    this.submit.disabled = this.dataset.mustLogIn !== undefined;
    this.state = make("p", { class: "state", role: "status" });
    return make("div", { class: "buttons" }, this.check, this.submit, this.state);
  }

  /** Enter in a field checks; only the button submits. */
  checkInstead(event) {
    event.preventDefault();
    this.send("api/check");
  }

  /** Ask for the base model of what was made from one; only what is put on it depends on its commit. */
  showBase() {
    const { weight_type: weights, model_type: type } = this.form.elements;
    const isWhole = weights.value === "Original";
    this.baseRevision.hidden = isWhole;
    this.base.hidden = isWhole && type.value === "pretrained";
    const hint = isWhole ? (MADE_FROM_ANOTHER.includes(type.value) ? NEEDED_UNLESS_IN_CARD : BASE_HINT) : NEEDED;
    this.base.querySelector(".hint").textContent = t(hint);
  }

  /** Only the chat template can ask for thinking, and only a thinking has an end. */
  showThinking() {
    const { use_chat_template: template, enable_thinking: thinking } = this.form.elements;
    thinking.disabled = !template.checked;
    if (thinking.disabled) thinking.checked = false;
    this.thinkEnd.hidden = !thinking.checked;
  }

  /** Tell how many submissions the sender has left, where there is a limit. */
  async showLimits() {
    const sender = this.dataset.sender || this.form.elements.sender?.value.trim() || "";
    const parts = new URLSearchParams({ sender });
    const answer = await fetch(sharedAddress(`api/limits?${parts}`)).catch(() => null);
    const limits = answer?.ok ? await answer.json() : { allowed: null };
    this.limits.textContent = describeLimits(limits);
    this.own.replaceChildren(...(sender ? [make("a", { href: keepLanguage(`queue?${parts}`) }, t("My submissions")), " · ", make("a", { href: `data/queue.atom?${parts}` }, t("as a feed"))] : []));
  }

  read() {
    const { elements } = this.form;
    return {
      model: elements.model.value.trim(),
      revision: elements.revision.value.trim() || "main",
      precision: elements.precision.value || null,
      weight_type: elements.weight_type.value,
      base_model: elements.base_model.value.trim(),
      base_revision: elements.base_revision.value.trim() || "main",
      model_type: elements.model_type.value,
      use_chat_template: elements.use_chat_template.checked,
      enable_thinking: elements.enable_thinking.checked,
      think_end_token: elements.enable_thinking.checked ? elements.think_end_token.value.trim() : "",
      sender: elements.sender?.value.trim() ?? "",
      suites: [...this.form.querySelectorAll('input[name="suites"]:checked')].map((tick) => tick.value),
    };
  }

  async send(address) {
    if (this.busy) return;
    if (!this.read().model) {
      this.form.elements.model.focus();
      this.show(t("Not possible"), t("Enter the name of a model first: organisation/name."));
      return;
    }
    if (this.choices.suites.length && !this.read().suites.length) {
      this.form.querySelector('input[name="suites"]').focus();
      this.show(t("Not possible"), t("Choose at least one board."));
      return;
    }
    this.setBusy(true);
    this.outcome.replaceChildren();
    this.markFields([]);
    try {
      const headers = { "Content-Type": "application/json" };
      if (this.dataset.ticket) headers.Authorization = `Ticket ${this.dataset.ticket}`;
      const response = await fetch(sharedAddress(address), { method: "POST", headers, body: JSON.stringify(this.read()) });
      const answer = await response.json().catch(() => ({}));
      if (answer.report) this.showReport(answer);
      else this.show(t("Not possible"), answer.error ?? t("The server answers with status {status}.", { status: response.status }));
    } catch {
      this.show(t("Not possible"), t("The server does not answer."));
    } finally {
      this.setBusy(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    this.form.setAttribute("aria-busy", String(busy));
    for (const button of [this.check, this.submit]) button.setAttribute("aria-disabled", String(busy));
    this.state.textContent = busy ? t("Checking … this can take a minute.") : "";
  }

  /** Write each finding beside the field that it is about. */
  markFields(findings) {
    for (const told of this.form.querySelectorAll(".told")) told.remove();
    for (const field of this.form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    for (const finding of findings.filter(({ level }) => level !== "info")) {
      const name = fieldOf(finding);
      const control = name && this.form.querySelector(`[name="${name}"]`);
      if (!control) continue;
      if (finding.level === "error") control.setAttribute("aria-invalid", "true");
      control.closest(".field").append(make("p", { class: `told ${finding.level}` }, explainFinding(finding) || finding.message));
    }
  }

  /** Offer names that exist: one click takes the name and checks again. */
  drawSimilar({ facts }) {
    const names = facts?.similar_models ?? [];
    const buttons = names.map((name) => make("button", { type: "button", onclick: () => this.take(name) }, name));
    return names.length ? [make("p", { class: "similar" }, t("Did you mean:"), ...buttons.flatMap((button) => [" ", button]))] : [];
  }

  take(name) {
    this.form.elements.model.value = name;
    this.send("api/check");
  }

  showReport(answer) {
    const { report, request } = answer;
    this.markFields(report.findings);
    if (request) {
      const text = make("p", {}, t("The model is in the queue."), " ", make("a", { href: keepLanguage(`queue?search=${encodeURIComponent(report.model)}`) }, t("See the queue")));
      this.showOutcome(drawReport(answer, t("Submitted"), text));
      this.showLimits();
    } else if (request === null) {
      this.showOutcome(drawReport(answer, t("Not submitted"), make("div", {}, make("p", {}, t("Correct the errors below and submit again.")), ...this.drawSimilar(report))));
    } else {
      const heading = answer.ok ? t("All checks passed") : t("This model cannot be evaluated yet");
      const text = make("p", {}, t("The model was not submitted."));
      if (answer.ok && !this.submit.disabled) text.append(" ", make("button", { type: "button", class: "send", onclick: () => this.send("api/submissions") }, t("Submit now")));
      this.showOutcome(drawReport(answer, heading, make("div", {}, text, ...this.drawSimilar(report))));
    }
  }

  show(heading, text) {
    this.showOutcome(
      make("section", { class: "notice" }, make("h2", { tabindex: "-1" }, heading), make("p", {}, text)),
    );
  }

  showOutcome(section) {
    this.outcome.replaceChildren(section);
    section.querySelector("h2").focus();
  }
}

function describeLimits({ allowed, made, again }) {
  if (allowed == null) return "";
  if (allowed === 0) return t("This board does not accept submissions under this name.");
  const left = Math.max(0, allowed - made);
  const text = t("{left} of {allowed} submissions in seven days remaining.", { left, allowed });
  return again ? `${text} ${t("You can submit again at {time}.", { time: formatTime(again) })}` : text;
}

function drawText(name, label, { hint, ...attributes }) {
  const described = `${name}-hint`;
  const input = make("input", {
    id: `${name}-field`,
    name,
    type: "text",
    maxlength: "200",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": described,
    ...attributes,
  });
  return drawField(input, label, hint);
}

function drawChoice(name, label, hint, choices) {
  const options = choices.map(([value, text]) => make("option", { value }, text));
  return drawField(make("select", { id: `${name}-field`, name, "aria-describedby": `${name}-hint` }, ...options), label, hint);
}

function drawField(control, label, hint) {
  return make(
    "div",
    { class: "field" },
    make("label", { for: control.id }, label),
    control,
    make("p", { class: "hint", id: `${control.name}-hint` }, hint),
  );
}

function drawTick(name, label) {
  return make("div", { class: "field tick" }, make("label", {}, make("input", { type: "checkbox", name }), " ", label));
}

customElements.define("submit-form", SubmitForm);
