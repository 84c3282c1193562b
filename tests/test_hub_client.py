"""The Hub's client in a process that starts others."""

import subprocess
import sys

FORK_WHILE_A_THREAD_CONNECTS = """
import os, sys, threading
from huggingface_hub import get_session
from evalboard.hub_client import hub_api

def connect(has_begun):
    with get_session()._transport._pool._optional_thread_lock:  # as for each request
        has_begun.set()
        threading.Event().wait()

hub_api(None, False)
has_begun = threading.Event()
threading.Thread(target=connect, args=(has_begun,), daemon=True).start()
has_begun.wait()
fork = os.fork()
if fork == 0:
    os._exit(0)  # after what the libraries do in a fork
code = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
os._exit(code)  # the thread keeps its lock
"""
SECONDS = 300


def test_a_fork_ends_while_another_thread_connects() -> None:
    command = [sys.executable, "-c", FORK_WHILE_A_THREAD_CONNECTS]
    subprocess.run(command, check=True, timeout=SECONDS)
