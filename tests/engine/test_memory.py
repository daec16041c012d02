"""A process that keeps what it has freed."""

import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, threading
import numpy as np
from engine.memory import keep_freed_memory

keep_freed_memory()
faults = []

def work():
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.empty(100_000_000, np.uint8).fill(1)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*faults)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing changes")
def test_what_was_freed_is_used_again_without_asking_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    first, *others = map(int, done.stdout.split())

    assert max(others) <= first / 10  # a fault is a page, of 4 KiB or of 2 MiB
