"""Check that the stored tensors match the model in the config.

Compared in a confined process after transformers' own conversion of keys, see
`evalboard.engine.inspection.fitting`. Problems that conversion hides, such as a missing expert, are
searched for in the stored names.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from evalboard.engine.inspection.confinement import ResourceLimits
from evalboard.records.report import Finding
from evalboard.repositories.selection import ADAPTER_CONFIG, ADAPTER_FILE, INDEX_FILE, SINGLE_FILE
from evalboard.validation.child import LoadResult
from evalboard.validation.documents import read_document
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, listed, quoted
from evalboard.validation.quantisation import DequantisedTensor, dequantise, read_quantisation
from evalboard.validation.tensors import Checkpoint

MAX_NAMES_LISTED = 5
MAX_TENSORS_COMPARED = 150_000
"""Limit of tensors to compare. The largest models have fewer than 100,000 without scales."""
TENSORS_PER_SECOND = 10_000
_EXPERT = re.compile(r"(?P<experts>.*\bexperts)\.(?P<number>\d{1,6})\.(?P<rest>.+)")
SAVE_AGAIN = "Upload config and weights written by the same call of `save_pretrained`."


class ExpertGaps(NamedTuple):
    """Missing expert tensors."""

    first: list[str]
    number: int


def check(evidence: Evidence) -> Outcome:
    """Compare the stored tensors with the model's tensors, by name and shape."""
    if not _is_comparable(evidence):
        return Outcome()
    if not evidence.has_libraries:
        text = "The queue's worker will check whether the tensors match the model."
        return Outcome((info("checked_by_poll", text),))
    if not evidence.loaded_config.content.get("known"):
        return Outcome()  # said by the check of the config
    quantised = None if evidence.is_adapter else read_quantisation(evidence.config.content)
    if quantised and quantised.method is None:
        text = (
            f"Tensors quantised with {quoted(quantised.title)} cannot be compared with the model's "
            "tensors."
        )
        return Outcome((info("tensors_not_compared", text),))
    tensors = dequantise(evidence.weights.survey, quantised)
    if len(tensors) > MAX_TENSORS_COMPARED:
        text = (
            f"The weights have {len(tensors):,} tensors, too many to compare with the model's "
            "tensors."
        )
        return Outcome((info("tensors_not_compared", text),))
    place = _place(evidence.weights)
    lacking = missing_experts(tensors)
    findings = [*_experts(lacking, place)]
    loaded = evidence.load("fit", _inputs(evidence, tensors), _limits(len(tensors)))
    if loaded.problem:
        findings += _failure(evidence, loaded)
    else:
        findings += _differences(loaded.content, place)
    return Outcome(tuple(findings))


def missing_experts(names: Iterable[str]) -> ExpertGaps:
    """Return the missing expert tensors between existing ones. Pure.

    Loading stacks experts in the order of their numbers, so a missing one would shift all that
    follow.
    """
    stored: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for name in names:
        if match := _EXPERT.fullmatch(name):
            stored[match["experts"]][match["rest"]].add(int(match["number"]))
    first: list[str] = []
    number = 0
    for experts, parts in stored.items():
        last = max(max(numbers) for numbers in parts.values())
        for rest, numbers in parts.items():
            number += last + 1 - len(numbers)
            gaps = (n for n in range(last + 1) if n not in numbers)
            room = MAX_NAMES_LISTED - len(first)
            first += [f"{experts}.{gap}.{rest}" for gap in islice(gaps, max(0, room))]
    return ExpertGaps(first, number)


def _is_comparable(evidence: Evidence) -> bool:
    """Return whether all weights exist and are readable. If not, other checks report it."""
    shards, survey = evidence.weights.shards, evidence.weights.survey
    broken = shards.missing or shards.unsafe or shards.problem or survey.problems
    if broken or not survey.tensors or (evidence.is_adapter and evidence.base is None):
        return False
    return evidence.config.exists and not evidence.config.problem


def _limits(tensors: int) -> ResourceLimits:
    usual = ResourceLimits()
    return usual._replace(cpu_seconds=usual.cpu_seconds + tensors // TENSORS_PER_SECOND)


def _inputs(evidence: Evidence, tensors: Mapping[str, DequantisedTensor]) -> dict[str, Any]:
    shapes = {name: t.values if t.shape is None else list(t.shape) for name, t in tensors.items()}
    if not evidence.is_adapter:
        return {"tensors": shapes}
    adapter = read_document(evidence.folder / ADAPTER_CONFIG).content
    return {"tensors": shapes, "adapter": adapter}


def _place(checkpoint: Checkpoint) -> str:
    if checkpoint.is_adapter:
        return ADAPTER_FILE
    return SINGLE_FILE if checkpoint.shards.places is None else INDEX_FILE


def _experts(lacking: ExpertGaps, place: str) -> Iterator[Finding]:
    if lacking.number:
        yield error(
            "missing_tensors",
            f"{lacking.number:,} expert tensors are missing from the weights: "
            f"{listed(lacking.first)}.",
            fix=SAVE_AGAIN,
            where=f"{place}: {lacking.first[0]}",
        )


def _failure(evidence: Evidence, loaded: LoadResult) -> Iterator[Finding]:
    if evidence.is_adapter:
        yield error(
            "adapter_does_not_fit",
            f"The adapter does not fit its base model: {loaded.problem}.",
            fix="Name the base model of its training, and upload the files that peft wrote.",
            where=ADAPTER_CONFIG,
        )
    elif not evidence.loaded_model.problem:
        yield error(
            "tensors_not_comparable",
            f"The tensors cannot be compared with the model's tensors: {loaded.problem}.",
            fix=SAVE_AGAIN,
            where=_place(evidence.weights),
        )


def _differences(found: Mapping[str, Any], place: str) -> Iterator[Finding]:
    numbers = found["numbers"]
    if names := found["missing"]:
        yield error(
            "missing_tensors",
            f"{numbers['missing']:,} tensors of the model are missing from the weights and would "
            f"be random: {_some(names)}.",
            fix=SAVE_AGAIN,
            where=f"{place}: {names[0]}",
        )
    if names := found["unconverted"]:
        yield error(
            "unconvertible_tensors",
            f"{numbers['unconverted']:,} tensors of the model cannot be assembled, because stored "
            f"tensors are missing or have the wrong shape: {_some(names)}.",
            fix=SAVE_AGAIN,
            where=f"{place}: {names[0]}",
        )
    if names := found["unexpected"]:
        yield error(
            "unexpected_tensors",
            f"The weights contain {numbers['unexpected']:,} tensors that the model does not have: "
            f"{_some(names)}. vLLM rejects them, and transformers drops them.",
            fix="Correct the config or remove these tensors from the weights.",
            where=f"{place}: {names[0]}",
        )
    if misshaped := found["misshaped"]:
        name, stored, wanted = misshaped[0]
        yield error(
            "wrong_shape",
            f"The shape of {numbers['misshaped']:,} tensors does not match the config: "
            f"{_some([name for name, *_ in misshaped])}. The first has the shape {stored}, "
            f"expected {wanted}.",
            fix=SAVE_AGAIN,
            where=f"{place}: {name}",
        )


def _some(names: list[str]) -> str:
    return listed(names[:MAX_NAMES_LISTED])
