"""How long a prompt takes to a waveform on one thread."""

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from engine.families.embedded import Embedded
from engine.text.kinds import KINDS
from engine.text.notes import note_name
from engine.training.measuring.bench import Bench, Table, steps_of
from engine.training.measuring.makers import examples_to_test

TIMED_RATE_HZ: Final = 48_000
LENGTHS_TIMED_S: Final = (1.0, 4.0)
CHORD_LENGTH_S: Final = 10.0
CHORDS_TIMED: Final = 40
WARM_UP: Final = 2 * len(KINDS)


def latency(bench: Bench) -> Table:
    """Prompts of all kinds that were not seen before; and chords of ten seconds, which are the most work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    prompts = [example.prompt for example in examples_to_test(bench.prompts + WARM_UP, seed=bench.seed)]
    chords = [
        f"{brightness} {name} in {note_name(midi)}{quality}"
        for name in ("warm pad", "strings")
        for brightness in ("dark", "bright")
        for quality in (" minor", " major")
        for midi in range(48, 53)
    ]
    table = {}
    for steps in (1, 2):
        for length_s in LENGTHS_TIMED_S:
            took_ms = _took_ms(bench.family, prompts, steps=steps, length_s=length_s)[WARM_UP:]
            table[f"{length_s:g} s, {steps_of(steps)}"] = _quantiles(took_ms)
        took_ms = _took_ms(bench.family, [*chords[:4], *chords], steps=steps, length_s=CHORD_LENGTH_S)[4:]
        table[f"{CHORD_LENGTH_S:g} s chord, {steps_of(steps)}"] = _quantiles(took_ms)
    torch.set_num_threads(threads)
    return table


def _took_ms(family: Embedded, prompts: Sequence[str], *, steps: int, length_s: float) -> list[float]:
    took_ms = []
    for place, prompt in enumerate(prompts):
        start_s = time.perf_counter()
        family.waveform(
            # A comma more or less is a prompt of which nothing is remembered.
            [f"{prompt} " + "," * (steps + round(length_s))],
            [place],
            steps=steps,
            guidance_scale=Embedded.guidance_default,
            frames=round(length_s * TIMED_RATE_HZ),
            sample_rate_hz=TIMED_RATE_HZ,
        )
        took_ms.append(1000 * (time.perf_counter() - start_s))
    return took_ms


def _quantiles(took_ms: Sequence[float]) -> dict[str, float]:
    p50, p99, worst = np.quantile(took_ms, [0.5, 0.99, 1.0]).tolist()
    return {"p50, ms": p50, "p99, ms": p99, "worst, ms": worst, "prompts": len(took_ms)}
