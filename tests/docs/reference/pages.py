"""The pages that are made from the code."""

from collections.abc import Callable, Mapping

from tests.docs.reference.errors import errors_page
from tests.docs.reference.files import files_page
from tests.docs.reference.findings import findings_page
from tests.docs.reference.forms import forms_page
from tests.docs.reference.settings import settings_page
from tests.docs.reference.verbs import verbs_page

PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "reference/verbs.md": verbs_page,
    "reference/forms.md": forms_page,
    "reference/files.md": files_page,
    "reference/findings.md": findings_page,
    "reference/errors.md": errors_page,
}
"""By the path of the file under `docs`."""
