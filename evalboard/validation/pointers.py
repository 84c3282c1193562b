"""Find Git LFS pointers: short texts that stand in a clone for files that were not downloaded."""

from collections.abc import Iterator
from pathlib import Path

from evalboard.records.report import Finding
from evalboard.repositories.selection import INDEX_FILE
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, listed, of_base
from evalboard.validation.lfs import POINTER, is_pointer_file
from evalboard.validation.tensors import Checkpoint


def check(evidence: Evidence) -> Outcome:
    """Look for pointers among the small files and the weights, and those of the base model."""
    findings = [*_judge(evidence.folder, evidence.weights)]
    if evidence.base:
        found = _judge(evidence.base.folder, evidence.base.weights)
        findings += [of_base(finding, evidence.base.repository.model) for finding in found]
    return Outcome(tuple(findings))


def _judge(folder: Path, weights: Checkpoint) -> Iterator[Finding]:
    small = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if is_pointer_file(path)
    ]
    index = [INDEX_FILE] if POINTER in weights.shards.problem else []
    stored = [
        path for path, problem in weights.survey.problems.items() if problem.message == POINTER
    ]
    names = [*small, *index, *stored]
    if names:
        yield error(
            "lfs_pointer",
            f"Git LFS pointers are in the place of files: {listed(names)}. The files themselves "
            "were not uploaded or not downloaded.",
            fix="Run `git lfs pull` where the files are, and upload them with `hf upload`, or with "
            "git after `git lfs install`.",
            where=names[0],
        )
