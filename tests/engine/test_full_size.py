"""Each published model at its real size, without its gigabytes: names and shapes on the meta device.

Every tensor of the published files, as `manifest.json` lists them, is taken by the key map, or is known to be unused;
and what the key map makes is, to the last name and shape, what our networks have.
"""

import importlib
import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints.layout import Converted, Layout
from engine.checkpoints.store import check_fits

MANIFESTS = Path(__file__).parents[1] / "parity" / "data"

Shapes = Mapping[str, list[int]]


def manifest(name: str) -> dict[str, Any]:
    """What the published files of a model hold, component by component."""
    listed: dict[str, Any] = json.loads((MANIFESTS / name / "manifest.json").read_text(encoding="utf-8"))
    return listed


def component(listed: Mapping[str, Any], begins: str) -> Shapes:
    """The one component whose title begins so; SoundCTM's titles go on with a remark."""
    [found] = [shapes for title, shapes in listed.items() if title.startswith(begins)]
    return dict(found)


def prefixed(prefix: str, shapes: Shapes) -> dict[str, list[int]]:
    return {prefix + name: shape for name, shape in shapes.items()}


def tensors(shapes: Shapes) -> dict[str, torch.Tensor]:
    """Tensors without content; but a single number is a real one, since it becomes a setting."""
    return {name: torch.empty(shape, device="meta") if shape else torch.tensor(0.9) for name, shape in shapes.items()}


def layout(family: str) -> Layout:
    found: Layout = importlib.import_module(f"engine.checkpoints.{family}").LAYOUT
    return found


def converted(family: str, files: Mapping[str, Mapping[str, Any]], **sizes: Any) -> Converted:
    """The files through the key map, checked against our networks of the same size."""
    config = {**layout(family).config, **sizes}
    made = layout(family).convert(files, config)
    with torch.device("meta"):
        networks = layout(family).skeleton({**config, **made.settings.get("sizes", {})})
    check_fits(made.parts, networks)
    return made


def consistency_tta() -> dict[str, dict[str, Any]]:
    listed = manifest("consistencytta")
    return {
        "unet": tensors(listed["unet"]),
        "vae": {"state_dict": tensors(listed["vae"]), "scale_factor": 0.9227914214134216},
        "text_encoder": tensors(listed["text_encoder"]),
    }


def consistency_tta_training() -> dict[str, dict[str, Any]]:
    """A training checkpoint, with all that the authors' archive has, and AudioLDM's own file."""
    listed = manifest("consistencytta")
    prefixes = listed["_meta"]["training_checkpoint_prefixes"]
    held = {
        name: shape
        for prefix, title in prefixes.items()
        for name, shape in prefixed(prefix, listed[title.split()[0]]).items()
    }
    audioldm = prefixed("first_stage_model.", listed["vae"]) | {"scale_factor": []}
    return {"unet": tensors(held), "vae": {"state_dict": tensors(audioldm)}}


def audiolcm() -> dict[str, dict[str, Any]]:
    listed = manifest("audiolcm")
    vocoder = listed.pop("vocoder_generator")
    checkpoint = {name: shape for shapes in listed.values() for name, shape in shapes.items()}
    return {"model": {"state_dict": tensors(checkpoint)}, "vocoder": {"generator": tensors(vocoder)}}


def soundctm() -> dict[str, dict[str, Any]]:
    listed = manifest("soundctm")
    student = component(listed, "soundctm_unet/ctm_unet")
    text = component(listed, "soundctm_unet/text_encoder")
    audioldm = prefixed("first_stage_model.", manifest("consistencytta")["vae"]) | {"scale_factor": []}
    return {
        "ema": tensors({name.removeprefix("ctm_unet."): shape for name, shape in student.items()}),
        "online": tensors({**student, **text}),
        "vae": {"state_dict": tensors(audioldm)},
    }


def soundctm_dit(version: str) -> dict[str, dict[str, Any]]:
    listed = manifest("soundctm")
    dit = component(listed, f"soundctm_dit/dit {version}")
    text = component(listed, "soundctm_dit/text_encoder")
    return {
        "model": tensors({**dit, **text}),
        "vae": {"state_dict": tensors(component(listed, "soundctm_dit/gaussiandac"))},
        "statistics": tensors(component(listed, "soundctm_dit/z_stats")),
    }


CASES: dict[str, tuple[str, dict[str, dict[str, Any]], dict[str, Any]]] = {
    "consistency_tta": ("consistency_tta", consistency_tta(), {}),
    "consistency_tta from its training": ("consistency_tta", consistency_tta_training(), {}),
    "audiolcm": ("audiolcm", audiolcm(), {}),
    "soundctm": ("soundctm", soundctm(), {}),
    "soundctm online": ("soundctm", soundctm(), {"student": "online"}),
    "soundctm_dit v1": ("soundctm_dit", soundctm_dit("v1"), {}),
    "soundctm_dit v2": ("soundctm_dit", soundctm_dit("v2"), {}),
}


@cache
def whole(case: str) -> Converted:
    """The conversion of a case; it takes a second or two."""
    family, files, sizes = CASES[case]
    return converted(family, files, **sizes)


@pytest.mark.parametrize("case", CASES)
def test_every_published_tensor_is_taken_or_known_to_be_unused(case: str) -> None:
    assert whole(case).unused == ()


@pytest.mark.parametrize("case", ["consistency_tta", "audiolcm", "soundctm", "soundctm_dit v2"])
def test_a_tensor_that_nobody_knows_is_named(case: str) -> None:
    family, files, sizes = CASES[case]
    role = next(iter(files))
    held, stray = files[role], {"something.else": torch.zeros(3)}
    with_stray = {**held, "state_dict": {**held["state_dict"], **stray}} if "state_dict" in held else {**held, **stray}

    assert converted(family, {**files, role: with_stray}, **sizes).unused == ("something.else",)


@pytest.mark.parametrize(
    ("case", "part", "millions"),
    [  # as the specifications count them
        ("consistency_tta", "denoiser", 559.209676),
        ("consistency_tta", "text_encoder", 341.231104),
        ("consistency_tta", "vocoder", 55.264897),
        ("audiolcm", "denoiser", 159.687252),
        ("soundctm", "denoiser", 867.984328),
    ],
)
def test_the_real_sizes_are_those_that_were_published(case: str, part: str, millions: float) -> None:
    count = sum(tensor.numel() for tensor in whole(case).parts[part].values())

    assert math.isclose(count / 1e6, millions, abs_tol=1e-3)
