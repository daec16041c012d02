"""AudioLCM's published files: a Lightning checkpoint with three backbones in it, and a vocoder of its own.

The student under `unet.` is the one that is played. The exponential average under `target_unet.` was only the target of
distillation, and the teacher under `model.` needs many steps. The text encoders were trained along, so theirs are the
weights in the checkpoint, and the stock models give their vocabularies alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.autoencoders.mel_vae_1d import MelVAE1d
from engine.checkpoints.layout import Config, Converted, Expected, Layout, Tensors
from engine.denoisers.audiolcm_transformer import AudioLCMTransformer
from engine.errors import WeightsError
from engine.text.bert_and_t5 import BertAndT5
from engine.vocoders.bigvgan import BigVGAN

STUDENT: Final = "unet.diffusion_model."
TEACHER: Final = "model.diffusion_model."
TEXT: Final = "cond_stage_model."
AUTOENCODER: Final = "first_stage_model."

BERT_VOCABULARY: Final = "bert-base-uncased"
T5_VOCABULARY: Final = "t5-v1_1-large"

PUBLISHED: Final[Config] = {
    "unet": {
        "in_channels": 20,
        "context_dim": 1024,
        "hidden_size": 576,
        "num_heads": 8,
        "depth": 4,
        "max_len": 1000,
    },
    "vae": {
        "embed_dim": 20,
        "z_channels": 20,
        "in_channels": 80,
        "out_ch": 80,
        "ch": 384,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "kernel_size": 5,
        "down_layers": [0],
    },
    "vocoder": {
        "num_mels": 80,
        "upsample_rates": [4, 4, 2, 2, 2, 2],
        "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
        "upsample_initial_channel": 1536,
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "resblock": "1",
        "activation": "snakebeta",
        "snake_logscale": True,
    },
    "bert": {
        "vocab": 30522,
        "hidden": 768,
        "layers": 12,
        "heads": 12,
        "inter": 3072,
        "max_position_embeddings": 512,
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
    },
    "t5": {
        "vocab": 32128,
        "d_kv": 64,
        "heads": 16,
        "d_ff": 2816,
        "layers": 24,
        "d_model": 1024,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "feed_forward_proj": "gated-gelu",
        "layer_norm_epsilon": 1e-6,
    },
    "text_projection": {"d_in": 768, "d_out": 1024},
    "schedule": {"timesteps": 1000, "linear_start": 0.00085, "linear_end": 0.012, "num_ddim_timesteps": 50},
}

# What else the authors' training wrote, and playing needs none of: the other two backbones, the schedule (it is
# computed), BERT's pooler, which nothing reads, and places that an older transformers counted out.
_KNOWN_UNUSED: Final = re.compile(
    r"(model|target_unet)\.diffusion_model\..+"
    r"|betas|(sqrt_|log_)?(one_minus_|recip_|recipm1_)?alphas_cumprod(_prev)?|posterior_\w+"
    r"|cond_stage_model\.caption_encoder\.base\.(pooler\..+|embeddings\.position_ids)"
    r"|cond_stage_model\.t5_transformer\.(shared|encoder\.embed_tokens)\.weight"
)

# Our names in the denoiser, and the authors'. What begins with nothing of these is called the same.
_DENOISER_NAMES: Final = (
    (r"time_token\.guidance_in\.", r"t_embedder.proj_w."),
    (r"time_token\.", r"t_embedder."),
    (r"text_embedders\.0\.", r"c1_embedder."),
    (r"text_embedders\.1\.", r"c2_embedder."),
    (r"conv_in\.", r"proj_in."),
    (r"positions", r"pos_emb.weight"),
    (r"blocks\.(\d+)\.linear_(in|out)\.", r"blocks.\1.proj_\2."),
    (r"blocks\.(\d+)\.norm_(\d)\.", r"blocks.\1.transformer_blocks.0.norm\2."),
    (r"blocks\.(\d+)\.attention_(\d)\.out\.", r"blocks.\1.transformer_blocks.0.attn\2.to_out.0."),
    (r"blocks\.(\d+)\.attention_(\d)\.", r"blocks.\1.transformer_blocks.0.attn\2."),
    (r"blocks\.(\d+)\.feed_forward\.conv_in\.", r"blocks.\1.transformer_blocks.0.ff.net.0.proj."),
    (r"blocks\.(\d+)\.feed_forward\.conv_out\.", r"blocks.\1.transformer_blocks.0.ff.net.2."),
    (r"norm_out\.", r"final_layer.norm_final."),
    (r"conv_out\.", r"final_layer.conv1d."),
)


class _Taken:
    """A file's tensors by name, and which of them were asked for."""

    def __init__(self, tensors: Tensors, *, file: str) -> None:
        self._tensors = tensors
        self._file = file
        self._asked: set[str] = set()

    def __call__(self, name: str) -> Tensor:
        """The tensor in single precision. Raises `WeightsError` if it is missing."""
        if name not in self._tensors:
            raise WeightsError(
                f"{self._file} has {len(self._tensors)} tensors but no {name}, which AudioLCM needs; it was cut down "
                "or is of another version, so take the authors' own file"
            )
        self._asked.add(name)
        return self._tensors[name].float()

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def unused(self) -> tuple[str, ...]:
        """The names that nothing asked for and nobody knows to be unused."""
        left = sorted(self._tensors.keys() - self._asked)
        return tuple(name for name in left if not _KNOWN_UNUSED.fullmatch(name))

    def part(self, module: nn.Module, taken: Callable[[str], Tensor]) -> Tensors:
        """Every tensor that `module` has, as `taken` by its name there. Raises `WeightsError` for another shape."""
        part = {}
        for name, wanted in module.state_dict().items():
            tensor = taken(name)
            if tensor.shape == (*wanted.shape, 1):  # a convolution of one place is a linear layer
                tensor = tensor[..., 0]
            if tensor.shape != wanted.shape:
                raise WeightsError(
                    f"{self._file} has {tuple(tensor.shape)} numbers for {name} where AudioLCM has "
                    f"{tuple(wanted.shape)}; it is of another size, which upbeat.json beside it would have to say"
                )
            part[name] = tensor
        return part


