"""A model of two small networks, as a layout: its authors' files, its folder, its card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.checkpoints.cards import Card, Fetch
from engine.checkpoints.layout import Config, Converted, Expected, Layout
from engine.errors import WeightsError


def skeleton(config: Config) -> dict[str, nn.Module]:
    """A denoiser whose two ends are one tensor, and a decoder."""
    denoiser = nn.Sequential(nn.Linear(config["width"], config["width"]), nn.Linear(config["width"], config["width"]))
    denoiser[1].weight = denoiser[0].weight
    return {"denoiser": denoiser, "decoder": nn.Conv1d(config["width"], 1, 3)}


def convert(files: Mapping[str, Mapping[str, Any]], config: Config) -> Converted:
    """The student's tensors under our names, and the decoder's."""
    held = files["model"].get("state_dict", files["model"])
    student = {name.removeprefix("student."): tensor for name, tensor in held.items() if name.startswith("student.")}
    if not student:
        raise WeightsError("the checkpoint holds the teacher, and not the student; wanted is small.ckpt")
    return Converted(
        parts={"denoiser": student, "decoder": dict(files["decoder"])},
        settings={"scale_factor": float(held["scale_factor"])},
        unused=tuple(name for name in held if not name.startswith(("student.", "teacher.", "scale_factor"))),
    )


LAYOUT = Layout(
    family="small",
    files=(
        Expected(role="model", names=("small.ckpt", "small*.zip"), holds="the student"),
        Expected(role="decoder", names=("decoder/weights.pt", "decoder.safetensors"), holds="the decoder"),
        Expected(role="extra", names=("extra.bin",), holds="what nobody needs", needed=False),
    ),
    tokenizers={"words": "someone/words"},
    config={"width": 4},
    convert=convert,
    skeleton=skeleton,
)

CARD = Card(
    name="small",
    title="Small (2026)",
    good_at="being small",
    mind="it makes no sound",
    steps=(1,),
    steps_usual=1,
    sample_rate_hz=16_000,
    clip_s=1.0,
    millions={"denoiser": 0.000024},
    paper="none",
    code="none",
    weights="none",
    licence=("It has none.",),
    licence_in_short="none",
    fetches=(
        Fetch(repository="someone/small", kind="space", files=("small.ckpt", "decoder/weights.pt")),
        Fetch(repository="someone/words", any_of=("tokenizer.json", "vocab.txt"), into="words"),
    ),
    download_gb=None,
    unseen="Nothing.",
)


def tiny_files(*, width: int = 4, seed: int = 0) -> dict[str, dict[str, Any]]:
    """What the authors' files hold, by role."""
    torch.manual_seed(seed)
    networks = skeleton({"width": width})
    state = {name: tensor.detach().clone() for name, tensor in networks["denoiser"].state_dict().items()}
    return {
        "model": {
            "state_dict": {
                **{f"student.{name}": tensor for name, tensor in state.items()},
                **{f"teacher.{name}": tensor + 1 for name, tensor in state.items()},
                "scale_factor": torch.tensor(0.5),
            },
            "epoch": 3,
        },
        "decoder": dict(networks["decoder"].state_dict()),
    }


def write_folder(folder: Path, files: Mapping[str, Mapping[str, Any]] | None = None, *, width: int = 4) -> None:
    """A model's folder as its authors' files make it."""
    files = tiny_files(width=width) if files is None else files
    (folder / "decoder").mkdir(parents=True)
    torch.save(files["model"], folder / "small.ckpt")
    torch.save(files["decoder"], folder / "decoder" / "weights.pt")
    (folder / "words").mkdir()
    (folder / "words" / "vocab.txt").write_text("a\nb\n", encoding="utf-8")
    if width != 4:
        (folder / "upbeat.json").write_text(json.dumps({"config": {"width": width}}), encoding="utf-8")
