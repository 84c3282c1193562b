"""Find the files of each next request, until this process is ended.

    python -m evalboard.attempt.ahead_program [--cluster]

runs beside a worker. A run of few requests ends before it has imported anything. With `--cluster` the
files are found on a machine of the Ray cluster, otherwise on this one.
"""

import os
import signal
import sys
import time

LOOK_SECONDS = 30
CLUSTER = "--cluster"
NICENESS = 19
"""It gives way to engines on the CPU."""


def main() -> None:
    """Look for work from time to time. A failure concerns one request only."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no download is worth a wait at the end
    os.nice(NICENESS)
    time.sleep(LOOK_SECONDS)
    from datetime import UTC, datetime
    from functools import partial

    from evalboard.attempt.ahead import Prepared, prepare_next
    from evalboard.containing import contained
    from evalboard.settings import load_settings

    if CLUSTER in sys.argv:
        from evalboard.engine.placing.preparing_ahead import prepare_on_cluster as find_files
    else:
        from evalboard.engine.placing.preparing import prepare_files as find_files
    settings = load_settings()
    prepared: Prepared = set()
    while True:
        now = datetime.now(UTC)
        work = partial(prepare_next, settings, prepared, now=now, find_files=find_files)
        contained(work, "The preparation of the next request")
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
