"""Several processes on several machines against one repository on a Hub that fails."""

import os
import subprocess
import sys
from pathlib import Path

from tests.hub.server import SmallHub

REPOSITORY = Path(__file__).parents[3]
# Adds one to the common count and to a count of its own, so often; decides anew after a conflict.
COUNTING = """
import sys
from pathlib import Path
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import ABSENT, Write, retry_on_conflict

endpoint, folder, own, times = sys.argv[1:]
dataset = HubDataset("org/requests", endpoint=endpoint, token="secret", timeout=60)
store = HubStore(dataset, Path(folder), commits_per_hour=10**6)

def more(path):
    snapshot = store.snapshot()
    blob = snapshot.blobs([path])[path]
    count = int(snapshot.read(path)) if blob != ABSENT else 0
    store.commit([Write(path, b"%d" % (count + 1), blob)], message=path)

for _ in range(int(times)):
    for path in ("common", own):
        retry_on_conflict(lambda: more(path), attempts=50)
"""


def test_no_change_is_lost_or_made_twice(hub: SmallHub, tmp_path: Path) -> None:
    hub.faults.randomly(0.05, seed=1)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(REPOSITORY),
    }
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", COUNTING, hub.address),
                *(str(tmp_path / f"machine {number % 2}"), f"own-{number}", "5"),
            ],
            env=environment,
        )
        for number in range(4)
    ]
    assert [worker.wait(600) for worker in workers] == [0] * 4
    counts = {path: int(content) for path, content in hub.repo("org/requests").files().items()}
    assert counts == {"common": 20} | {f"own-{number}": 5 for number in range(4)}
    assert hub.faults.made.total() > 10
