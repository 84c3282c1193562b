"""What vLLM finds out about a class of its models before it loads one.

vLLM imports itself anew for that, in a process of its own, so that CUDA is not initialised in this one. It
takes 13 s of processor time, for the first model of each architecture on a machine. A fork has all that
imported already.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from vllm.model_executor.models import ModelRegistry, registry


def look_up(architectures: Iterable[str]) -> None:
    """Let vLLM look at its classes of some architectures, and remember in its cache what it found.

    Call it before this process has a second thread.
    """
    known = ModelRegistry.models
    classes = [known[name] for name in architectures if name in known]
    process = os.fork()
    if process == 0:
        with suppress(BaseException):  # the parent meets it again
            registry._run_in_subprocess = lambda look: look()
            for each in classes:
                each.inspect_model_cls()
        os._exit(0)
    os.waitpid(process, 0)
    for each in classes:  # finds it in the cache, or looks in vLLM's own way
        each.inspect_model_cls()
