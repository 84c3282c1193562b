"""Let the processes of engines and checks import their libraries while this program still imports its own."""

from evalboard.engine.placing import forking
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue


def import_if_needed(settings: Settings) -> None:
    """Let these processes import their libraries if a request waits for them. Wait for none of it.

    Raises:
        StoreError: The queue cannot be read.
    """
    waiting = [
        (entry.record, entry.is_signed)
        for entry in open_own_queue(settings).entries()
        if entry.record and entry.record.status is Status.PENDING
    ]
    if not waiting:
        return
    forking.import_ahead()  # the longest: it begins before the checks are imported
    from evalboard.intake.request_files import is_checked
    from evalboard.validation import child

    if not all(is_signed and is_checked(record) for record, is_signed in waiting):
        child.warm_up()
