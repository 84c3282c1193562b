"""`evalboard reproduce` on every row of a board: two backends, three precisions, choices and words.

In float32 plain lm_eval gives the same answers; where it need not, the differences are counted.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from evalboard.bench.cutting import cut
from evalboard.cli import main
from evalboard.cli.queue_round import work
from evalboard.demo.models import make_letter_model, make_random_model
from evalboard.demo.questions import write_datasets
from evalboard.engine.placing import placement
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board
from evalboard.stores.board import read_board
from tests.model_folders import CARD
from tests.thinkers import write_thinker

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

QUESTIONS = 16
ASKED = {
    "dataset_path": "evalboard/demo_anatomy",
    "test_split": "test",
    "doc_to_text": "{{question}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nAnswer:",
    "metadata": {"version": 1.0},
}
TASKS = {
    "twelve_choices": {
        "output_type": "multiple_choice",
        "doc_to_choice": ["A", "B", "C", "D"],
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    },
    "twelve_words": {
        "output_type": "generate_until",
        "doc_to_target": "{{'ABCD'[answer]}}",
        "generation_kwargs": {"until": [], "max_gen_toks": 24, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    },
}
SUITE = {
    "name": "twelve",
    "title": "Twelve rows",
    "tasks": "tasks",
    "generation": {
        "template": "optional",
        "thinking": "optional",
        "max_tokens": 24,
        "min_tokens": 8,
    },
    "benchmarks": [
        {"key": "twelve_choices", "title": "Choices", "baseline": 0.25},
        {"key": "twelve_words", "title": "Words", "metric": "exact_match,none"},
    ],
}


class Asked(NamedTuple):
    """A row of the board."""

    model: str
    backend: str
    precision: Precision
    chat: bool = False
    thinks: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether plain lm_eval has to give the same answers. A model that thinks samples."""
        return self.precision == Precision.FLOAT32 and not self.thinks


ROWS = [
    Asked("test/llama-1", "hf", Precision.FLOAT32),
    Asked("test/llama-1", "hf", Precision.BFLOAT16),
    Asked("test/llama-2", "hf", Precision.FLOAT16),
    Asked("test/gpt2-1", "hf", Precision.FLOAT32),
    Asked("test/gpt2-1", "hf", Precision.BFLOAT16),
    Asked("test/letter", "hf", Precision.FLOAT32),
    Asked("test/thinker", "hf", Precision.FLOAT32, chat=True),
    Asked("test/thinker", "hf", Precision.FLOAT32, chat=True, thinks=True),
    Asked("test/llama-2", "vllm", Precision.FLOAT32),
    Asked("test/llama-2", "vllm", Precision.BFLOAT16),
    Asked("test/gpt2-2", "vllm", Precision.FLOAT32),
    Asked("test/thinker-2", "vllm", Precision.FLOAT32, chat=True, thinks=True),
]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    for seed in (1, 2):
        make_random_model(folder / f"test/llama-{seed}", seed=seed)
        make_random_model(folder / f"test/gpt2-{seed}", architecture="gpt2", seed=seed)
    make_letter_model(folder / "test/letter")
    for name in ("thinker", "thinker-2"):
        (write_thinker(folder / "test" / name) / "README.md").write_text(CARD, encoding="utf-8")
    return folder


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return the file of a suite whose models rank choices and write words."""
    (tmp_path / "tasks").mkdir()
    for name, task in TASKS.items():
        file = tmp_path / "tasks" / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"task": name, **ASKED, **task}), encoding="utf-8")
    (tmp_path / "twelve.yaml").write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    return tmp_path / "twelve.yaml"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Return a mirror with a few questions."""
    whole, few = tmp_path / "whole", tmp_path / "questions"
    write_datasets(whole)
    cut(whole.glob("evalboard/demo_anatomy/**/*.parquet"), whole, few, rows=QUESTIONS)
    return few


def evaluate(rows: list[Asked], settings: Settings) -> None:
    for row in rows:
        submission = Submission(
            model=row.model,
            precision=row.precision,
            use_chat_template=row.chat,
            enable_thinking=row.thinks,
            think_end_token="</think>" if row.thinks else "",
        )
        submit(submission, settings)
    with placement.one_run_at_a_time():
        assert [ended.status for ended in work(settings)] == [Status.FINISHED] * len(rows)


@pytest.mark.usefixtures("prefect_server")
def test_every_row_of_a_board_of_twelve_is_reproduced(
    configure: Callable[..., Settings],
    suite: Path,
    questions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for backend in ("hf", "vllm"):
        settings = configure(suite=str(suite), datasets=questions, backend=backend, max_running=1)
        evaluate([row for row in ROWS if row.backend == backend], settings)
    board = read_board(open_board(settings)).frame
    assert len(board) == len(ROWS)
    # The thinking row has its scores of choices from the row beside it, which has spent what they cost.
    read, written = (board[f"{kind}_tokens"].dropna() for kind in ("prompt", "generated"))
    assert len(read) == len(written) == len(ROWS) - 1
    assert min(read) > QUESTIONS
    assert min(written) >= QUESTIONS
    sampled = {
        document.config.model_name: document.configs["twelve_words"]["generation_kwargs"]["seed"]
        for document in open_archive(settings).read().documents
        if document.config.enable_thinking
    }
    assert sampled == {"test/thinker": 1234, "test/thinker-2": 1234}

    counted = 0
    for number, row in enumerate(ROWS):
        words = ["chat"] * row.chat + ["thinking"] * row.thinks
        name = [row.model, str(row.precision), *words]
        capsys.readouterr()
        output = str(tmp_path / "reproduced" / str(number))
        status = main(["reproduce", *name, "--run", "--json", "--output", output])
        written = capsys.readouterr()
        assert status == 0, (row, written)
        choices, texts = json.loads(written.out)
        assert [choices["questions"], texts["questions"]] == [QUESTIONS, QUESTIONS], row
        if row.is_exact:
            assert choices["different"] == texts["different"] == [], row
            assert choices["largest_difference"] < 1e-4, row
        else:
            counted += len(choices["different"]) + len(texts["different"])
    assert counted > 0
