"""What counts of a request that this installation did not sign.

Other boards and strangers describe submissions: which model, how to load it, who asks for it. What
became of a submission is only known to the board that evaluates it, so a report, a claim, a
priority or a history in such a file is quoted under `evalboard.original` and decides nothing.
"""

from typing import Any

from evalboard.records.request import BoardBlock, RequestRecord, Status

_DESCRIBED = {"suite", "base_revision", "original"}
"""Fields of the block that describe the submission, and what was quoted before."""
_OF_A_RUN = ("job_id", "job_start_time")
OPEN = (Status.PENDING, Status.RUNNING)


def submission_in(record: RequestRecord) -> RequestRecord:
    """Return the submission that a file describes, as if nothing had become of it.

    Its status stays as the file says. Callers decide whether it counts.
    """
    block = record.evalboard
    told = block.model_dump(exclude=_DESCRIBED | {"schema_version"}, exclude_defaults=True)
    fields = RequestRecord.model_fields
    ran: dict[str, Any] = {
        name: value
        for name in _OF_A_RUN
        if (value := getattr(record, name)) != fields[name].default
    }
    original = block.original | ran | ({"evalboard": told} if told else {})
    described = BoardBlock(suite=block.suite, base_revision=block.base_revision, original=original)
    defaults = {name: fields[name].default for name in ran}
    return record.model_copy(update={"evalboard": described, **defaults})


def shown_in(record: RequestRecord) -> RequestRecord:
    """Return what the queue shows of a file.

    Nothing is done with an ended request before a person starts it again, and then only its
    submission counts. So its page can say what the other program wrote, but for addresses.
    """
    described = submission_in(record)
    if record.status in OPEN:
        return described
    block = record.evalboard
    failure = block.failure and block.failure.model_copy(update={"run_url": ""})
    told = {"history": block.history, "failure": failure, "report": block.report}
    return described.model_copy(update={"evalboard": described.evalboard.model_copy(update=told)})
