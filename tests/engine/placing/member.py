"""A driver on a machine of a Ray cluster, which looks whether it still belongs to it."""

import sys
import time

from evalboard.engine.placing import cluster
from evalboard.errors import NodeLost
from evalboard.settings import load_settings

if __name__ == "__main__":
    cluster.connect(load_settings())
    try:
        while True:
            cluster.check_membership()
            sys.stdout.write("member\n")
            sys.stdout.flush()
            time.sleep(1)
    except NodeLost as exc:
        sys.stdout.write(f"{exc.message}\n")
    finally:
        cluster.disconnect()
