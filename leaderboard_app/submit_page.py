"""The form that submits a model, and the report of the checks."""

from typing import Any

import gradio as gr
from gradio.components import Component

from evalboard.errors import EvalboardError
from evalboard.records.report import Level, Report
from evalboard.records.request import ModelType, Precision, WeightType
from evalboard.submission import Submission, check_submission, submit
from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, render, show_header, show_html

TITLE, PATH = mark("Submit"), "submit"

AS_STORED = "as stored"
NOT_POSSIBLE = "Not possible"
# A check starts processes that load config and tokenizer.
CHECKS_AT_ONCE = 2


def build_page(viewer: Viewer) -> None:
    """Place the form, its two buttons and the place for the report."""
    show_header(
        viewer,
        TITLE,
        mark("Check shows what would be found. Submit checks again and queues the model."),
    )
    with gr.Column(elem_classes="submit-form"):
        fields = _place_fields()
        with gr.Row():
            check = gr.Button("Check", variant="secondary")
            send = gr.Button("Submit", variant="primary")
        outcome = show_html("", elem_id="outcome")

    def on_check(*answers: Any) -> str:
        return check_outcome(viewer, answers)

    def on_submit(*answers: Any) -> str:
        return submit_outcome(viewer, answers)

    for button, handler in ((check, on_check), (send, on_submit)):
        button.click(
            handler, fields, outcome, api_visibility="private", concurrency_limit=CHECKS_AT_ONCE
        )


def check_outcome(viewer: Viewer, answers: tuple[Any, ...]) -> str:
    """Check a submission without making it; return what was found as HTML."""
    try:
        report = check_submission(read_form(answers), viewer.settings)
    except EvalboardError as exc:
        return render("notice.html", heading=NOT_POSSIBLE, text=exc.message)
    heading = "All checks passed" if report.ok else "This model cannot be evaluated yet"
    return _report(report, heading, "Nothing was submitted.")


def submit_outcome(viewer: Viewer, answers: tuple[Any, ...]) -> str:
    """Check and submit; return what became of it as HTML."""
    try:
        submitted = submit(read_form(answers), viewer.settings)
    except EvalboardError as exc:
        return render("notice.html", heading=NOT_POSSIBLE, text=exc.message)
    if submitted.request_path is None:
        return _report(
            submitted.report, "Not submitted", "Correct what is marked as error and submit again."
        )
    return _report(
        submitted.report,
        "Submitted",
        "The model waits in the queue.",
        link=("queue", "See the queue"),
    )


def read_form(answers: tuple[Any, ...]) -> Submission:
    """Make a submission of the form's answers, in the order of the fields."""
    model, revision, precision, weight_type, base_model, model_type, chat, sender = answers
    return Submission(
        model=model.strip(),
        revision=revision.strip() or "main",
        precision=None if precision == AS_STORED else Precision(precision),
        weight_type=WeightType(weight_type),
        base_model="" if weight_type == WeightType.ORIGINAL else base_model.strip(),
        model_type=ModelType(model_type),
        use_chat_template=bool(chat),
        sender=sender.strip(),
        # Not for strangers to choose.
        suite="",
        priority=0,
    )


def _place_fields() -> list[Component]:
    """Place the fields and return them in the order that `read_form` reads."""
    identity = _place_identity()
    kind = _place_kind()
    chat = gr.Checkbox(label="Use the model's chat template")
    sender = gr.Textbox(
        label="Submitted by",
        info="Shown in the queue and on the board. May stay empty.",
        max_lines=1,
        max_length=100,
    )
    return [*identity, *kind, chat, sender]


def _place_identity() -> tuple[Component, ...]:
    """Place model, revision and precision."""
    model = gr.Textbox(label="Model", placeholder="organisation/name", max_lines=1, max_length=200)
    with gr.Row():
        revision = gr.Textbox(
            "main",
            label="Revision",
            info="Branch, tag or commit. Pinned to the commit.",
            max_lines=1,
            max_length=200,
        )
        precision = gr.Dropdown(
            [AS_STORED, *(member.value for member in Precision)],
            value=AS_STORED,
            label="Precision",
            info="Number format to evaluate in.",
        )
    return model, revision, precision


def _place_kind() -> tuple[Component, ...]:
    """Place weight type, base model (shown where the weight type has one) and model type."""
    with gr.Row():
        model_type = gr.Dropdown(
            [(f"{member.sign} {member.value}", member.value) for member in ModelType],
            value=ModelType.UNKNOWN.value,
            label="Model type",
            info="How the model came to be.",
        )
        weight_type = gr.Dropdown(
            [member.value for member in WeightType],
            value=WeightType.ORIGINAL.value,
            label="Weights",
            info="Whole, LoRA adapter, or difference to a base.",
        )
    base_model = gr.Textbox(
        label="Base model",
        info="The model that the adapter or difference belongs to.",
        placeholder="organisation/name",
        max_lines=1,
        max_length=200,
        visible=False,
    )
    weight_type.change(
        lambda kind: gr.update(visible=kind != WeightType.ORIGINAL),
        weight_type,
        base_model,
        api_visibility="private",
        show_progress="hidden",
    )
    return weight_type, base_model, model_type


def _report(report: Report, heading: str, text: str, link: tuple[str, str] | None = None) -> str:
    order = list(Level)
    findings = sorted(report.findings, key=lambda finding: order.index(finding.level))
    return render(
        "report.html", report=report, findings=findings, heading=heading, text=text, link=link
    )
