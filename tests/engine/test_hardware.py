import psutil

from evalboard.engine.hardware import memory_bytes, memory_kills


def test_memory_is_what_the_machine_has() -> None:
    assert memory_bytes() == psutil.virtual_memory().total


def test_kills_for_memory_are_those_that_linux_counts() -> None:
    def counted() -> int:
        with open("/proc/vmstat", encoding="utf-8") as file:
            return int(dict(line.split() for line in file)["oom_kill"])

    before = counted()
    assert before <= memory_kills() <= counted()
