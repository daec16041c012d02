"""FLAN-T5's encoder in the names of transformers: from the stock model's folder, or from inside a checkpoint."""

import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from engine.checkpoints.fitting import check_fit
from engine.checkpoints.layout import Config, Expected, Tensors
from engine.errors import WeightsError
from engine.text.flan_t5 import REPOSITORY, FlanT5

FOLDER: Final = "flan-t5-large"
TOKENIZERS: Final[Mapping[str, str]] = {FOLDER: REPOSITORY}
INSIDE: Final = "text_encoder."  # before its names in a checkpoint of a whole model
ADVICE: Final = f"wanted is the encoder of {REPOSITORY}: model.safetensors or pytorch_model.bin"

# The file of the stock model; not needed if the denoiser's checkpoint holds the same text encoder.
EXPECTED: Final = Expected(
    role="text_encoder",
    names=(f"{FOLDER}/model.safetensors", f"{FOLDER}/pytorch_model.bin"),
    holds="FLAN-T5's encoder",
    needed=False,
)

# A stock file holds the decoder too; the embedding has up to two names, and either will do.
_KNOWN_UNUSED: Final = re.compile(r"decoder\..+|lm_head\.weight|encoder\.embed_tokens\.weight")


def text_encoder_of(
    stock: Mapping[str, Any] | None, checkpoint: Tensors, config: Config
) -> tuple[Tensors, tuple[str, ...]]:
    """`FlanT5`'s tensors, and the names that nothing takes.

    From the `stock` model's file if there is one, else from `checkpoint` where they stand under `text_encoder.`, as all
    models that have it leave it unchanged. Raises `WeightsError`.
    """
    if stock is not None:
        held, file = stock.get("state_dict", stock), "the file of the text encoder"
    else:
        held = {name.removeprefix(INSIDE): tensor for name, tensor in checkpoint.items() if name.startswith(INSIDE)}
        file = "the checkpoint"
    if not held:
        raise WeightsError(f"there is no text encoder: the checkpoint holds none under {INSIDE}*; {ADVICE}")
    held = dict(held)
    if "shared.weight" not in held and "encoder.embed_tokens.weight" in held:
        held["shared.weight"] = held["encoder.embed_tokens.weight"]
    with torch.device("meta"):
        network = FlanT5(config)
    known = network.state_dict()
    picked: dict[str, Tensor] = {}
    unused = []
    for name, tensor in held.items():
        if f"encoder.{name}" in known:
            picked[f"encoder.{name}"] = tensor.float()
        elif not _KNOWN_UNUSED.fullmatch(name):
            unused.append(name)
    check_fit(picked, network, file=file, advice=ADVICE)
    return picked, tuple(unused)
