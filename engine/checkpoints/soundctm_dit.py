"""SoundCTM-DiT's files: `koichisaito/soundctm_dit` on the hub, the EMA student with its text encoder, and the VAE."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.checkpoints.fitting import check_fit
from engine.checkpoints.layout import Config, Converted, Expected, Layout, Tensors
from engine.denoisers.ctm_dit import CtmDiT
from engine.errors import WeightsError
from engine.text.clap_roberta import ClapText

CONFIG: Config = {
    "dit": {"io_channels": 64, "embed_dim": 1536, "num_heads": 24, "depth": 24, "cond_token_dim": 768},
    "clap": {
        "vocab_size": 50265,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "projection_dim": 512,
    },
    # Assumed: the code does not say them. What is loaded has the widths that its file has.
    "dac": {
        "encoder_dim": 64,
        "encoder_rates": [2, 8, 8, 8],
        "latent_dim": 64,
        "decoder_dim": 1536,
        "decoder_rates": [8, 8, 8, 2],
    },
}

_TEXT = "text_encoder.model."
_TEXT_UNUSED = ("audio_branch.", "audio_projection.", "audio_transform.", "text_transform.", "logit_scale")
_MODEL_WANTED = "the student ac_v2_ema_0999_030000.pt (or v1) of koichisaito/soundctm_dit is wanted"
_VAE_WANTED = "weights.pth of koichisaito/soundctm_dit's gaussiandac is wanted"
_STATISTICS_WANTED = "z_stats.pth of koichisaito/soundctm_dit is wanted, with z_mean and z_std"


class LatentStatistics(nn.Module):
    """Between the VAE's latents and what the DiT works on: mean 0 and deviation 0.5 in each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("z_mean", torch.zeros(channels))
        self.register_buffer("z_std", torch.ones(channels))
        self.z_mean: Tensor
        self.z_std: Tensor

    def for_vae(self, z: Tensor) -> Tensor:
        """The VAE's latents (batch, channels, frames) of the DiT's."""
        return 2 * self.z_std[None, :, None] * z + self.z_mean[None, :, None]

    def for_dit(self, latents: Tensor) -> Tensor:
        """The DiT's latents (batch, channels, frames) of the VAE's."""
        return 0.5 * (latents - self.z_mean[None, :, None]) / self.z_std[None, :, None]


def stock_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """`dit.*` under the names of the library's class, to the last one: `engine.denoisers.ctm_dit.stock` takes them."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("dit.")
        layer = re.fullmatch(r"transformer\.layers\.(\d+)\.(.+)", name)
        if layer is not None:
            for part, piece in _layer_tensors(layer[2], tensor):
                renamed[f"transformer_blocks.{layer[1]}.{part}"] = piece
        elif name == "timestep_features.weight":
            renamed["time_proj.weight"] = tensor[:, 0]
        elif name != "transformer.rotary_pos_emb.inv_freq":  # computed: it follows from the width of a head
            for published, ours in _AROUND.items():
                if name.startswith(published):
                    renamed[ours + name.removeprefix(published)] = tensor
    return renamed


_AROUND = {
    "to_timestep_embed.": "timestep_proj.",
    "to_cond_embed.": "cross_attention_proj.",
    "preprocess_conv.": "preprocess_conv.",
    "postprocess_conv.": "postprocess_conv.",
    "transformer.project_in.": "proj_in.",
    "transformer.project_out.": "proj_out.",
}
_NORMS = {"pre_norm": "norm1", "cross_attend_norm": "norm2", "ff_norm": "norm3"}
_AFFINE = {"gamma": "weight", "beta": "bias"}


def _layer_tensors(name: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    """One layer's tensor as the library's one, two or three."""
    norm, _, affine = name.partition(".")
    if norm in _NORMS and affine in _AFFINE:
        return [(f"{_NORMS[norm]}.{_AFFINE[affine]}", tensor)]
    match name:
        case "self_attn.to_qkv.weight":
            return [(f"attn1.to_{which}.weight", rows) for which, rows in zip("qkv", tensor.chunk(3), strict=True)]
        case "cross_attn.to_kv.weight":
            return [(f"attn2.to_{which}.weight", rows) for which, rows in zip("kv", tensor.chunk(2), strict=True)]
        case "self_attn.to_out.weight":
            return [("attn1.to_out.0.weight", tensor)]
        case "cross_attn.to_q.weight":
            return [("attn2.to_q.weight", tensor)]
        case "cross_attn.to_out.weight":
            return [("attn2.to_out.0.weight", tensor)]
        case _ if name.startswith("ff.ff."):
            return [("ff.net." + name.removeprefix("ff.ff."), tensor)]
    return []


def dit_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """`dit.*` under the names of `CtmDiT`, without what one token of text leaves no influence."""
    dead = re.compile(r"transformer_blocks\.\d+\.(norm2\.|attn2\.to_[qk]\.)")
    stock = stock_tensors(tensors)
    return {f"body.{name}": tensor.float() for name, tensor in stock.items() if not dead.match(name)}


def clap_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """`text_encoder.model.*`, of which the text half, under the names of `ClapText`."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{_TEXT}text_branch.") and not name.endswith("position_ids"):
            renamed["body.text_model." + name.removeprefix(f"{_TEXT}text_branch.")] = tensor.float()
        elif name.startswith(f"{_TEXT}text_projection."):
            layer, _, which = name.removeprefix(f"{_TEXT}text_projection.").partition(".")
            renamed[f"body.text_projection.linear{1 if layer == '0' else 2}.{which}"] = tensor.float()
    return renamed


