"""Which family lives in this engine: found by name, loaded once, and warm before anything is promised."""

import importlib
import importlib.util
import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.errors import EngineError, SetupError

if TYPE_CHECKING:
    from engine.families.base import Family

PUBLISHED = {
    "consistency_tta": "engine.families.consistency_tta:ConsistencyTTA.load",
    "audiolcm": "engine.families.audiolcm:AudioLCM.load",
    "soundctm": "engine.families.soundctm:SoundCTM.load",
    "soundctm_dit": "engine.families.soundctm_dit:SoundCTMDiT.load",
}
FAMILIES = {"embedded": "engine.families.embedded:Embedded.load", **PUBLISHED}

_PUBLISHED_NEED = ("diffusers", "transformers", "soxr")

_CANARY_PROMPTS = ("deep punchy kick", "bright distorted pad in a hall")  # little, and all a decoder may have to do
_CANARY_RATE_HZ = 48_000
_CANARY_LENGTHS_S = (0.5, 2.0)  # allocators and thread pools settle on the lengths that cues have


def family_source(name: str) -> str:
    """Where the family `name` is made, as "package.module:factory"; a name in that form stands for itself.

    Raises `SetupError` for a name that is neither, and where torch is missing, or what the published families need.
    """
    source = name if ":" in name else FAMILIES.get(name)
    if source is None:
        known = ", ".join(FAMILIES)
        raise SetupError(f"there is no family {name!r}; known are {known}, or name one as package.module:factory")
    if importlib.util.find_spec("torch") is None:
        raise SetupError("the engine needs torch, which is not installed: pip install 'upbeat[engine]'")
    if source in PUBLISHED.values():
        lacking = [package for package in _PUBLISHED_NEED if importlib.util.find_spec(package) is None]
        if lacking:
            raise SetupError(
                f"the family {name} needs {' and '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'} not "
                "installed: pip install 'upbeat[models]'"
            )
    return source


def warm_family(name: str, *, threads: int) -> "Family":
    """Load the family `name` on the calling thread, and run it until it is warm.

    Takes seconds: torch is imported here, and then computes on `threads` threads. Raises `SetupError`, `WeightsError`,
    or `EngineError` when the canary clip is no sound.
    """
    source = family_source(name)
    import torch

    torch.set_num_threads(threads)  # fixed: another number of threads adds in another order
    family = _load(source)
    _warm(family, _canaries(family, published=source in PUBLISHED.values()))
    return family


def _load(source: str) -> "Family":
    module_name, _, path = source.partition(":")
    try:
        factory: object = importlib.import_module(module_name)
        for part in path.split("."):
            factory = getattr(factory, part)
    except (ImportError, AttributeError) as error:
        raise SetupError(f"the family {source} cannot be imported: {error}") from error
    assert callable(factory), f"{source} is no factory"
    family: Family = factory()
    return family


def _canaries(family: "Family", *, published: bool) -> Iterable[tuple[int, float, str]]:
    """Steps, length and prompt of each clip to be made before ready is said.

    A published model on a CPU takes half a minute for a clip and compiles nothing: there the least it can make must do.
    """
    if published and family.device == "cpu":
        return [(min(family.steps_offered), min(_CANARY_LENGTHS_S), _CANARY_PROMPTS[0])]
    return itertools.product(family.steps_offered, _CANARY_LENGTHS_S, _CANARY_PROMPTS)


def _warm(family: "Family", canaries: Iterable[tuple[int, float, str]]) -> None:
    """Make canary clips, and look at them."""
    for steps, length_s, prompt in canaries:
        waveform = family.waveform(
            [prompt],
            [0],
            steps=steps,
            guidance_scale=family.guidance_default,
            frames=math.ceil(min(length_s, family.longest_s) * _CANARY_RATE_HZ),
            sample_rate_hz=_CANARY_RATE_HZ,
        )
        peak = float(waveform.abs().max())
        if not 0.001 < peak < math.inf:
            raise EngineError(
                f"the canary clip of {family.name} at {steps} steps peaks at {peak:g}; its weights do not fit "
                "its code, or are damaged"
            )
