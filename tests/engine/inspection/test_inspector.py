"""The program that loads parts of repositories: its imports beside those of an engine."""

import os
from functools import partial

from evalboard.engine.inspection.inspector import GIVING_WAY, giving_way


def test_after_work_that_gives_way_a_process_is_as_nice_as_before() -> None:
    niceness = partial(os.getpriority, os.PRIO_PROCESS, 0)
    before = niceness()
    assert giving_way(niceness) == min(before + GIVING_WAY, 19)
    assert niceness() == before
