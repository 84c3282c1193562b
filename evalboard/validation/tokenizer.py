"""Check that the tokenizer loads, fits the embedding and preserves texts."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalboard.engine.inspection.samples import ASCII_SAMPLES, SAMPLES
from evalboard.records.report import Finding
from evalboard.repositories.selection import has_vocabulary, is_tokenizer_file
from evalboard.validation.autoclasses import custom_code, custom_code_ignored
from evalboard.validation.child import LoadResult
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, loading_failed, quoted, warning

CONFIG = "tokenizer_config.json"
VOCABULARY = "tokenizer.json"
BELONGING = "Upload the tokenizer that belongs to the model"


def check(evidence: Evidence) -> Outcome:
    """Load the tokenizer. An adapter without one uses that of its base."""
    if evidence.is_adapter and evidence.base is None:
        return Outcome()
    if any(evidence.is_pointer(file.name) for file in _tokenizer_files(evidence)):
        return Outcome()  # said by the check for pointers
    findings = [*_files(evidence)]
    if not evidence.has_libraries or any(finding.level == "error" for finding in findings):
        return Outcome(tuple(findings))
    tokenizer = evidence.loaded_tokenizer
    findings += _judge_loading(evidence, tokenizer)
    if tokenizer.content:
        rows = evidence.loaded_config.content.get("vocab_size")
        template = evidence.rendered_template.content if evidence.subject.use_chat_template else {}
        findings += _judge_size(tokenizer.content, template, rows)
        findings += _judge_samples(tokenizer.content)
        findings += _judge_special_tokens(tokenizer.content)
    return Outcome(tuple(findings))


def _tokenizer_files(evidence: Evidence) -> Iterator[Path]:
    return (file for file in evidence.model_folder.iterdir() if is_tokenizer_file(file.name))


def _files(evidence: Evidence) -> Iterator[Finding]:
    # Without a vocabulary, some tokenizers load all the same.
    if not has_vocabulary(file.name for file in evidence.model_folder.iterdir()):
        yield error(
            "no_tokenizer",
            "The tokenizer is missing.",
            fix="Save the tokenizer with `save_pretrained` and upload all files that it writes.",
            where=VOCABULARY,
        )
    document = evidence.tokenizer_config
    if document.problem:
        yield error(
            "bad_tokenizer_config",
            f"{CONFIG} cannot be read: {document.problem}.",
            fix="Upload the file again.",
            where=CONFIG,
        )


def _judge_loading(evidence: Evidence, tokenizer: LoadResult) -> Iterator[Finding]:
    content = evidence.tokenizer_config.content
    custom = "auto_map" in content
    if not tokenizer.problem:
        if custom:
            yield custom_code_ignored(CONFIG)
    elif custom:
        yield custom_code(CONFIG, content)
    # What the config fails with, the tokenizer that asks for it fails with too.
    elif tokenizer.timed_out or tokenizer.problem != evidence.loaded_config.problem:
        yield loading_failed(
            "tokenizer_fails",
            "the tokenizer",
            tokenizer.problem,
            tokenizer.error,
            fix="Load it with `AutoTokenizer.from_pretrained` and correct the reported problem.",
            where=_broken_file(evidence),
        )


def _broken_file(evidence: Evidence) -> str:
    """Return the file of a tokenizer that does not load."""
    folder = evidence.model_folder
    return VOCABULARY if (folder / VOCABULARY).is_file() else CONFIG


def _judge_size(
    tokenizer: dict[str, Any], template: dict[str, Any], rows: object
) -> Iterator[Finding]:
    """Compare token ids with the embedding. Only those that prompts can contain need a row."""
    size = tokenizer["size"]
    if type(rows) is not int or size <= rows:
        return
    used = max(tokenizer["text_size"], template.get("size", 0))
    highest_used = f" Prompts can contain ids up to {used - 1:,}." if used < size else ""
    where = "config.json: vocab_size"
    fix = f"{BELONGING}, or resize the embedding."
    if used > rows:
        yield error(
            "tokenizer_too_large",
            f"The tokenizer has token ids up to {size - 1:,}, but the model's embedding has only "
            f"{rows:,} rows.{highest_used}",
            fix=fix,
            where=where,
        )
    else:
        yield warning(
            "special_token_outside",
            f"The tokenizer has special tokens with ids up to {size - 1:,}, but the model's "
            f"embedding has only {rows:,} rows. No prompt contains these tokens, unless a question "
            "has their text or is empty.",
            fix=fix,
            where=where,
        )


def _judge_samples(tokenizer: dict[str, Any]) -> Iterator[Finding]:
    """Compare texts with their round trip, ignoring spaces, case and accents."""
    pairs = [
        (sample, back)
        for sample, back in zip(SAMPLES, tokenizer["came_back"], strict=True)
        if _essence(sample) != _essence(back)
    ]
    if not pairs:
        return
    sample, back = pairs[0]
    plain_text = sample in SAMPLES[:ASCII_SAMPLES]
    make = error if plain_text else warning
    yield make(
        "tokenizer_loses_text",
        f"The tokenizer does not preserve text: {quoted(sample)} becomes {quoted(back)}.",
        fix=f"{BELONGING}. A vocabulary should cover every character or every byte.",
        where=VOCABULARY,
    )


def _judge_special_tokens(tokenizer: dict[str, Any]) -> Iterator[Finding]:
    if tokenizer["special_tokens"]["eos"] is None:
        yield warning(
            "no_end_token",
            "The tokenizer has no end-of-text token. Generation stops only at the length limit.",
            fix="Add `eos_token` to tokenizer_config.json.",
            where=f"{CONFIG}: eos_token",
        )


def _essence(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in apart if not c.isspace() and not unicodedata.combining(c))