def skeleton(config: Config) -> dict[str, nn.Module]:
    """AudioLCM's networks by part, of such sizes."""
    return {
        "text_encoder": BertAndT5(config["bert"], config["t5"], config["text_projection"]),
        "denoiser": AudioLCMTransformer(config["unet"]),
        "autoencoder": MelVAE1d(config["vae"]),
        "vocoder": BigVGAN(config["vocoder"]),
    }


def convert(files: Mapping[str, Mapping[str, Any]], config: Config) -> Converted:
    """The student, its text encoders, autoencoder and vocoder under our names."""
    with torch.device("meta"):
        modules = skeleton(config)
    model = _Taken(_model_tensors(files["model"]), file="the checkpoint")
    vocoder = _Taken(_vocoder_tensors(files["vocoder"]), file="the vocoder file")
    _check_vocoder_sizes(files.get("vocoder sizes", {}), config["vocoder"])
    parts = {
        "text_encoder": model.part(modules["text_encoder"], lambda name: _text(name, model)),
        "denoiser": model.part(modules["denoiser"], lambda name: _denoiser(name, model)),
        "autoencoder": model.part(modules["autoencoder"], lambda name: _autoencoder(name, model)),
        "vocoder": vocoder.part(modules["vocoder"], lambda name: _vocoder(name, vocoder)),
    }
    return Converted(parts=parts, unused=model.unused() + vocoder.unused())


def _model_tensors(file: Mapping[str, Any]) -> Tensors:
    """The checkpoint's tensors. Raises `WeightsError` if whole parts of the model are not among them."""
    tensors: Tensors = file.get("state_dict", file)
    groups = {
        prefix: any(name.startswith(prefix) for name in tensors) for prefix in (STUDENT, TEACHER, TEXT, AUTOENCODER)
    }
    if not groups[STUDENT] and groups[TEACHER]:
        raise WeightsError(
            f"the checkpoint has its backbone under {TEACHER} alone, so it is the teacher, which needs many steps; "
            f"AudioLCM's student lies under {STUDENT}, so take the authors' audiolcm.ckpt"
        )
    if not groups[STUDENT]:
        raise WeightsError(
            f"the checkpoint has nothing under {STUDENT}, where AudioLCM's student lies; take the authors' "
            "audiolcm.ckpt"
        )
    if not groups[TEXT]:
        raise WeightsError(
            f"the checkpoint has nothing under {TEXT}, where AudioLCM's own text encoders lie; with the stock ones it "
            "would understand nothing, so take the authors' whole audiolcm.ckpt"
        )
    if not groups[AUTOENCODER]:
        raise WeightsError(
            f"the checkpoint has nothing under {AUTOENCODER}, where AudioLCM's autoencoder lies; take the authors' "
            "whole audiolcm.ckpt"
        )
    if "scale_factor" not in tensors:
        raise WeightsError(
            "the checkpoint has no scale_factor, the number between AudioLCM's denoiser and its autoencoder, which "
            "cannot be guessed; take the authors' whole audiolcm.ckpt"
        )
    return tensors


