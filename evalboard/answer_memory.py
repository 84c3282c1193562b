"""What each question earned, for the ranks of a board: from the results store, or as last time.

A large board keeps its last ranking in the work folder, with all answers. The next build reads only
answers that are new, and compares only rows that have changed. Without that file, or with a damaged
one, everything is read and compared again.
"""

import logging
from collections.abc import Iterator, Sequence

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
        self._blobs: dict[AnswersName, str] = {}

    @property
    def earlier(self) -> Earlier | None:
        """What was ranked at the last build."""
        return self._kept.ranked if self._kept else None

    def find_answers(self, names: Sequence[AnswersName]) -> dict[AnswersName, Earned]:
        """Return what each question earned, of those that are stored. Older results get it now."""
        self._blobs = self._results.blobs(names)
        missing = [name for name, blob in self._blobs.items() if blob == ABSENT]
        if older := self._results.not_compact(missing):
            self._archive.make_compact(older)
            self._results = self._archive.snapshot()
            self._blobs |= self._results.blobs(older)
        known = dict(self._known())
        found = {name: known[blob] for name, blob in self._blobs.items() if blob in known}
        unknown = [name for name, blob in self._blobs.items() if blob not in known]
        return found | dict(self._results.earned(unknown))

    def keep(self, standings: Standings) -> None:
        """Remember the ranking of a large board. Nothing fails because it cannot be kept."""
        if len(standings.rows) <= HOLM_ROWS:
            return
        blobs = {
            key: [self._blobs[name] if name else ABSENT for name in names]
            for key, names in standings.answers.items()
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

    def _known(self) -> Iterator[tuple[str, Earned]]:
        """Yield the answers of the last ranking by the blob id of their files."""
        if self._kept is None:
            return
        for column in self._kept.ranked.entries.columns:
            parts = tuple(stratum.stop - stratum.start for stratum in column.strata)
            for row, blob in enumerate(self._kept.blobs[column.key]):
                if blob:
                    yield blob, Earned(column.questions, parts, column.answers[row])
