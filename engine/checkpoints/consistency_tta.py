"""ConsistencyTTA's published files: the student alone, or a training checkpoint with three students and a teacher."""

import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.autoencoders.audioldm import SMALL_FULL, AudioLDMVAE
from engine.checkpoints import audioldm, flan_t5
from engine.checkpoints.fitting import check_fit
from engine.checkpoints.layout import Config, Converted, Expected, Layout, Tensors
from engine.denoisers.consistency_tta_unet import LIGHT, ConsistencyTTAUNet
from engine.errors import WeightsError
from engine.text.flan_t5 import LARGE, FlanT5
from engine.vocoders.hifigan import AUDIOLDM, HiFiGAN

PUBLISHED: Final[Config] = {"unet": LIGHT, "vae": SMALL_FULL, "vocoder": AUDIOLDM, "text_encoder": LARGE}
ADVICE: Final = "wanted is unet_state_dict.pt of Bai-YT/ConsistencyTTA, or pytorch_model_2.bin of its training"

RELEASED: Final = "student_ema_unet."  # a slow average of the student; the only one that the authors play
TARGET: Final = "student_target_unet."  # a fast average, which distillation aims at
ONLINE: Final = "student_unet."
TEACHER: Final = "teacher_unet."

_OLDER_SPELLINGS: Final = (  # the longest first: one begins like the other
    ("consistency_slow_ema_unet.", RELEASED),
    ("consistency_ema_unet.", TARGET),
    ("consistency_unet.", ONLINE),
    ("diffusion_unet.", TEACHER),
)
# With the option to train the VAE's decoder along, its average is saved under one of two names.
_DECODERS: Final = (
    ("ema_vae_decoder.", "decoder."),
    ("ema_vae_pqconv.", "post_quant_conv."),
    ("vae.ema_decoder.", "decoder."),
    ("vae.ema_post_quant_conv.", "post_quant_conv."),
)
_KNOWN_UNUSED: Final = re.compile(
    r"(student_ema_unet|student_target_unet|student_unet|teacher_unet|text_encoder|vae|loss|stft_loss)\..+"
)


def skeleton(config: Config) -> dict[str, nn.Module]:
    """ConsistencyTTA's networks by part, of such sizes."""
    return {
        "text_encoder": FlanT5(config["text_encoder"]),
        "denoiser": ConsistencyTTAUNet(config["unet"]),
        "autoencoder": AudioLDMVAE(config["vae"]),
        "vocoder": HiFiGAN(config["vocoder"]),
    }


def convert(files: Mapping[str, Mapping[str, Any]], config: Config) -> Converted:
    """The released student, FLAN-T5, and AudioLDM's autoencoder and vocoder, under our names."""
    checkpoint = respelt(files["unet"].get("state_dict", files["unet"]))
    denoiser, unet_unused = _denoiser(checkpoint, config["unet"])
    text_encoder, text_unused = flan_t5.text_encoder_of(files.get("text_encoder"), checkpoint, config["text_encoder"])
    decoders = {
        ours + name.removeprefix(theirs): tensor
        for theirs, ours in _DECODERS
        for name, tensor in checkpoint.items()
        if name.startswith(theirs)
    }
    sound = audioldm.audioldm_of(files["vae"], config["vae"], config["vocoder"], replaced=decoders)
    return Converted(
        parts={
            "text_encoder": text_encoder,
            "denoiser": denoiser,
            "autoencoder": sound.autoencoder,
            "vocoder": sound.vocoder,
        },
        settings={"scale_factor": sound.scale_factor},
        unused=(*unet_unused, *text_unused, *sound.unused),
    )


def respelt(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's tensors, older spellings of their prefixes brought to today's, and nothing that is no tensor."""
    named = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            continue
        for older, today in _OLDER_SPELLINGS:
            if name.startswith(older):
                name = today + name.removeprefix(older)
                break
        named[name] = tensor
    return named


def unet_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """The U-Net's own names as those of `ConsistencyTTAUNet`."""
    named = {}
    for name, tensor in tensors.items():
        if name == "guidance_proj.weight":
            named["guidance_frequencies"] = tensor.float()
        else:
            named["unet." + re.sub(r"^guidance_embedding\.", "class_embedding.", name)] = tensor.float()
    return named


def _denoiser(checkpoint: Tensors, config: Config) -> tuple[Tensors, tuple[str, ...]]:
    """The student's tensors, and the names that nothing takes. Raises `WeightsError` if it is no student."""
    prefix = next((prefix for prefix in (RELEASED, TARGET) if _holds(checkpoint, prefix)), "")
    if not prefix:
        _check_bare(checkpoint)
    picked = {name.removeprefix(prefix): tensor for name, tensor in checkpoint.items() if name.startswith(prefix)}
    with torch.device("meta"):
        network = ConsistencyTTAUNet(config)
    known = network.state_dict()
    named = unet_tensors(picked)
    used = {prefix + name for name, ours in zip(picked, named, strict=True) if ours in known}
    aside = tuple(theirs for theirs, _ in _DECODERS)
    left = (name for name in checkpoint if name not in used and not name.startswith(aside))
    unused = tuple(name for name in left if not _KNOWN_UNUSED.fullmatch(name) or name.startswith(prefix or "?"))
    tensors = {name: tensor for name, tensor in named.items() if name in known}
    if not any(name.startswith("guidance_") for name in picked):
        # Distilled at one guidance scale: the same network with guidance layers that add nothing.
        tensors |= {name: torch.zeros(shape) for name, shape in _guidance_shapes(known).items()}
    check_fit(tensors, network, file="the file of the U-Net", advice=ADVICE)
    return tensors, unused


def _guidance_shapes(known: Tensors) -> dict[str, torch.Size]:
    return {
        name: tensor.shape
        for name, tensor in known.items()
        if name.startswith(("guidance_frequencies", "unet.class_embedding."))
    }


def _holds(tensors: Tensors, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in tensors)


def _check_bare(tensors: Tensors) -> None:
    """Raise `WeightsError` unless a file without a student's prefix is the released student by itself."""
    if _holds(tensors, "guidance_embedding.") and _holds(tensors, "conv_in."):
        return
    if _holds(tensors, ONLINE):
        raise WeightsError(
            "the file of the U-Net holds a student's online weights alone, and what its authors play is their average; "
            f"{ADVICE}"
        )
    if _holds(tensors, TEACHER) or _holds(tensors, "unet."):
        raise WeightsError(
            "the file of the U-Net holds the diffusion teacher, which needs many steps, and not the student that was "
            f"distilled from it; {ADVICE}"
        )
    if _holds(tensors, "conv_in."):
        raise WeightsError(
            "the file of the U-Net holds one without guidance layers: it is the diffusion teacher, or a student of one "
            f"guidance scale, which only the whole training checkpoint tells apart; {ADVICE}"
        )
    some = ", ".join(list(tensors)[:2]) or "nothing"
    raise WeightsError(f"the file of the U-Net holds {some} and no U-Net of ConsistencyTTA; {ADVICE}")


LAYOUT: Final = Layout(
    family="consistency_tta",
    files=(
        Expected(
            role="unet",
            names=("unet_state_dict.pt", "pytorch_model_2.bin", "ConsistencyTTA*.zip", "unet_state_dict.safetensors"),
            holds="the distilled student",
        ),
        Expected(role="vae", names=audioldm.NAMES, holds=audioldm.HOLDS),
        flan_t5.EXPECTED,
    ),
    tokenizers=flan_t5.TOKENIZERS,
    config=PUBLISHED,
    convert=convert,
    skeleton=skeleton,
)
