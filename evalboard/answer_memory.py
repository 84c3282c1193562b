"""What each question earned, for the ranks of a board: from the results store, or as last time.

A large board keeps its last ranking in the work folder, with all answers. The next build reads only
answers that are new, and compares only rows that have changed. Without that file, or with a damaged
one, everything is read and compared again.
"""

import logging
from collections.abc import Sequence

import numpy as np

from evalboard.board.standings import Standings
from evalboard.errors import StoreError
from evalboard.ranking.keeping import KeptRanking, from_bytes, to_bytes
from evalboard.ranking.ranges import HOLM_ROWS, Earlier
from evalboard.records.earned import AnswersName, Earned
from evalboard.stores.protocol import ABSENT
from evalboard.stores.results import ResultsArchive, ResultsSnapshot
from evalboard.stores.work import WorkFolder

logger = logging.getLogger(__name__)


class AnswerMemory:
    """Finds the compact answers of a board, and remembers them if the board is large."""

    def __init__(
        self, archive: ResultsArchive, results: ResultsSnapshot, work: WorkFolder, suite: str
    ) -> None:
        """Read the last ranking of a suite's board, if there is one."""
        self._archive, self._results = archive, results
        self._work, self._suite = work, suite
        self._kept = self._read()
        self._blobs: Sequence[str] = ()

    @property
    def earlier(self) -> Earlier | None:
        """What was ranked at the last build."""
        return self._kept.ranked if self._kept else None

    def find_answers(self, names: Sequence[AnswersName | None]) -> list[Earned | None]:
        """Return what each question earned, in the order of the names. Older results get it now.

        Answers that are not stored, or do not say it, are None.
        """
        self._blobs = self._results.blobs(names)
        pairs = zip(names, self._blobs, strict=True)
        missing = [name for name, blob in pairs if name and blob == ABSENT]
        if older := self._results.not_compact(missing):
            self._archive.make_compact(older)
            self._results = self._archive.snapshot()
            self._blobs = self._results.blobs(names)
        known = self._known()
        pairs = zip(names, self._blobs, strict=True)
        read = dict(self._results.earned(n for n, blob in pairs if n and blob not in known))
        return [
            known.get(blob) or (read.get(name) if name else None)
            for name, blob in zip(names, self._blobs, strict=True)
        ]

    def keep(self, standings: Standings) -> None:
        """Remember the ranking of a large board. Nothing fails because it cannot be kept.

        Args:
            standings: Of the rows whose answers were found last.
        """
        count = len(standings.rows)
        if count <= HOLM_ROWS:
            return
        columns = standings.ranked.entries.columns
        by_column = np.array(self._blobs).reshape(len(columns), count)
        blobs = {
            column.key: np.where(column.answered, own, ABSENT).tolist()
            for column, own in zip(columns, by_column, strict=True)
        }
        try:
            self._work.keep_ranks(self._suite, to_bytes(KeptRanking(standings.ranked, blobs)))
        except StoreError as exc:
            logger.warning("The ranking cannot be kept; the next build compares all rows: %s", exc)

    def _read(self) -> KeptRanking | None:
        try:
            content = self._work.ranks(self._suite)
            return from_bytes(content) if content else None
        except (StoreError, ValueError) as exc:
            logger.warning("The last ranking is not used; all rows are compared again: %s", exc)
            return None

    def _known(self) -> dict[str, Earned]:
        """Return the answers of the last ranking by the blob id of their files."""
        known: dict[str, Earned] = {}
        if self._kept is None:
            return known
        for column in self._kept.ranked.entries.columns:
            parts = tuple(stratum.stop - stratum.start for stratum in column.strata)
            earned = (Earned(column.questions, parts, values) for values in column.answers)
            known |= zip(self._kept.blobs[column.key], earned, strict=True)
        known.pop(ABSENT, None)
        return known
