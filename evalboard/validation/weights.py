"""Check that the weights are whole safetensors files."""

from collections.abc import Iterator

from evalboard.records.report import Finding
from evalboard.repositories.selection import ADAPTER_PICKLE, INDEX_FILE, pickles
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, listed, quoted, warning
from evalboard.validation.tensors import Checkpoint


def check(evidence: Evidence) -> Outcome:
    """Check the files and their headers; count parameters and types.

    An adapter is evaluated together with its base: its parameters are those of both, and what its
    weights are stored in is what its base's are.
    """
    own = evidence.weights
    findings = (*weight_errors(own), *_pickles_beside(own))
    whole = evidence.base.weights if evidence.is_adapter and evidence.base else own
    if not whole.survey.parameters:
        return Outcome(findings)
    total = whole.survey.total + (own.survey.total if whole is not own else 0)
    facts = {
        "params_billion": round(total / 1e9, 9),
        "stored_dtype": whole.survey.stored_type,
        "dtypes": dict(whole.survey.parameters),
    }
    return Outcome(findings, facts)


def weight_errors(checkpoint: Checkpoint) -> Iterator[Finding]:
    """Say what is wrong with the weights of one repository."""
    shards = checkpoint.shards
    if not shards.present and not shards.missing and not shards.problem:
        yield from _no_safetensors(checkpoint)
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
    for path, problem in checkpoint.survey.problems.items():
        yield error(
            "bad_header",
            f"Weights file {quoted(path)} is broken: it {problem}.",
            fix="Upload the file again.",
            where=path,
        )


def _pickles_beside(checkpoint: Checkpoint) -> Iterator[Finding]:
    shards = checkpoint.shards
    pickled = pickles(checkpoint.repository.files())
    if pickled and (shards.present or shards.missing or shards.problem):
        yield warning(
            "pickle_beside",
            f"Pickled files lie beside the safetensors and are not used: {listed(pickled)}.",
            fix="Delete them from the repository.",
            where=pickled[0],
        )


def _no_safetensors(checkpoint: Checkpoint) -> Iterator[Finding]:
    files = checkpoint.repository.files()
    pickled = pickles(files)
    if checkpoint.is_adapter and ADAPTER_PICKLE not in files:
        return  # said by the check of the weight type
    if pickled:
        yield error(
            "no_safetensors",
            f"The weights are pickled only ({listed(pickled)}); a pickle can run any code.",
            fix="Load the model, and save it with `save_pretrained`, which writes safetensors.",
            where=pickled[0],
        )
    else:
        yield error(
            "no_safetensors",
            "There are no weights in safetensors format.",
            fix="Save the model with `save_pretrained`, and upload all files it writes.",
        )
