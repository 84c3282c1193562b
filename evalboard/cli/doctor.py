"""`evalboard doctor`: whether this machine can do what the others are told it does."""

import argparse
from collections.abc import Iterator

from evalboard.engine.fitness import MachineFacts, TorchFacts, judge, machine_facts, torch_facts
from evalboard.engine.placing.profile import find_layers
from evalboard.engine.proving.proof import prove_all
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Say what this machine has and lacks for engines. Return 1 if something must be mended."""
    layers = find_layers(settings)
    print(f"Engines on this machine are {layers}.")
    if not all(layers):
        print("Run the board in a container or on a machine without a route to other machines.")
    facts = machine_facts(settings)
    torch = torch_facts(settings) if facts.uses_gpus else None
    for line in describe(facts, torch):
        print(line)
    problems = judge(facts, torch)
    for problem in problems:
        print(f"{'No engine can run' if problem.is_fatal else 'Note'}: {problem}")
    if any(problem.is_fatal for problem in problems):
        return 1
    device = "cuda" if facts.uses_gpus else "cpu"
    asks = arguments.score or facts.uses_gpus
    proofs = prove_all(settings, device=device, on_progress=print) if asks else []
    for proof in proofs:
        print(proof)
    if not all(proof.holds for proof in proofs):
        print("Do not evaluate on this machine. Install the versions of requirements/gpu.lock.")
        return 1
    return int(not all(layers))


def describe(facts: MachineFacts, torch: TorchFacts | None) -> Iterator[str]:
    """Yield what a machine has, line by line."""
    for gpu in facts.gpus:
        part = "part of a " if gpu.is_part else ""
        size = f"{gpu.memory / 2**30:.0f} GiB"
        capability = ".".join(map(str, gpu.capability))
        yield f"GPU: {part}{gpu.model}, {size}, compute capability {capability}."
    if facts.hidden:
        yield f"CUDA_VISIBLE_DEVICES hides {facts.hidden} GPUs."
    if facts.driver.version:
        build = f"for CUDA {facts.torch_cuda}" if facts.torch_cuda else "without CUDA"
        yield f"Driver {facts.driver.version} for CUDA {facts.driver.cuda}, torch {build}."
    else:
        yield "There is no GPU of NVIDIA with a driver."
    yield f"torch finds {len(torch.devices)} GPUs." if torch else "Engines run on the CPU."
    folders = "".join(
        f", {free / 2**30:.0f} GiB in {folder!r}" for folder, free in facts.free_disk.items()
    )
    shared = f"{facts.shared_bytes / 2**30:.1f} GiB of shared memory"
    yield f"Free: {facts.free_memory / 2**30:.1f} GiB of memory{folders}. {shared} in all."
