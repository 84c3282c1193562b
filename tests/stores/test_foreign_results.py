"""Result files of other boards beside ours: their names and contents stop no reading."""

import pytest

from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from evalboard.stores.results import ResultsArchive
from tests.queueing.test_judging import document

NAMES = [
    "org/model/results_2024-02-10T05:02:37.123456.json",
    "org/model/results_2024-02-10 05:02:37.123456.json",
    "org/model with spaces/results (1).json",
    "demo-leaderboard/gpt2-demo/results_2023-11-21T18-10-08.json",
    "org/model/Ergebnisse für ähnliche Modelle: 🟢.json",
]


@pytest.mark.parametrize(
    "content",
    [
        b'{"config": {"model_name": "org/model", "model_dtype": "torch.float16"}, "results": {}}',
        b'{"config_general": {"model_name": "org/model"}, "results": {"all": {"acc": 0.5}}}',
        b"no JSON",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"config": ' * 50_000,
        b"null",
    ],
)
def test_they_are_set_aside_and_ours_are_read(local: LocalStore, content: bytes) -> None:
    archive = ResultsArchive(local)
    ours = archive.add(document("a"), {})
    local.commit([Write(name, content) for name in NAMES], message="theirs")

    results = archive.read()

    assert [stored.path for stored in results.stored if stored.document] == [ours]
    aside = {stored.path: stored.problem for stored in results.stored if stored.document is None}
    assert aside.keys() == set(NAMES)
    assert all(path in problem for path, problem in aside.items())
    assert len(results.documents) == 1
    assert [
        stored.path for stored in archive.read(model="org/model").stored if stored.document
    ] == [ours]
