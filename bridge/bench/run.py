"""All that is measured, in an order in which nothing disturbs what follows."""

import sys
from collections.abc import Callable

from bridge.bench.answering import cancel_to_free, cue_to_clip, shape_to_clip
from bridge.bench.asking import Asker, BenchError
from bridge.bench.carrying import transport
from bridge.bench.figures import Figure, figure
from bridge.bench.mixing import mixer_block
from bridge.bench.starting import import_times, time_to_ready
from bridge.supervisor import Supervisor


def measure(*, quick: bool, progress: Callable[[float], None] = lambda share: None) -> list[Figure]:
    """Every figure; `quick` takes a few seconds and means little. Raises `BenchError`, `EngineFailed`."""
    figures = import_times(runs=2 if quick else 10)
    progress(0.15)
    supervisor = Supervisor()
    try:
        figures.append(time_to_ready(supervisor))
        progress(0.3)
        with Asker(supervisor.endpoint) as asker:
            figures += cue_to_clip(asker, runs=5 if quick else 200)
            figures.append(shape_to_clip(asker, runs=5 if quick else 200))
            progress(0.75)
            figures.append(cancel_to_free(asker, runs=3 if quick else 30))
            status = asker.link.status(timeout_s=5.0)
    finally:
        supervisor.stop()
    if status is None:
        raise BenchError("the engine did not say how it is within 5 s")
    figures.append(figure("peak memory of the engine", "MB", [status.number("peak_memory_mb")]))
    progress(0.85)
    figures.append(transport(runs=10 if quick else 100))
    figures += peak_memory()  # before the mixer's samples are made: no set holds so many at once
    figures.append(mixer_block())
    progress(1.0)
    return figures


def peak_memory() -> list[Figure]:
    """Of this process, which has loaded all that a bridge loads; nothing where the system does not say."""
    import bridge.session  # noqa: F401  # what a bridge loads

    if sys.platform == "win32":
        return []
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return [figure("peak memory of the bridge", "MB", [peak / 1e6 if sys.platform == "darwin" else peak * 1_024 / 1e6])]
