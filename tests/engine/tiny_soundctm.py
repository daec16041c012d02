"""SoundCTM's two models at sizes that compute in milliseconds: their authors' files, and the families of these."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.checkpoints import soundctm, soundctm_dit
from engine.checkpoints.fitting import filled
from engine.checkpoints.layout import Layout
from engine.families.soundctm import SoundCTM
from engine.families.soundctm_dit import SoundCTMDiT
from engine.text.flan_t5 import FlanT5, Tokens
from engine.vocoders.hifigan import HiFiGAN
from tests.parity.fixtures import folder

VOCABULARY = 120
WORDS = ("dog", "rain", "warm", "kick")


def unet_config() -> dict[str, Any]:
    """The recorded U-Net with the autoencoder that was recorded with ConsistencyTTA, and a vocoder that is quicker."""
    unet = folder("soundctm").json["unet"]["config"]
    beside = folder("consistencytta").config
    quicker = {"upsample_initial_channel": 32, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]]}
    return {
        "unet": unet,
        "vae": beside["vae"],
        "vocoder": {**beside["vocoder"], **quicker},
        "text_encoder": {
            **soundctm.PUBLISHED["text_encoder"],
            "d_model": unet["cross_attention_dim"],
            "d_kv": 8,
            "num_heads": 2,
            "d_ff": 32,
            "num_layers": 2,
            "vocab_size": VOCABULARY,
        },
        "student": "ema",
    }


def unet_files(*, scale_factor: float = 0.9) -> dict[str, dict[str, Any]]:
    """What the authors' files hold, by role; the online student is the averaged one with 1 added to every number."""
    recorded, beside = folder("soundctm"), folder("consistencytta")
    said = recorded.json["unet"]["weights"]["student"]
    student = recorded.tensors(said["file"])
    audioldm = beside.tensors(beside.json["weights"]["vae_and_vocoder"])
    audioldm = {name: tensor for name, tensor in audioldm.items() if not name.startswith("vocoder.")}
    for name, tensor in random_tensors(HiFiGAN(unet_config()["vocoder"])).items():
        audioldm["vocoder." + name.removeprefix("generator.").replace("upsampler.", "ups.")] = tensor
    text = random_tensors(FlanT5(unet_config()["text_encoder"]))
    text = {name.removeprefix("encoder."): tensor for name, tensor in text.items()}
    text["encoder.embed_tokens.weight"] = text["shared.weight"]
    return {
        "ema": {name.removeprefix(said["prefix"]): tensor for name, tensor in student.items()},
        "online": {
            **{name: tensor + 1 for name, tensor in student.items()},
            **{f"text_encoder.{name}": tensor for name, tensor in text.items()},
        },
        "vae": {
            "state_dict": {
                **{f"first_stage_model.{name}": tensor for name, tensor in audioldm.items()},
                "scale_factor": torch.tensor(scale_factor),
                "model.diffusion_model.out.0.weight": torch.zeros(3),
                "cond_stage_model.model.logit_scale_a": torch.zeros(()),
            },
            "global_step": 1,
        },
    }


