"""Which family lives in this engine: found by name, loaded once, and warm before anything is promised."""

import importlib
import importlib.util
import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.checkpoints.folders import files_below, models_folder, not_there
from engine.errors import EngineError, SetupError
from engine.memory import keep_freed_memory

if TYPE_CHECKING:
    from engine.families.base import Family

PUBLISHED = {
    "consistency_tta": "engine.families.consistency_tta:ConsistencyTTA.load",
    "audiolcm": "engine.families.audiolcm:AudioLCM.load",
    "soundctm": "engine.families.soundctm:SoundCTM.load",
    "soundctm_dit": "engine.families.soundctm_dit:SoundCTMDiT.load",
}
FAMILIES = {"embedded": "engine.families.embedded:Embedded.load", **PUBLISHED}
DEVICES = ("auto", "cpu", "cuda")

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


def check_files(name: str) -> None:
    """Raise `SetupError` where a published family has no file at all.

    That is known at once; what files are worth shows after seconds of imports.
    """
    if name in PUBLISHED and not any(files_below(folder := models_folder() / name)):
        raise SetupError(str(not_there(name, (), (), folder)))


def warm_family(name: str, *, threads: int, device: str = "auto") -> "Family":
    """Load the family `name` on the calling thread, and run it until it is warm.

    Takes seconds: torch is imported here, and then computes on `threads` threads. Of `DEVICES`, auto is the GPU where
    there is one; a family that is made for the CPU, as the embedded one, computes there whatever is asked. Raises
    `SetupError`, `WeightsError`, or `EngineError` when the canary clip is no sound.
    """
    source = family_source(name)
    import torch

    if source in PUBLISHED.values():
        keep_freed_memory()
    torch.set_num_threads(threads)  # fixed: another number of threads adds in another order
    if device == "cuda" and not torch.cuda.is_available():
        why = "torch sees no GPU here" if torch.version.cuda else "this torch is built for the CPU alone"
        raise SetupError(
            f"the device cuda is asked for, and {why}; see pytorch.org for a build and a driver that go together, or "
            "ask for auto or cpu"
        )
    family = _load(source)
    if device != "cpu" and "cuda" in family.devices_offered and torch.cuda.is_available():
        _move_to_gpu(family)
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


def _move_to_gpu(family: "Family") -> None:
    """Have `family` compute on the GPU, in the numbers that the CPU computes with, and the same ones each time."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False  # is true unless told: convolutions would keep 10 bits of a number's 23
    torch.backends.cudnn.deterministic = True  # a transposed convolution may else add in another order each time
    try:
        family.move_to("cuda")
    except torch.OutOfMemoryError:
        free_bytes, all_bytes = torch.cuda.mem_get_info()
        raise SetupError(
            f"{family.name} does not fit in the GPU's memory, of which {free_bytes / 1e9:.1f} of {all_bytes / 1e9:.1f} "
            "GB are free; close what else computes there, or start with --device cpu"
        ) from None
    torch.cuda.empty_cache()


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
