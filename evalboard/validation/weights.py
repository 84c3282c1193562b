"""Check that the weights are whole safetensors files."""

from collections.abc import Iterator

from evalboard.records.report import Finding
from evalboard.repositories.selection import pickles
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, listed, quoted, warning
from evalboard.validation.tensors import INDEX_FILE


def check(evidence: Evidence) -> Outcome:
    """Check the files and their headers; count parameters and types."""
    survey = evidence.survey
    facts = {}
    if survey.parameters:
        facts = {
            "params_billion": round(survey.total / 1e9, 9),
            "stored_dtype": survey.stored_type,
            "dtypes": dict(survey.parameters),
        }
    return Outcome((*_presence(evidence), *_headers(evidence)), facts)


def _presence(evidence: Evidence) -> Iterator[Finding]:
    shards = evidence.shards
    pickled = pickles(evidence.repository.files())
    if not shards.present and not shards.missing and not shards.problem:
        yield _no_safetensors(pickled)
        return
    if shards.problem:
        yield error(
            "bad_index",
            f"It cannot be told which files hold the weights: {shards.problem}.",
            fix="Save the model again with `save_pretrained`, and upload all files it writes.",
            where=INDEX_FILE,
        )
    if shards.missing:
        yield error(
            "missing_shard",
            f"The index names weights that are not there: {listed(list(shards.missing))}.",
            fix="Upload the missing files.",
            where=INDEX_FILE,
        )
    if pickled:
        yield warning(
            "pickle_beside",
            f"Pickled files lie beside the safetensors and are not used: {listed(pickled)}.",
            fix="Delete them from the repository.",
            where=pickled[0],
        )


def _no_safetensors(pickled: list[str]) -> Finding:
    if pickled:
        return error(
            "no_safetensors",
            f"The weights are pickled only ({listed(pickled)}); a pickle can run any code.",
            fix="Load the model, and save it with `save_pretrained`, which writes safetensors.",
            where=pickled[0],
        )
    return error(
        "no_safetensors",
        "There are no weights in safetensors format.",
        fix="Save the model with `save_pretrained`, and upload all files it writes.",
    )


def _headers(evidence: Evidence) -> Iterator[Finding]:
    for path, problem in evidence.survey.problems.items():
        yield error(
            "bad_header",
            f"Weights file {quoted(path)} is broken: it {problem}.",
            fix="Upload the file again.",
            where=path,
        )
