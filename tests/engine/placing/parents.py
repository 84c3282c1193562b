"""Programs that start processes and are killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def printed_by(program: str, folder: Path) -> Iterator[psutil.Process]:
    """Start a program that prints the id of a process, yield that process, and kill the program.

    Args:
        program: Python code. It goes on after it has printed.
        folder: Its argument.
    """
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        yield psutil.Process(int(parent.stdout.readline()))
        parent.kill()
