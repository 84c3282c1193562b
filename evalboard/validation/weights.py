"""Check that the weights are complete safetensors files."""

from collections.abc import Iterator

from evalboard.identity import digest
from evalboard.records.report import Finding
from evalboard.repositories.selection import (
    ADAPTER_PICKLE,
    INDEX_FILE,
    SINGLE_FILE,
    other_layout,
    pickles,
)
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, listed, quoted, warning
from evalboard.validation.lfs import POINTER
from evalboard.validation.quantisation import parameter_count, read_quantisation
from evalboard.validation.tensors import Checkpoint, Shards, Survey

WEIGHTS_KEY = "transformers_weights"
SPECULATORS_KEY = "speculators_config"
SAVE_AGAIN = "Save the model again with `save_pretrained` and upload all files that it writes."


def check(evidence: Evidence) -> Outcome:
    """Check the files and their headers; count parameters and types.

    An adapter is evaluated together with its base: the parameters are those of both, and the stored
    type is that of the base.
    """
    own = evidence.weights
    findings = (
        *weight_errors(own),
        *_named_elsewhere(evidence),
        *_unindexed(own),
        *_pickles_beside(own),
        *_other_layout(own),
    )
    whole = _whole(evidence)
    if not whole.survey.tensors:
        return Outcome(findings)
    quantised = read_quantisation(evidence.config.content)
    total = parameter_count(whole.survey, quantised)
    total += own.survey.total if whole is not own else 0
    facts = {
        "params_billion": round(total / 1e9, 9),
        "stored_dtype": whole.survey.stored_type,
        "dtypes": dict(whole.survey.parameters),
        "weights_digest": weights_digest(own),
    }
    return Outcome(findings, facts)


def weights_digest(checkpoint: Checkpoint) -> str:
    """Return a sha256 over the hashes of the weights' files, whatever their names.

    Empty if a hash is not known.
    """
    hashes = [checkpoint.repository.content_hash(path) for path in checkpoint.shards.present]
    return digest(sorted(hashes)) if all(hashes) else ""


def _whole(evidence: Evidence) -> Checkpoint:
    """Return the full weights: those of the base model for an adapter."""
    if evidence.is_adapter and evidence.base:
        return evidence.base.weights
    return evidence.weights


def weight_errors(checkpoint: Checkpoint) -> Iterator[Finding]:
    """Yield the findings on the weights of one repository."""
    shards = checkpoint.shards
    if shards == Shards():
        yield from _no_safetensors(checkpoint)
    if shards.problem and POINTER not in shards.problem:
        yield error(
            "bad_index",
            f"The weights files cannot be determined: {shards.problem}.",
            fix=SAVE_AGAIN,
            where=INDEX_FILE,
        )
    yield from _misnamed(shards)
    for path, problem in checkpoint.survey.problems.items():
        if problem.message == POINTER:
            continue  # said by the check for pointers
        yield error(
            problem.finding,
            f"Weights file {quoted(path)} is broken: it {problem.message}.",
            fix="Upload the file again as `save_pretrained` wrote it.",
            where=path,
        )
    yield from _disagreements(shards, checkpoint.survey)


def _misnamed(shards: Shards) -> Iterator[Finding]:
    """Yield findings on files that are missing from the repository or from the index."""
    if shards.missing:
        yield error(
            "missing_shard",
            f"Weights files that the index names are missing: {listed(list(shards.missing))}.",
            fix="Upload the missing files.",
            where=f"{INDEX_FILE}: {shards.missing[0]}",
        )
    if shards.unsafe:
        yield error(
            "unsafe_path",
            f"The index names files outside the repository: {listed(list(shards.unsafe))}.",
            fix=SAVE_AGAIN,
            where=INDEX_FILE,
        )
    if shards.extra:
        beside = (
            "that its index does not name" if shards.places is not None else "next to the model"
        )
        yield error(
            "extra_shard",
            f"The repository has additional weights {beside}: {listed(list(shards.extra))}. "
            "Libraries may load the wrong ones.",
            fix="Delete the files that do not belong to the model, or upload the index that names "
            "them.",
            where=shards.extra[0],
        )


