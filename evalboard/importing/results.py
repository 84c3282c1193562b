"""Result files: of lm-eval, and of the leaderboard template's first generation. Pure.

Both have `results: {task: {metric: value}}`. lm-eval names the model in `model_name` or in the
arguments of its class, the template in `config` or, earlier, in `config_general`.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from evalboard.errors import RecordError
from evalboard.importing.values import (
    Note,
    find_entry,
    find_metric,
    fraction,
    listed,
    number,
    precision,
    shots_in,
    stderr_names,
)
from evalboard.records.reported import ReportedRow, ReportedScore
from evalboard.suites.model import Benchmark, Suite


class Origin(NamedTuple):
    """Where a file is from."""

    path: str
    """Relative to the imported folder."""
    source: str
    """What the board shows; empty for the path."""
    link: str = ""


def read_results(text: str, suite: Suite, origin: Origin, note: Note) -> ReportedRow:
    """Return the row of a result file.

    Args:
        text: The file. NaN and Infinity, which JSON does not have, are read.
        suite: Whose benchmarks are looked for.
        origin: Where it is from.
        note: Is told what was changed, guessed or left out.

    Raises:
        RecordError: The file has no results, or none of a benchmark of the suite.
    """
    document = _parse(text, origin.path)
    entries = document["results"]
    names = {b.key: name for b in suite.benchmarks if (name := find_entry(entries, b))}
    scores: dict[str, ReportedScore] = {}
    for benchmark in suite.benchmarks:
        if benchmark.key in names:
            score = _score(document, names[benchmark.key], benchmark, note)
            scores |= {benchmark.key: score} if score else {}
    _note_others(entries, set(names.values()), note)
    if not scores:
        raise RecordError(f"{origin.path!r} has no score on a benchmark of {suite.name!r}.")
    about = _about(document)
    return ReportedRow(
        model=_model(document, about, origin, note),
        setting=_setting(document, [names[key] for key in scores]),
        source=origin.source or origin.path,
        link=origin.link,
        kind="imported",
        revision=str(about.get("model_sha") or about.get("revision") or ""),
        precision=precision(about.get("model_dtype") or about.get("dtype")),
        scores=scores,
    )


def _parse(text: str, path: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise RecordError(f"{path!r} is not JSON: {exc}.") from exc
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        raise RecordError(f"{path!r} has no `results`.")
    return document


def _score(
    document: Mapping[str, Any], name: str, benchmark: Benchmark, note: Note
) -> ReportedScore | None:
    entry = document["results"][name]
    if name != benchmark.task_name:
        note(f"Task {name!r} is taken for {benchmark.task_name!r}.")
    if not isinstance(entry, Mapping):
        note(f"{name!r} has one value without a metric: taken for {benchmark.metric!r}.")
        entry = {benchmark.metric: entry}
    metric = find_metric(entry, benchmark.metric)
    if metric is None:
        note(f"{name!r} has no {benchmark.metric!r}, only {listed(list(entry))}: left out.")
        return None
    if metric != benchmark.metric:
        note(f"{name!r}: metric {metric!r} is taken for {benchmark.metric!r}.")
    if _is_cut(document, name, note):
        return None
    value, divisor = fraction(entry[metric], f"{name!r}", note)
    if value is None:
        return None
    return ReportedScore(value=value, stderr=_stderr(entry, metric, name, divisor, note))


def _stderr(
    entry: Mapping[str, Any], metric: str, name: str, divisor: float, note: Note
) -> float | None:
    written = next((entry[key] for key in stderr_names(metric) if key in entry), None)
    found = number(written)
    if found is None or found < 0:
        said = "" if written is None else f" ({written!r})"
        note(f"{name!r} has no standard error{said}.")
        return None
    return found / divisor


def _is_cut(document: Mapping[str, Any], name: str, note: Note) -> bool:
    """Return whether only a part of the questions was asked."""
    counts = _mapping(_mapping(document.get("n-samples")).get(name))
    original, effective = (number(counts.get(key)) for key in ("original", "effective"))
    if original is None or effective is None or original == effective:
        return False
    note(f"{name!r} was asked {effective:g} of {original:g} questions: left out.")
    return True


def _note_others(entries: Mapping[str, Any], taken: set[str], note: Note) -> None:
    others = [name for name in entries if name not in taken]
    if others:
        note(f"Kept and not shown, no benchmarks of this suite: {listed(others)}.")


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says about its model, the arguments of lm-eval's class first."""
    config = _mapping(document.get("config")) or _mapping(document.get("config_general"))
    arguments = config.get("model_args")
    if isinstance(arguments, str):
        pairs = (part.partition("=") for part in arguments.split(","))
        arguments = {key.strip(): value.strip() for key, _, value in pairs}
    known = {key: value for key, value in config.items() if value not in (None, "")}
    return {**_mapping(arguments), **known}


def _model(
    document: Mapping[str, Any], about: Mapping[str, Any], origin: Origin, note: Note
) -> str:
    for named in (
        about.get("model_name"),
        about.get("pretrained"),
        document.get("model_name"),
    ):
        if isinstance(named, str) and named.strip():
            return named.strip()
    *folders, _ = origin.path.split("/")
    guessed = "/".join(folders[-2:]).replace("__", "/") or origin.path
    note(f"The file does not name its model: {guessed!r}, from its folder.")
    return guessed


def _setting(document: Mapping[str, Any], names: list[str]) -> str:
    """Return the number of examples, as far as the file says it: `0-shot`, or `0- and 5-shot`."""
    said = _mapping(document.get("n-shot"))
    known = (number(said.get(name, shots_in(name))) for name in names)
    shots = sorted({count for count in known if count is not None})
    return " and ".join(f"{count:g}-" for count in shots) + ("shot" if shots else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
