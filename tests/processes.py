"""Processes that tests look for by their command."""

from collections.abc import Iterable

import psutil


def command_line(process: psutil.Process) -> str:
    """Return the command of a process, empty where it has ended or is about to be waited for."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def with_command(processes: Iterable[psutil.Process], part: str) -> list[psutil.Process]:
    """Return those of some processes whose command has a part."""
    return [process for process in processes if part in command_line(process)]