def weight_norm_folded(tensors: Tensors) -> dict[str, Tensor]:
    """Each pair of `weight_g` and `weight_v` as the `weight` that they stand for."""
    folded = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith((".weight_g", ".weight_v"))}
    for name, direction in tensors.items():
        if name.endswith(".weight_v") and name[:-1] + "g" in tensors:
            length = direction.float().flatten(1).norm(dim=1).view(-1, *[1] * (direction.ndim - 1))
            folded[name.removesuffix("_v")] = tensors[name[:-1] + "g"].float() * direction.float() / length
    return folded


def dac_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """The VAE's own names as `GaussianDAC`'s, weight norms folded."""
    renamed: dict[str, Tensor] = {}
    folded = weight_norm_folded(tensors)
    last = {side: 1 + max(_numbers(folded, side), default=0) for side in ("encoder.block", "decoder.model")}
    for name, tensor in folded.items():
        side = next((side for side in last if name.startswith(side + ".")), None)
        if side is None:
            renamed[name] = tensor
            continue
        number, _, rest = name.removeprefix(side + ".").partition(".")
        renamed[f"{side[:7]}.{_dac_name(side, int(number), last[side], rest)}"] = tensor
    return renamed


def _dac_name(side: str, number: int, last: int, rest: str) -> str:
    """`rest` of layer `number` of one side; all but the first and the `last` two are blocks."""
    if number == 0:
        return f"conv1.{rest}"
    if number >= last - 2:
        return f"{'snake1' if number == last - 2 else 'conv2'}.{rest}"
    inner = re.fullmatch(r"block\.(\d+)\.(?:block\.(\d+)\.)?(.+)", rest)
    if inner is None:
        return f"block.{number - 1}.{rest}"
    place, unit_place, which = int(inner[1]), inner[2], inner[3]
    if unit_place is not None:
        unit = place + 1 if side.startswith("encoder") else place - 1
        part = ("snake1", "conv1", "snake2", "conv2")[int(unit_place)]
        return f"block.{number - 1}.res_unit{unit}.{part}.{which}"
    convolution = "conv1" if side.startswith("encoder") else "conv_t1"
    return f"block.{number - 1}.{'snake1' if place in (0, 3) else convolution}.{which}"


def _numbers(tensors: Mapping[str, Tensor], side: str) -> list[int]:
    found = (re.match(re.escape(side) + r"\.(\d+)\.", name) for name in tensors)
    return [int(match[1]) for match in found if match is not None]


def dac_sizes(tensors: Tensors) -> Config:
    """The VAE's widths and strides by the shapes in its own file: a stride is half of its convolution's kernel."""
    shapes = {name: tensor.shape for name, tensor in tensors.items() if name.endswith(".weight_v")}
    try:
        return {
            "encoder_dim": shapes["encoder.block.0.weight_v"][0],
            "encoder_rates": _rates(shapes, r"encoder\.block\.(\d+)\.block\.4\.weight_v"),
            "latent_dim": shapes["decoder.model.0.weight_v"][1],
            "decoder_dim": shapes["decoder.model.0.weight_v"][0],
            "decoder_rates": _rates(shapes, r"decoder\.model\.(\d+)\.block\.1\.weight_v"),
        }
    except KeyError as error:
        raise WeightsError(f"the VAE's file lacks the tensor {error.args[0]!r}; {_VAE_WANTED}") from error


