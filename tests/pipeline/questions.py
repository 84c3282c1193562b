"""Files of the real questions of the nine benchmarks, and mirrors with fewer of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from evalboard.bench import cutting

SLICE_ROWS = 40
"""Questions of each benchmark where a test needs no more of them."""


class Questions(NamedTuple):
    """The questions of one benchmark."""

    file: str
    """In the mirror, without its ending."""
    column: str
    """With the gold answer."""
    first: object
    """The value there that stands for the first choice."""

    def read(self, mirror: Path) -> pd.DataFrame:
        return pd.read_parquet(mirror / f"{self.file}.parquet")

    def share_of_first(self, mirror: Path) -> float:
        """Return the share, in [0, 1], of questions whose answer is the first choice."""
        answers = self.read(mirror)[self.column].tolist()
        return answers.count(self.first) / len(answers)


QUESTIONS = {
    "medmcqa": Questions("openlifescienceai/medmcqa/default/validation", "cop", 0),
    "medqa_4options": Questions("GBaker/MedQA-USMLE-4-options-hf/default/test", "label", 0),
    "mmlu_anatomy": Questions("cais/mmlu/anatomy/test", "answer", 0),
    "mmlu_clinical_knowledge": Questions("cais/mmlu/clinical_knowledge/test", "answer", 0),
    "mmlu_college_biology": Questions("cais/mmlu/college_biology/test", "answer", 0),
    "mmlu_college_medicine": Questions("cais/mmlu/college_medicine/test", "answer", 0),
    "mmlu_medical_genetics": Questions("cais/mmlu/medical_genetics/test", "answer", 0),
    "mmlu_professional_medicine": Questions("cais/mmlu/professional_medicine/test", "answer", 0),
    "pubmedqa": Questions(
        "bigbio/pubmed_qa/pubmed_qa_labeled_fold0_source/test", "final_decision", "yes"
    ),
}


def slice_and_whole(rows: int) -> list[Any]:
    """Return the parameters of the fixture `datasets`: a slice, and in `make test-all` the whole."""
    return [
        pytest.param(rows, id="slice"),
        pytest.param(None, id="whole", marks=pytest.mark.slow),
    ]


def cut(mirror: Path, folder: Path, *, rows: int) -> None:
    """Write a mirror with the first rows of every file of the nine benchmarks."""
    cutting.cut(_files(mirror), mirror, folder, rows=rows)


def _files(mirror: Path) -> Iterable[Path]:
    folders = {(mirror / questions.file).parent for questions in QUESTIONS.values()}
    return (file for folder in folders for file in folder.glob("*.parquet"))