def _vocoder_tensors(file: Mapping[str, Any]) -> Tensors:
    """The generator's tensors. Raises `WeightsError` for a file without one."""
    tensors: Tensors = file.get("generator", file)
    if "conv_post.weight_v" not in tensors:
        entries = ", ".join(list(map(str, file))[:3]) or "nothing"
        raise WeightsError(
            f"the vocoder file has no generator of BigVGAN but {entries}; wanted is the authors' best_netG.pt, which "
            "lies beside their args.yml"
        )
    return tensors


def _check_vocoder_sizes(said: Mapping[str, Any], config: Config) -> None:
    """Raise `WeightsError` if the authors' args.yml says other sizes: not all of them show in the tensors' shapes."""
    for name, ours in config.items():
        theirs = said.get(name, ours)
        if theirs != ours:
            raise WeightsError(
                f"args.yml says {name} is {theirs} where AudioLCM's vocoder has {ours}; if the two files belong "
                "together, say so in upbeat.json beside them"
            )


def _text(name: str, taken: _Taken) -> Tensor:
    if not name.startswith("t5."):
        return taken(TEXT + "caption_encoder." + re.sub(r"^bert\.", "base.", name))
    theirs = TEXT + "t5_transformer." + name.removeprefix("t5.encoder.")
    if theirs not in taken:  # the same table under its other name
        theirs = theirs.replace("t5_transformer.shared.", "t5_transformer.encoder.embed_tokens.")
    return taken(theirs)


def _denoiser(name: str, taken: _Taken) -> Tensor:
    theirs = STUDENT + name
    for ours, published in _DENOISER_NAMES:
        if re.match(ours, name):
            theirs = STUDENT + re.sub("^" + ours, published, name)
            break
    if "query_key_value" in theirs:  # one product in place of three
        return torch.cat([taken(theirs.replace("query_key_value", f"to_{letter}")) for letter in "qkv"])
    return taken(theirs)


def _autoencoder(name: str, taken: _Taken) -> Tensor:
    return taken(name if name == "scale_factor" else AUTOENCODER + name)


def _vocoder(name: str, taken: _Taken) -> Tensor:
    """With weight norm folded in, and the exponentials taken that are the same for every sample."""
    stem, _, leaf = re.sub(r"^ups\.(\d+)\.", r"ups.\1.0.", name).rpartition(".")
    match leaf:
        case "weight":
            direction = taken(f"{stem}.weight_v")
            norm = direction.square().sum(tuple(range(1, direction.ndim)), keepdim=True).sqrt()
            return taken(f"{stem}.weight_g") * direction / norm
        case "frequency":
            return taken(f"{stem}.act.alpha").exp()
        case "magnitude":
            return 1 / (taken(f"{stem}.act.beta").exp() + 1e-9)
        case "up_filter":
            return taken(f"{stem}.upsample.filter")[0, 0]
        case "down_filter":
            return taken(f"{stem}.downsample.lowpass.filter")[0, 0]
    return taken(f"{stem}.{leaf}")


LAYOUT: Final = Layout(
    family="audiolcm",
    files=(
        Expected(
            role="model",
            names=("audiolcm.ckpt", "000184.ckpt", "*.ckpt"),
            holds="the student, the autoencoder and both text encoders",
        ),
        Expected(role="vocoder", names=("best_netG.pt",), holds="the generator of BigVGAN"),
        Expected(role="vocoder sizes", names=("args.yml",), holds="the generator's sizes", needed=False),
    ),
    tokenizers={BERT_VOCABULARY: "google-bert/bert-base-uncased", T5_VOCABULARY: "google/t5-v1_1-large"},
    config=PUBLISHED,
    convert=convert,
    skeleton=skeleton,
)