def _disagreements(shards: Shards, survey: Survey) -> Iterator[Finding]:
    """Yield findings on tensors that are not in the file of the index, or occur in two files."""
    places = shards.places or {}
    read = set(shards.present) - set(survey.problems)
    lost = [
        name
        for name, file in places.items()
        if file in read and (name not in survey.tensors or survey.tensors[name].file != file)
    ]
    twice = [name for name, _, _ in survey.twice]
    lost = sorted(set(lost) - set(twice))
    if lost:
        yield error(
            "tensor_not_in_shard",
            f"Tensors are missing from the file that the index names: {listed(lost)} "
            f"({quoted(places[lost[0]])}).",
            fix=SAVE_AGAIN,
            where=f"{INDEX_FILE}: {lost[0]}",
        )
    if twice:
        name, first, second = survey.twice[0]
        yield error(
            "duplicate_tensor",
            f"Tensors occur in two files: {listed(twice)} ({quoted(first)} and {quoted(second)}).",
            fix=SAVE_AGAIN,
            where=f"{second}: {name}",
        )


def _unindexed(checkpoint: Checkpoint) -> Iterator[Finding]:
    places = checkpoint.shards.places
    if places is None:
        return
    unnamed = [name for name in checkpoint.survey.tensors if name not in places]
    if unnamed:
        file = checkpoint.survey.tensors[unnamed[0]].file
        yield warning(
            "tensor_not_in_index",
            f"The index does not name tensors that are in the files: {listed(unnamed)} "
            f"({quoted(file)}).",
            fix=SAVE_AGAIN,
            where=f"{file}: {unnamed[0]}",
        )


def _pickles_beside(checkpoint: Checkpoint) -> Iterator[Finding]:
    pickled = pickles(checkpoint.repository.files())
    if pickled and checkpoint.shards != Shards():
        yield warning(
            "pickle_beside",
            f"The repository also contains pickled weights, which are not used: {listed(pickled)}.",
            fix="Delete them from the repository.",
            where=pickled[0],
        )


def _other_layout(checkpoint: Checkpoint) -> Iterator[Finding]:
    others = other_layout(checkpoint.repository.files())
    if others:
        yield info(
            "other_layout_ignored",
            "The repository also contains files of another layout, which are not used: "
            f"{listed(others)}. The weights are loaded from "
            f"{listed(list(checkpoint.shards.present))}.",
            where=others[0],
        )


def _named_elsewhere(evidence: Evidence) -> Iterator[Finding]:
    """Yield findings if the config names weights or a model that libraries would load instead."""
    config = evidence.config.content
    parts = [("", config), *((f"{k}.", v) for k, v in config.items() if isinstance(v, dict))]
    whole = _whole(evidence)
    usual = SINGLE_FILE if whole.shards.places is None else INDEX_FILE
    if config.get(SPECULATORS_KEY) is not None:
        yield error(
            "other_weights_named",
            "config.json describes a speculator. vLLM would load the model that it names instead "
            "of the checked one.",
            fix=f"Submit that model, or remove `{SPECULATORS_KEY}` from config.json.",
            where=f"config.json: {SPECULATORS_KEY}",
        )
    for prefix, part in parts:
        named = part.get(WEIGHTS_KEY)
        if named not in (None, usual):
            yield error(
                "other_weights_named",
                f"config.json names {quoted(named)} as the weights, but only {quoted(usual)} is "
                "checked and loaded.",
                fix=f"Remove `{WEIGHTS_KEY}` from config.json, and upload the weights under their "
                "usual name.",
                where=f"config.json: {prefix}{WEIGHTS_KEY}",
            )


def _no_safetensors(checkpoint: Checkpoint) -> Iterator[Finding]:
    files = checkpoint.repository.files()
    pickled = pickles(files)
    if checkpoint.is_adapter and ADAPTER_PICKLE not in files:
        return  # said by the check of the weight type
    if pickled:
        yield error(
            "no_safetensors",
            f"The weights exist only as pickle files ({listed(pickled)}). A pickle can run "
            "arbitrary code.",
            fix="Load the model and save it with `save_pretrained`, which writes safetensors.",
            where=pickled[0],
        )
    else:
        yield error(
            "no_safetensors",
            "Weights in safetensors format are missing.",
            fix="Save the model with `save_pretrained` and upload all files that it writes.",
        )
