"""Check that a requested chat template exists, and that any template is harmless."""

from pathlib import Path
from typing import NamedTuple

from evalboard.engine.thinking import has_switch
from evalboard.records.report import Finding
from evalboard.validation.child import LoadResult
from evalboard.validation.documents import read_document
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, warning
from evalboard.validation.lfs import is_pointer_file

SUBMIT_WITHOUT = "Correct the chat template, or submit without it."
PLACES = ("chat_template.jinja", "chat_template.json")
NAMED_TEMPLATES = "additional_chat_templates"


class Template(NamedTuple):
    """The chat template that a tokenizer uses by default."""

    place: str
    """The file that it is in."""
    text: str


def check(evidence: Evidence) -> Outcome:
    """Find and render the chat template.

    The confined process renders it, because a template is a stranger's program.
    """
    if any(is_pointer_file(path) for path in _files(evidence)):
        return Outcome()  # said by the check for pointers
    unreadable = [_unreadable(path.name) for path in _files(evidence) if not _is_text(path)]
    if unreadable:
        return Outcome(tuple(unreadable), {"has_chat_template": True})
    asked = evidence.subject.use_chat_template
    template = find_template(evidence)
    if template is None:
        return Outcome((_missing(),) if asked else (), {"has_chat_template": False})
    facts = {"has_chat_template": True, "has_thinking_switch": has_switch(template.text)}
    if not evidence.has_libraries:
        return Outcome(facts=facts)
    rendered = (
        evidence.load("template text", evidence.thinking | {"template": template.text})
        if evidence.loaded_tokenizer.problem
        else evidence.rendered_template
    )
    if rendered.content.get("found") is False:
        findings = (_missing(template.place),) if asked else ()
        return Outcome(findings, {"has_chat_template": False})
    finding = _judge(rendered, template.place, asked=asked)
    return Outcome((finding,) if finding else (), facts)


def find_template(evidence: Evidence) -> Template | None:
    """Return the chat template, None if there is none that can be read."""
    folder = evidence.model_folder
    own, legacy = PLACES
    files = [f for f in _files(evidence) if not is_pointer_file(f) and _is_text(f)]
    if files:
        first = files[0]
        place = own if first.name == own else f"{NAMED_TEMPLATES}/{first.name}"
        return Template(place, first.read_text(encoding="utf-8"))
    text = _default(evidence.tokenizer_config.content.get("chat_template"))
    if text:
        return Template("tokenizer_config.json: chat_template", text)
    text = _default(read_document(folder / legacy).content.get("chat_template"))
    return Template(legacy, text) if text else None


def _judge(rendered: LoadResult, place: str, *, asked: bool) -> Finding | None:
    if rendered.error == "SecurityError":
        return error(
            "unsafe_chat_template",
            f"The chat template uses something that is not allowed: {rendered.problem}.",
            fix="Remove it from the template.",
            where=place,
        )
    if rendered.problem and not rendered.error or rendered.error == "MemoryError":
        return error(
            "endless_chat_template",
            f"Rendering the chat template does not end well: {rendered.problem}.",
            fix="Remove the loop, or the text that grows, from the template.",
            where=place,
        )
    make = error if asked else warning
    if rendered.problem:
        return make(
            "chat_template_fails",
            f"The chat template cannot be rendered: {rendered.problem}.",
            fix=SUBMIT_WITHOUT,
            where=place,
        )
    if not rendered.content["holds_question"]:
        return make(
            "chat_template_fails",
            "The chat template omits the user's message.",
            fix=SUBMIT_WITHOUT,
            where=place,
        )
    return None


def _files(evidence: Evidence) -> list[Path]:
    """Return the template files."""
    single = evidence.model_folder / PLACES[0]
    named = sorted((evidence.model_folder / NAMED_TEMPLATES).glob("*.jinja"))
    return [single, *named] if single.is_file() else named


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(name: str) -> Finding:
    return error(
        "chat_template_fails",
        "The chat template is not UTF-8 text.",
        fix="Upload the file again.",
        where=name,
    )


def _missing(place: str = "") -> Finding:
    found = f" that transformers reads (it does not read the one in {place})" if place else ""
    return error(
        "no_chat_template",
        f"The submission asks for the chat template, but the model has none{found}.",
        fix="Submit without the chat template, or add `chat_template.jinja` to the repository.",
        where=place or PLACES[0],
    )


def _default(value: object) -> str:
    """Return the template from one or from several named ones, empty if there is none."""
    if isinstance(value, str):
        return value
    named: dict[object, object] = value if isinstance(value, dict) else {}
    if isinstance(value, list):
        entries = [entry for entry in value if isinstance(entry, dict)]
        named = {str(entry.get("name")): entry.get("template") for entry in entries}
    texts = [named.get("default"), *named.values()]
    return next((text for text in texts if isinstance(text, str)), "")
