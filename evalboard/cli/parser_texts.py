"""The texts of a parser of the command line."""

from typing import TypedDict


class Texts(TypedDict):
    """The texts of a parser: in the list of its parent, and at the top of its own help."""

    help: str
    description: str


def texts(summary: str) -> Texts:
    """Return the texts of a verb or an action that does what the summary says."""
    return {"help": summary, "description": f"{summary[0].upper()}{summary[1:]}."}