def dit_config() -> dict[str, Any]:
    """The recorded sizes."""
    said = folder("soundctm").json
    dit = {name: said["dit"]["config"][name] for name in ("io_channels", "embed_dim", "num_heads", "depth")}
    width = said["dit"]["config"]["cond_token_dim"]
    clap = {**said["dit_clap_text"]["config"], "hidden_size": width, "projection_dim": width // 2}
    return {"dit": {**dit, "cond_token_dim": width}, "clap": clap, "dac": said["dit_vae"]["config"]}


def dit_files() -> dict[str, dict[str, Any]]:
    """What the authors' files hold, by role; the text encoder is as wide as the recorded DiT wants it."""
    recorded = folder("soundctm")
    said = recorded.json
    config = dit_config()
    with torch.device("meta"):
        shapes = soundctm_dit.skeleton(config)["text_encoder"]
    text = {}
    for name, tensor in random_tensors(shapes).items():
        name = name.removeprefix("body.").replace("text_model.", "text_branch.")
        name = name.replace("projection.linear1", "projection.0").replace("projection.linear2", "projection.2")
        text[f"text_encoder.model.{name}"] = tensor
    channels = config["dit"]["io_channels"]
    return {
        "model": {
            **recorded.tensors(said["dit"]["weights"]["student"]["file"]),
            **text,
            "text_encoder.model.logit_scale_a": torch.zeros(()),
            "text_encoder.model.audio_branch.conv.weight": torch.zeros(2, 2),
        },
        "vae": {
            "state_dict": recorded.tensors(said["dit_vae"]["weights"].split()[0]),
            "metadata": {"kwargs": {**said["dit_vae"]["config"], "sample_rate": 44_100}},
        },
        "statistics": {"z_mean": torch.linspace(-0.5, 0.5, channels), "z_std": torch.linspace(0.8, 1.2, channels)},
    }


def tiny_unet() -> SoundCTM:
    """The U-Net's family of these files, with one token a word."""
    converted = soundctm.convert(unet_files(), unet_config())
    vae = {**unet_config()["vae"], "scale_factor": converted.settings["scale_factor"]}
    networks = networks_of(soundctm.LAYOUT, {**unet_config(), "vae": vae}, converted.parts)
    return SoundCTM(**networks, tokens=word_tokens(), weights_hash="tiny")


def tiny_dit() -> SoundCTMDiT:
    """The DiT's family of these files, with one token a word."""
    converted = soundctm_dit.convert(dit_files(), dit_config())
    networks = networks_of(soundctm_dit.LAYOUT, dit_config(), converted.parts)
    return SoundCTMDiT(**networks, projected=False, tokens=word_tokens(), weights_hash="tiny")


def networks_of(layout: Layout, config: dict[str, Any], parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Any]:
    """Each of a layout's networks with its tensors in it."""
    with torch.device("meta"):
        names = list(layout.skeleton(config))
    return {name: filled(lambda name=name: layout.skeleton(config)[name], parts[name]) for name in names}


def random_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Numbers for a network that keep what goes through it at about its size."""
    generator = torch.Generator().manual_seed(11)
    tensors = {}
    for name, tensor in network.state_dict().items():
        if tensor.ndim < 2:
            level = 1.0 if name.endswith("weight") else 0.0
            tensors[name] = level + 0.1 * torch.randn(tensor.shape, generator=generator)
        else:
            inputs = tensor[0].numel()
            tensors[name] = torch.randn(tensor.shape, generator=generator) / inputs**0.5
    return tensors


def smooth_tensors(vae: GaussianDAC) -> dict[str, Tensor]:
    """Numbers for a waveform VAE that keep it nearly linear, as loud as its latents are, and within full scale."""
    tensors = random_tensors(vae)
    for name, tensor in tensors.items():
        if name.endswith("alpha"):
            tensors[name] = torch.full_like(tensor, 0.01)
        elif name.endswith("bias"):
            tensors[name] = torch.zeros_like(tensor)
    tensors["decoder.conv2.weight"] *= 0.1  # far from where tanh bends
    return tensors


def word_tokens() -> Tokens:
    """One id a word, the same for the same word, and an end."""

    def tokens(prompt: str) -> Tensor:
        return torch.tensor([*(3 + zlib.crc32(word.encode()) % (VOCABULARY - 3) for word in prompt.split()), 1])

    return tokens


def write_unet_folder(place: Path) -> None:
    """The U-Net's files in `place`, which is `models/soundctm` below the home of whoever loads them."""
    files = unet_files()
    place.mkdir(parents=True)
    torch.save(files["ema"], place / "ema_0.999_030000.pt")
    torch.save(files["online"], place / "pytorch_model.bin")
    torch.save(files["vae"], place / "audioldm-s-full.ckpt")
    (place / "upbeat.json").write_text(json.dumps({"config": unet_config()}), encoding="utf-8")
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((f"▁{word}", -2.0) for word in WORDS)]
    vocabulary = Tokenizer(models.Unigram(scores, unk_id=2, byte_fallback=False))
    vocabulary.pre_tokenizer = pre_tokenizers.Metaspace()
    vocabulary.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    (place / "flan-t5-large").mkdir()
    vocabulary.save(str(place / "flan-t5-large" / "tokenizer.json"))


def write_dit_folder(place: Path) -> None:
    """The DiT's files in `place`, laid out as on the hub."""
    files = dit_files()
    student, vae = place / "model_checkpoints" / "soundctm", place / "utils_checkpoints" / "vae" / "gaussiandac"
    for made in (student, vae, place / "clap"):
        made.mkdir(parents=True)
    torch.save(files["model"], student / "ac_v2_ema_0999_030000.pt")
    torch.save(files["statistics"], student / "z_stats.pth")
    torch.save(files["vae"], vae / "weights.pth")
    (place / "upbeat.json").write_text(json.dumps({"config": dit_config()}), encoding="utf-8")
    ids = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, **{word: 4 + number for number, word in enumerate(WORDS)}}
    vocabulary = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    vocabulary.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    vocabulary.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    vocabulary.save(str(place / "clap" / "tokenizer.json"))
