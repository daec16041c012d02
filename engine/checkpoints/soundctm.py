"""SoundCTM's files for its U-Net of 16 kHz: `Sony/soundctm` on the hub, and AudioLDM's autoencoder and vocoder.

The published script reads the averaged student, throws it away and plays the online one; the paper and the README say
the averaged one. That is taken here; `{"config": {..., "student": "online"}}` in the folder's `upbeat.json` takes the
other.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.autoencoders.audioldm import SMALL_FULL, AudioLDMVAE
from engine.checkpoints import audioldm, flan_t5
from engine.checkpoints.fitting import check_fit
from engine.checkpoints.layout import Config, Converted, Expected, Layout, Tensors
from engine.denoisers.ctm_unet import CtmUNet
from engine.errors import WeightsError
from engine.text.flan_t5 import LARGE, FlanT5
from engine.vocoders.hifigan import AUDIOLDM, HiFiGAN

UNET: Final[Config] = {
    "act_fn": "silu",
    "attention_head_dim": [5, 10, 20, 20],
    "block_out_channels": [320, 640, 1280, 1280],
    "center_input_sample": False,
    "cross_attention_dim": 1024,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 8,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-5,
    "norm_num_groups": 32,
    "out_channels": 8,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "use_linear_projection": True,
    "upcast_attention": True,
}
PUBLISHED: Final[Config] = {
    "unet": UNET,
    "vae": SMALL_FULL,
    "vocoder": AUDIOLDM,
    "text_encoder": LARGE,
    "student": "ema",
}

ONLINE: Final = "ctm_unet."  # before the online student's names; the averaged one's have nothing before them
TEACHER: Final = "unet."
ADVICE: Final = "wanted is ema_0.999_030000.pt of Sony/soundctm"
ONLINE_ADVICE: Final = "wanted is pytorch_model.bin of Sony/soundctm"

_SECOND_LEVEL: Final = re.compile(r"^s_time_embedding\.")


def skeleton(config: Config) -> dict[str, nn.Module]:
    """SoundCTM's networks by part, of such sizes."""
    return {
        "text_encoder": FlanT5(config["text_encoder"]),
        "denoiser": CtmUNet(config["unet"]),
        "autoencoder": AudioLDMVAE(config["vae"]),
        "vocoder": HiFiGAN(config["vocoder"]),
    }


def convert(files: Mapping[str, Mapping[str, Any]], config: Config) -> Converted:
    """The student that the sizes ask for, FLAN-T5, and AudioLDM's autoencoder and vocoder, under our names."""
    online = _flat(files.get("online", {}))
    denoiser, unet_unused = _denoiser(files, online, config)
    text_encoder, text_unused = flan_t5.text_encoder_of(files.get("text_encoder"), online, config["text_encoder"])
    sound = audioldm.audioldm_of(files["vae"], config["vae"], config["vocoder"])
    known = (ONLINE, flan_t5.INSIDE)
    return Converted(
        parts={
            "text_encoder": text_encoder,
            "denoiser": denoiser,
            "autoencoder": sound.autoencoder,
            "vocoder": sound.vocoder,
        },
        settings={"scale_factor": sound.scale_factor},
        unused=(*unet_unused, *(n for n in online if not n.startswith(known)), *text_unused, *sound.unused),
    )


def unet_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """The U-Net's own names, as the averaged student's file has them, as those of `CtmUNet`."""
    return {
        f"body.{_SECOND_LEVEL.sub('class_embedding.level.', name)}": tensor.float() for name, tensor in tensors.items()
    }


def _denoiser(
    files: Mapping[str, Mapping[str, Any]], online: Tensors, config: Config
) -> tuple[Tensors, tuple[str, ...]]:
    """The student's tensors, and the names that nothing takes. Raises `WeightsError` if it is no student."""
    match config.get("student", "ema"):
        case "ema":
            held, file, advice = _flat(files["ema"]), "the averaged student's file", ADVICE
        case "online":
            held = {name.removeprefix(ONLINE): tensor for name, tensor in online.items() if name.startswith(ONLINE)}
            file, advice = "the online student's file", ONLINE_ADVICE
        case other:
            raise WeightsError(f"upbeat.json asks for the student {other!r}; there are ema and online")
    _refuse_others(held, file=file, advice=advice)
    with torch.device("meta"):
        network = CtmUNet(config["unet"])
    taken = network.state_dict()
    named = unet_tensors({name: tensor for name, tensor in held.items() if isinstance(tensor, Tensor)})
    unused = tuple(name.removeprefix("body.") for name in named if name not in taken)
    tensors = {name: tensor for name, tensor in named.items() if name in taken}
    check_fit(tensors, network, file=file, advice=advice)
    return tensors, unused


def _refuse_others(held: Tensors, *, file: str, advice: str) -> None:
    """Raise `WeightsError` if what a file holds is another copy or another model."""
    if any(name.startswith(ONLINE) for name in held):
        raise WeightsError(
            f"{file} holds the online student, as pytorch_model.bin does, and not its average; {advice}, or say "
            '"student": "online" among the sizes in upbeat.json'
        )
    if any(name.startswith("dit.") for name in held):
        raise WeightsError(f"{file} holds SoundCTM's DiT of 44.1 kHz, which is the family soundctm_dit; {advice}")
    if any(name.startswith("s_time_embedding.") for name in held):
        return
    if any(name.startswith((TEACHER, "conv_in.")) for name in held):
        raise WeightsError(
            f"{file} holds a U-Net without s_time_embedding, the level that a student jumps to: it looks like the "
            f"teacher, which needs many steps; {advice}"
        )
    some = ", ".join(list(held)[:2]) or "nothing"
    raise WeightsError(f"{file} holds {some} and no U-Net of SoundCTM; {advice}")


def _flat(file: Mapping[str, Any]) -> Mapping[str, Any]:
    inner: Mapping[str, Any] = file.get("state_dict", file)
    return inner


LAYOUT: Final = Layout(
    family="soundctm",
    files=(
        Expected(
            role="ema",
            names=("ema_0.999_030000.pt", "ema_0.999_*.pt", "ema_*.pt", "ema_*.safetensors"),
            holds="the averaged student",
        ),
        Expected(
            role="online",
            names=("pytorch_model.bin",),
            holds="the online student and the text encoder",
            needed=False,  # if the stock text encoder is there
        ),
        Expected(role="vae", names=("audioldm-s-full*.ckpt", *audioldm.NAMES), holds=audioldm.HOLDS),
        flan_t5.EXPECTED,
    ),
    tokenizers=flan_t5.TOKENIZERS,
    config=PUBLISHED,
    convert=convert,
    skeleton=skeleton,
)
