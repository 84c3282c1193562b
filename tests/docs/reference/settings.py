"""The settings."""

from evalboard.settings import reference_table


def settings_page() -> str:
    """Return the page."""
    return (
        "# Settings\n\nEnvironment variables that `evalboard` reads when it starts; `python -m "
        "evalboard.settings` prints this table.\n\n" + reference_table() + "\n"
    )
