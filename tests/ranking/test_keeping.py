"""The last ranking as a file."""

import numpy as np
import pytest

from evalboard.ranking import keeping
from evalboard.ranking.comparing import Column, Stratum
from evalboard.ranking.entries import Average, Entries
from evalboard.ranking.keeping import KeptRanking, from_bytes, to_bytes
from evalboard.ranking.ranges import Earlier, rank

SHARES = (Stratum(0, 3, 0.25), Stratum(3, 11, 0.75))


def kept() -> KeptRanking:
    random = np.random.default_rng(1)
    right, fractions = random.random((4, 11)) < 0.5, random.random((4, 5)).astype(np.float16)
    same = (np.array([True, True, False, True]), np.array([0.0, 0.1, 0.2, 0.3]))
    peers = np.array([2**62, 2**62, -5, -5])
    scores = np.array([0.1, np.nan, 0.3, 0.4])
    columns = [
        Column("a b", scores, right, *same, SHARES, peers, "q1"),
        Column("c", scores, fractions, *same, (Stratum(0, 5, 1.0),), peers, "q2"),
    ]
    entries = Entries(["é", "b", "c", "d"], columns, Average(scores, {"a b": 0.5, "c": 0.5}))
    blobs = {column.key: ["a" * 40, "", "b" * 40, ""] for column in columns}
    return KeptRanking(Earlier(entries, rank(entries).counts), blobs)


def test_a_ranking_is_read_as_it_was_kept() -> None:
    before = kept()
    after = from_bytes(to_bytes(before))
    assert after.blobs == before.blobs
    assert list(after.ranked.entries.names) == list(before.ranked.entries.names)
    assert after.ranked.entries.average.weights == before.ranked.entries.average.weights
    for old, new in zip(before.ranked.entries.columns, after.ranked.entries.columns, strict=True):
        assert (old.key, old.strata, old.questions) == (new.key, new.strata, new.questions)
        for name in ("scores", "answers", "answered", "stderrs", "peers"):
            mine, theirs = getattr(old, name), getattr(new, name)
            assert (mine.dtype, mine.tolist().__repr__()) == (theirs.dtype, repr(theirs.tolist()))
    for key, counts in before.ranked.counts.items():
        assert [part.tolist() for part in counts] == [
            part.tolist() for part in after.ranked.counts[key]
        ]


@pytest.mark.parametrize("cut", [0, 10, 500, -30, -1])
def test_a_damaged_file_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_bytes(to_bytes(kept())[:cut])


def test_a_flipped_byte_is_refused() -> None:
    whole = to_bytes(kept())
    for at in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="damaged"):
            from_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])


def test_a_file_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "VERSION", 2)
    later = to_bytes(kept())
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version is 2"):
        from_bytes(later)
