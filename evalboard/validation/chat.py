"""Check that there is a chat template when one is asked for."""

from evalboard.validation.documents import read_document
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error


def check(evidence: Evidence) -> Outcome:
    """Look at every place where a chat template may be."""
    found = _has_template(evidence)
    if found or not evidence.subject.use_chat_template:
        return Outcome(facts={"has_chat_template": found})
    finding = error(
        "no_chat_template",
        "The chat template is asked for, and the model has none.",
        fix="Submit without the chat template, or add `chat_template.jinja` to the repository.",
        where="tokenizer_config.json",
    )
    return Outcome((finding,), {"has_chat_template": False})


def _has_template(evidence: Evidence) -> bool:
    folder = evidence.model_folder
    return (
        bool(evidence.tokenizer_config.content.get("chat_template"))
        or bool(read_document(folder / "chat_template.json").content.get("chat_template"))
        or (folder / "chat_template.jinja").is_file()
    )
