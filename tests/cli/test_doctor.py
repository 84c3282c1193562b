"""`evalboard doctor`, on the layers that this machine has and on those that others lack."""

from pathlib import Path

import pytest

from evalboard.cli import doctor, main
from evalboard.engine import fitness
from evalboard.engine.fitness import MachineFacts, TorchFacts
from evalboard.engine.hardware import Driver, Gpu
from evalboard.engine.placing.profile import Layers
from evalboard.engine.proving.proof import Proof


def test_the_layers_of_this_machine_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    said = capsys.readouterr().out
    assert said.startswith("Engines on this machine are ")
    assert (code == 0) == ("fully confined" in said)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (Layers(network=True, files=True), "fully confined"),
        (
            Layers(network=False, files=True),
            "confined without a network namespace (user namespaces are refused)",
        ),
        (
            Layers(network=False, files=False),
            "confined without a network namespace (user namespaces are refused) and Landlock "
            "(the kernel lacks it)",
        ),
    ],
)
def test_what_is_missing_is_said(layers: Layers, text: str) -> None:
    assert str(layers) == text


def test_a_missing_layer_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Taking namespaces away from this machine would end the other tests.
    monkeypatch.setattr(doctor, "find_layers", lambda _: Layers(network=False, files=True))
    assert main(["doctor"]) == 1
    assert "without a route" in capsys.readouterr().out


def test_what_keeps_engines_from_running_is_said_and_stops_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path))
    assert main(["doctor"]) in (0, 1)
    assert "No engine can run" not in capsys.readouterr().out
    monkeypatch.setattr(fitness, "LEAST_DISK_BYTES", 2**60)
    monkeypatch.setattr(fitness, "USUAL_DISK_BYTES", 2**60)
    assert main(["doctor"]) == 1
    assert "No engine can run: Folder" in capsys.readouterr().out
    assert main(["run", "--once"]) == 1
    assert "takes no requests. Folder" in capsys.readouterr().err


def test_a_machine_is_described() -> None:
    whole = Gpu(("0", "GPU-a"), 80 * 2**30, "NVIDIA H100", (9, 0))
    part = whole._replace(memory=10 * 2**30, is_part=True)
    facts = MachineFacts((whole, part), 1, Driver("580.65.06", 13), torch_cuda=13)
    said = list(doctor.describe(facts, TorchFacts(("NVIDIA H100",))))
    assert said[:5] == [
        "GPU: NVIDIA H100, 80 GiB, compute capability 9.0.",
        "GPU: part of a NVIDIA H100, 10 GiB, compute capability 9.0.",
        "CUDA_VISIBLE_DEVICES hides 1 GPUs.",
        "Driver 580.65.06 for CUDA 13, torch for CUDA 13.",
        "torch finds 1 GPUs.",
    ]
    assert list(doctor.describe(MachineFacts(), None))[:2] == [
        "There is no GPU of NVIDIA with a driver.",
        "Engines run on the CPU.",
    ]


@pytest.mark.parametrize(("difference", "code"), [(0.0, 0), (2.0, 1)])
def test_scores_of_this_machine_are_compared(
    difference: float,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The proof has tests of its own; this is about what follows from it.
    proof = Proof(kind="dense", precision="float32", differences=(difference,))
    monkeypatch.setattr(doctor, "find_layers", lambda _: Layers(network=True, files=True))
    monkeypatch.setattr(doctor, "prove_all", lambda settings, device, on_progress: [proof])
    assert main(["doctor"]) == 0
    assert "plain transformers" not in capsys.readouterr().out
    assert main(["doctor", "--score"]) == code
    said = capsys.readouterr().out
    assert str(proof) in said
    assert ("Do not evaluate" in said) == bool(code)
