"""Check that a model that is to think can be told to, and that the end of its thinking is known."""

from collections.abc import Iterator

from evalboard.engine.thinking import SWITCHES, has_switch
from evalboard.reading.thinking import END_TOKENS
from evalboard.records.report import Finding
from evalboard.validation.chat import Template, find_template
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, quoted, warning

MAX_END_CHARACTERS = 100
FIELD = "think_end_token"


def check(evidence: Evidence) -> Outcome:
    """Find the text that ends the thinking: named, in the chat template, or in the vocabulary.

    The fact is missing if only the tokenizer knows it and this installation cannot load one.
    """
    subject = evidence.subject
    if not subject.enable_thinking:
        return Outcome()
    if not subject.use_chat_template:
        return Outcome((_without_template(),))
    template = find_template(evidence)
    if template is None:
        return Outcome()  # said by the check of the template
    named = subject.think_end_token
    tokenizer = evidence.loaded_tokenizer.content if evidence.has_libraries else {}
    ends = [named] if named else [*_ends_in(template), *tokenizer.get("think_ends", ())]
    findings = [] if has_switch(template.text) else [_no_switch(template)]
    if named and (len(named) > MAX_END_CHARACTERS or not tokenizer.get("writes_think_end", True)):
        findings.append(_never_written(named))
    if not ends and tokenizer:
        findings.append(_no_end(template))
    return Outcome(tuple(findings), {FIELD: ends[0]} if ends else {})


def _ends_in(template: Template) -> Iterator[str]:
    return (token for token in END_TOKENS if token in template.text)


def _without_template() -> Finding:
    return error(
        "thinking_without_template",
        "The submission asks for thinking without the chat template, and only the template can ask "
        "the model for it.",
        fix="Use the chat template too, or submit without thinking.",
        where="enable_thinking",
    )


def _no_switch(template: Template) -> Finding:
    return warning(
        "no_thinking_switch",
        f"The chat template has no switch for thinking ({' or '.join(SWITCHES)}). The model must "
        "think by itself: an answer without a thinking does not count.",
        fix="Submit without thinking if the model does not always think.",
        where=template.place,
    )


def _no_end(template: Template) -> Finding:
    return error(
        "no_think_end",
        "The text that ends the model's thinking is not known: neither the chat template nor the "
        "vocabulary contains one of the usual texts.",
        fix=f"Name it in the submission (`{FIELD}`), such as `{END_TOKENS[0]}`.",
        where=template.place,
    )


def _never_written(named: str) -> Finding:
    return error(
        "unknown_think_end",
        f"The model cannot write {quoted(named)}, which is to end its thinking: the tokenizer makes "
        "another text of it.",
        fix="Name a text that the tokenizer keeps, or leave it empty.",
        where=FIELD,
    )
