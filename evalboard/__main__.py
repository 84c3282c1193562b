"""`python -m evalboard`."""

import sys

from evalboard.cli import main

sys.exit(main())
