"""Find the files of each next request, until this process is ended.

    python -m evalboard.attempt.ahead_program

runs beside a worker. A run of few requests ends before it has imported anything.
"""

import os
import signal
import time

LOOK_SECONDS = 30
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

    settings = load_settings()
    prepared: Prepared = set()
    while True:
        work = partial(prepare_next, settings, prepared, now=datetime.now(UTC))
        contained(work, "The preparation of the next request")
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
