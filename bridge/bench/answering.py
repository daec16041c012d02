"""How long the warm engine takes: from a request or a knob to its clip in hand, and from a cancel to a free worker."""

import secrets
import threading
import time
from dataclasses import replace

from bridge.bench.asking import Asker, request_of
from bridge.bench.figures import Figure, figure
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import Shape

PROMPT = "deep punchy kick"
SHAPED_PROMPT = "warm electric piano in A3"
WORDS = ("soft", "dark", "bright", "short", "long", "deep", "low", "high", "dry", "warm", "noisy", "clean")
WARM_UP = 3
LONG_S, LONG_STEPS = 8.0, 4


def cue_to_clip(asker: Asker, *, runs: int) -> list[Figure]:
    """By steps and length, with a prompt the engine knows, and once with one it does not; another seed each time.

    The yardstick is the engine's own computing for the same clips: what is beyond 1 is wire, queue and copying.
    """
    figures = []
    for steps in (1, 2):
        for length_s in (1.0, 4.0):
            figures.append(
                _timed(asker, f"cue to clip, {steps}-step, {length_s:g} s", steps, length_s, [PROMPT] * runs)
            )
    pairs = [f"{first} {second} kick" for first in WORDS for second in WORDS]
    figures.append(_timed(asker, "cue to clip, 1-step, 1 s, new prompt", 1, 1.0, pairs[: min(runs, len(pairs))]))
    return figures


def _timed(asker: Asker, name: str, steps: int, length_s: float, prompts: list[str]) -> Figure:
    for seed in range(WARM_UP):
        asker.clip(request_of(PROMPT, seed=seed, steps=steps, length_s=length_s))
    took_ms, computed_ms = [], []
    for seed, prompt in enumerate(prompts, start=WARM_UP):
        arrived = asker.clip(request_of(prompt, seed=seed, steps=steps, length_s=length_s))
        made = arrived.clip.provenance
        took_ms.append(arrived.request_to_clip_ms)
        computed_ms.append(made.text_ms + made.denoise_ms + made.decode_ms)
    return figure(name, "ms", took_ms, yardstick="the engine's computing", against=computed_ms)


def shape_to_clip(asker: Asker, *, runs: int) -> Figure:
    """A clip of 1 s bent by a knob that is turned on and on: no inference, only the decoder.

    The yardstick is making such a clip anew.
    """
    plain = request_of(SHAPED_PROMPT, seed=WARM_UP, steps=1, length_s=1.0)
    made_ms = [
        asker.clip(request_of(SHAPED_PROMPT, seed=1_000 + run, steps=1, length_s=1.0)).request_to_clip_ms
        for run in range(runs)
    ]
    asker.clip(plain)
    took_ms = []
    for run in range(runs):
        bent = Shape(brightness=2 * (run + 1) / (runs + 1) - 1)
        request = replace(plain, request_id=secrets.token_hex(6), shape=bent)
        took_ms.append(asker.clip(request).request_to_clip_ms)
    return figure("shape to clip, 1 s", "ms", took_ms, yardstick="making it anew", against=made_ms)


def cancel_to_free(asker: Asker, *, runs: int) -> Figure:
    """From taking back a long request in its middle to the engine's word that its worker is free."""
    whole_ms = [asker.clip(_long(seed)).request_to_clip_ms for seed in range(3)]
    middle_s = sorted(whole_ms)[1] / 2_000
    took_ms = []
    for seed in range(3, 3 + runs):
        request = _long(seed)
        asker.link.request(request)
        threading.Event().wait(middle_s)
        cancelled_s = time.monotonic()
        asker.link.cancel(request.request_id)
        asker.answer()
        took_ms.append(1_000 * (time.monotonic() - cancelled_s))
    return figure("cancel to free worker", "ms", took_ms, yardstick="that request to its end", against=whole_ms)


def _long(seed: int) -> GenerateRequest:
    return request_of(PROMPT, seed=seed, steps=LONG_STEPS, length_s=LONG_S)
