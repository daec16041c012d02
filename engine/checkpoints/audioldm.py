"""AudioLDM's mel autoencoder and vocoder in their authors' names: one file that several models are published with.

Two forms of it go round: AudioLDM's whole checkpoint, with the two under `first_stage_model.` and the scale factor
among the tensors, and ConsistencyTTA's extract of it, without the prefix and with the scale factor beside.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from engine.autoencoders.audioldm import AudioLDMVAE
from engine.checkpoints.fitting import check_fit
from engine.checkpoints.layout import Config, Tensors
from engine.errors import WeightsError
from engine.vocoders.hifigan import HiFiGAN

NAMES: Final = ("vae_state_dict.pt", "audioldm-s-full", "audioldm-s-full*.ckpt")
HOLDS: Final = "AudioLDM's mel autoencoder and vocoder"
PREFIX: Final = "first_stage_model."
OWN: Final = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.", "vocoder.")
ADVICE: Final = "wanted is vae_state_dict.pt of Bai-YT/ConsistencyTTA, or audioldm-s-full of AudioLDM's authors"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLDM:
    """What the file gives: both networks' tensors under our names, and the number between them and a denoiser."""

    autoencoder: Tensors
    vocoder: Tensors
    scale_factor: float
    unused: tuple[str, ...]


def audioldm_of(
    contents: Mapping[str, Any], vae: Config, vocoder: Config, *, replaced: Tensors | None = None
) -> AudioLDM:
    """Both networks of either form of the file, in sizes `vae` and `vocoder`.

    `replaced` are tensors, named as in the extract, that go before the file's. Raises `WeightsError`.
    """
    held = contents.get("state_dict", contents)
    whole = any(name.startswith(PREFIX) for name in held)
    scale_factor = held.get("scale_factor", contents.get("scale_factor"))
    if whole:
        held = {name.removeprefix(PREFIX): tensor for name, tensor in held.items() if name.startswith(PREFIX)}
    if not any(name.startswith("decoder.") for name in held):
        raise WeightsError(f"the file of the VAE has no {PREFIX}decoder.* and no decoder.*; {ADVICE}")
    if scale_factor is None:
        raise WeightsError(
            f"the file of the VAE does not say its scale_factor, the number that its latents were scaled by; {ADVICE}"
        )
    held = {**held, **(replaced or {})}
    levels = len(vae["ddconfig"]["ch_mult"])
    tensors: dict[str, dict[str, Tensor]] = {"autoencoder": {}, "vocoder": {}}
    unused = []
    for name, tensor in held.items():
        if name == "scale_factor":
            continue
        if not name.startswith(OWN) or not isinstance(tensor, Tensor):
            unused.append(name)
        elif name.startswith("vocoder."):
            tensors["vocoder"][vocoder_name(name)] = tensor.float()
        else:
            ours = autoencoder_name(name, levels=levels)
            # Attention's layers are linear with us, and convolutions of one place with the authors.
            linear = ".attentions.0.to_" in ours and tensor.ndim == 4
            tensors["autoencoder"][ours] = (tensor[:, :, 0, 0] if linear else tensor).float()
    with torch.device("meta"):
        networks = {"autoencoder": AudioLDMVAE(vae), "vocoder": HiFiGAN(vocoder)}
    for part, network in networks.items():
        known = network.state_dict()
        unused += [f"{part}: {name}" for name in tensors[part] if name not in known]
        tensors[part] = {name: tensor for name, tensor in tensors[part].items() if name in known}
        check_fit(tensors[part], network, file=f"the file of the VAE, for its {part},", advice=ADVICE)
    return AudioLDM(**tensors, scale_factor=float(scale_factor), unused=tuple(unused))


def vocoder_name(name: str) -> str:
    """Our name of a tensor of the authors' vocoder.

    >>> vocoder_name("vocoder.ups.0.weight")
    'generator.upsampler.0.weight'
    """
    return "generator." + re.sub(r"^vocoder\.(ups\.)?", lambda found: "upsampler." if found[1] else "", name)


def autoencoder_name(name: str, *, levels: int) -> str:
    """Our name of a tensor of the authors' autoencoder, which has so many levels.

    >>> autoencoder_name("decoder.up.2.block.0.nin_shortcut.weight", levels=3)
    'network.decoder.up_blocks.0.resnets.0.conv_shortcut.weight'
    """
    for pattern, ours in (
        (r"encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets."),
        (r"encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
        (r"\.mid\.block_1\.", r".mid_block.resnets.0."),
        (r"\.mid\.block_2\.", r".mid_block.resnets.1."),
        (r"\.mid\.attn_1\.norm\.", r".mid_block.attentions.0.group_norm."),
        (r"\.mid\.attn_1\.([qkv])\.", r".mid_block.attentions.0.to_\1."),
        (r"\.mid\.attn_1\.proj_out\.", r".mid_block.attentions.0.to_out.0."),
        (r"\.nin_shortcut\.", r".conv_shortcut."),
        (r"\.norm_out\.", r".conv_norm_out."),
    ):
        name = re.sub(pattern, ours, name)
    if up := re.match(r"decoder\.up\.(\d+)\.(block|upsample)\.(.+)", name):
        place = levels - 1 - int(up[1])  # the authors count from the output
        name = f"decoder.up_blocks.{place}.{'resnets' if up[2] == 'block' else 'upsamplers.0'}.{up[3]}"
    return f"network.{name}"