def _rates(shapes: Mapping[str, torch.Size], pattern: str) -> list[int]:
    found = ((re.fullmatch(pattern, name), shape) for name, shape in shapes.items())
    return [shape[2] // 2 for _, shape in sorted((int(match[1]), shape) for match, shape in found if match is not None)]


def convert(contents: Mapping[str, Mapping[str, Any]], config: Config) -> Converted:
    """The files as parts. Which version it is, and the VAE's widths, the files themselves say: `settings` has them."""
    model, vae, statistics = contents["model"], contents["vae"], contents["statistics"]
    _refuse_others(model)
    dac_weights = vae.get("state_dict", vae)
    cond_token_dim = model["dit.to_cond_embed.0.weight"].shape[0]
    sizes = {
        **config,
        "dit": {**config["dit"], "cond_token_dim": cond_token_dim},
        "dac": dac_sizes(dac_weights),
    }
    if cond_token_dim not in (config["clap"]["hidden_size"], config["clap"]["projection_dim"]):
        raise WeightsError(f"the student takes texts of width {cond_token_dim}; {_MODEL_WANTED}, of 768 or 512")
    parts: dict[str, dict[str, Tensor]] = {
        "denoiser": dit_tensors({name: tensor for name, tensor in model.items() if name.startswith("dit.")}),
        "text_encoder": clap_tensors(model),
        "autoencoder": dac_tensors(dac_weights),
        "statistics": {name: statistics[name].flatten().float() for name in ("z_mean", "z_std") if name in statistics},
    }
    with torch.device("meta"):
        networks = skeleton(sizes)
    said = {
        "denoiser": ("the student's file", _MODEL_WANTED),
        "text_encoder": ("the student's file", _MODEL_WANTED),
        "autoencoder": ("the VAE's file", _VAE_WANTED),
        "statistics": ("the statistics' file", _STATISTICS_WANTED),
    }
    unused = [name for name in model if not _known(name)]
    for part, network in networks.items():
        taken = network.state_dict()
        unused += [f"{part}: {name}" for name in parts[part] if name not in taken]
        parts[part] = {name: tensor for name, tensor in parts[part].items() if name in taken}
        check_fit(parts[part], network, file=said[part][0], advice=said[part][1])
    settings = {"sizes": {"dit": sizes["dit"], "dac": sizes["dac"]}}
    return Converted(parts=parts, settings=settings, unused=tuple(unused))


def _refuse_others(model: Mapping[str, Any]) -> None:
    if any(name.startswith("dit.to_global_embed.") for name in model):
        raise WeightsError(f"this looks like the teacher, which needs many steps; {_MODEL_WANTED}")
    if any(name.startswith(("ctm_unet.", "s_time_embedding.", "unet.")) for name in model):
        raise WeightsError(f"this looks like SoundCTM's U-Net of 16 kHz, which is the family soundctm; {_MODEL_WANTED}")
    if "dit.to_cond_embed.0.weight" not in model:
        raise WeightsError(f"the student's file lacks the tensor 'dit.to_cond_embed.0.weight'; {_MODEL_WANTED}")


def _known(name: str) -> bool:
    """Whether a name of the student's file is taken, or known to be of no use here."""
    if name.startswith("dit."):
        anything = torch.empty(3, 1)  # only whether its name is mapped counts
        return bool(stock_tensors({name: anything})) or name.endswith("rotary_pos_emb.inv_freq")
    text = name.removeprefix(_TEXT)
    return text != name and text.startswith(("text_branch.", "text_projection.", *_TEXT_UNUSED))


def skeleton(config: Config) -> dict[str, nn.Module]:
    """The four networks at these sizes."""
    return {
        "denoiser": CtmDiT(config["dit"]),
        "text_encoder": ClapText(config["clap"]),
        "autoencoder": GaussianDAC(config["dac"]),
        "statistics": LatentStatistics(config["dit"]["io_channels"]),
    }


LAYOUT = Layout(
    family="soundctm_dit",
    files=(
        Expected(
            role="model",
            names=("ac_v2_ema_0999_030000.pt", "ac_v1_iclr_ema_0999_010446.pt", "ac_v*_ema_*.pt"),
            holds="the student and its CLAP text encoder",
        ),
        Expected(role="vae", names=("weights.pth",), holds="the waveform VAE"),
        Expected(role="statistics", names=("z_stats.pth",), holds="mean and deviation of the VAE's latents"),
    ),
    tokenizers={"clap": "FacebookAI/roberta-base"},
    config=CONFIG,
    convert=convert,
    skeleton=skeleton,
)
