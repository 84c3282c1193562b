"""What people and checks say of a board's scores, in YAML files of the results store.

The results store is not signed: whoever can write it can change scores, and so these files.
"""

from evalboard.records.notice import Notice
from evalboard.records.verdict import Verdict
from evalboard.stores.listed import Book, ListFile

NOTICES = ListFile("notices.yaml", Notice)
"""The operator's notices on models."""
VERDICTS = ListFile("verdicts.yaml", Verdict)
"""Which versions of lm-eval and of a backend give comparable scores."""

Notices = tuple[Notice, ...]
NoticeBook = Book[Notice]
VerdictBook = Book[Verdict]
