"""`evalboard` with stand-in engines, and with a board that is written as soon as it changes.

python -m tests.pipeline.stood_in ARGUMENT...
"""

import sys

from evalboard import publishing
from evalboard.cli import main
from evalboard.engine.placing import placement

if __name__ == "__main__":
    placement.MADE_OF = "tests.stand_in_engine"
    publishing.HOSTED_SECONDS = 1.0
    sys.exit(main())
