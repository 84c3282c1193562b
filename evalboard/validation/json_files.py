"""Check the JSON files that loading reads in addition to config and tokenizer."""

from collections.abc import Iterator

from evalboard.records.report import Finding
from evalboard.validation.documents import read_document
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, warning

NAMES = (
    "generation_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
)
TOKENIZER_CONFIG = "tokenizer_config.json"
GENERATION_CONFIG = NAMES[0]


def check(evidence: Evidence) -> Outcome:
    """Read each file, and report usual files that are missing."""
    if evidence.is_adapter and evidence.base is None:
        return Outcome()
    return Outcome((*_broken(evidence), *_absent(evidence)))


def _broken(evidence: Evidence) -> Iterator[Finding]:
    for name in NAMES:
        document = read_document(evidence.model_folder / name)
        if document.problem and not document.is_pointer:
            yield error(
                "bad_json",
                f"{name} cannot be read: {document.problem}.",
                fix="Upload the file again, or delete it if the model does not need it.",
                where=name,
            )


def _absent(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.tokenizer_config.exists:
        yield warning(
            "no_tokenizer_config",
            f"{TOKENIZER_CONFIG} is missing. Special tokens and templates are guessed.",
            fix="Save the tokenizer with `save_pretrained` and upload all files that it writes.",
            where=TOKENIZER_CONFIG,
        )
    if not (evidence.model_folder / GENERATION_CONFIG).is_file():
        yield info(
            "no_generation_config",
            f"{GENERATION_CONFIG} is missing. The defaults of the libraries are used.",
            where=GENERATION_CONFIG,
        )
