"""`evalboard doctor`, on the layers that this machine has and on those that others lack."""

import pytest

from evalboard.cli import doctor, main
from evalboard.engine.placing.profile import Layers


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
