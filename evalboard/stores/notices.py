"""What people, checks and the Hub say of a board's models and scores, in files of the results store.

The results store is not signed: whoever can write it can change scores, and so these files.
"""

from evalboard.records.hub_state import HubState
from evalboard.records.notice import Notice
from evalboard.records.verdict import Verdict
from evalboard.stores.listed import Book, LinesFile, ListFile

NOTICES = ListFile("notices.yaml", Notice)
"""The operator's notices on models."""
VERDICTS = ListFile("verdicts.yaml", Verdict)
"""Which versions of lm-eval and of a backend give comparable scores."""
HUB_STATES = LinesFile("hub.jsonl", HubState)
"""What the Hub says of the models."""

Notices = tuple[Notice, ...]
NoticeBook = Book[Notice]
VerdictBook = Book[Verdict]
HubStateBook = Book[HubState]
