"""A machine with a GPU has to prove itself before its first request; one without computes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.engine import examining, fitness
from evalboard.engine.examining import examine_at_start, why_unfit
from evalboard.engine.fitness import MachineFacts
from evalboard.engine.hardware import Gpu
from evalboard.engine.proving import proof
from evalboard.engine.proving.proof import Proof
from evalboard.errors import EngineError, OutOfMemory
from evalboard.intake.polling import view_queue
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings, load_settings
from evalboard.stores.addresses import open_queue

RIGHT, WRONG = 0.0, 2.0
"""Differences from plain transformers, in nats."""
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path))
    return load_settings()


@pytest.fixture
def proved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give this machine a GPU, and return the kinds of models that are scored on it."""
    gpu = Gpu(("0", "GPU-a"), 80 * 2**30, "NVIDIA H100", (9, 0))
    monkeypatch.setattr(examining, "machine_facts", lambda _: MachineFacts((gpu,), torch_cuda=13))
    return scoring(monkeypatch, RIGHT)


def scoring(monkeypatch: pytest.MonkeyPatch, result: float | EngineError) -> list[str]:
    """Let every model be as far from plain transformers, or end with an error; see test_proof.py."""
    kinds: list[str] = []

    def prove(kind: str, *_: object) -> Proof:
        kinds.append(kind)
        if isinstance(result, EngineError):
            raise result
        return Proof(kind=kind, precision="bfloat16", differences=(result,))

    monkeypatch.setattr(proof, "_prove_apart", prove)
    return kinds


def examine(settings: Settings) -> str:
    return examine_at_start(settings, tell=lambda _: None)


def test_a_machine_without_a_gpu_scores_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = scoring(monkeypatch, WRONG)
    monkeypatch.setattr(fitness, "torch_facts", kinds.append)
    assert examine(settings) == ""
    assert kinds == []


def test_a_gpu_is_proved_once(settings: Settings, proved: list[str]) -> None:
    assert examine(settings) == examine(settings) == ""
    assert proved == ["dense", "mixture", "gptq"]


def test_a_gpu_with_wrong_scores_takes_no_requests_until_it_is_right(
    settings: Settings,
    proved: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue = open_queue(settings)
    path = queue.add(RequestRecord(model="test/model", revision="0" * 40))
    scoring(monkeypatch, WRONG)
    assert main(["run", "--once"]) == 1
    said = capsys.readouterr().err
    assert "takes no requests" in said
    assert "A mixture model in bfloat16 scores NOT as plain transformers does" in said
    seen = view_queue(settings, now=NOW)
    assert (seen.free_slots, seen.paths) == (0, [path])
    assert seen.warning.strip() in said
    assert queue.get(path).status is Status.PENDING
    scoring(monkeypatch, RIGHT)
    assert why_unfit(settings) != ""
    assert examine(settings) == why_unfit(settings) == ""


def test_a_gpu_on_which_nothing_can_be_scored_takes_no_requests(
    settings: Settings, proved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring(monkeypatch, EngineError("Scoring a dense model failed: no kernel."))
    assert "Scoring a dense model failed: no kernel." in examine(settings)
    assert "no kernel" in why_unfit(settings)


def test_a_gpu_that_others_use_is_not_blamed(
    settings: Settings, proved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = scoring(monkeypatch, OutOfMemory("No memory."))
    assert examine(settings) == why_unfit(settings) == ""
    assert examine(settings) == ""
    assert kinds == ["dense", "dense"]
