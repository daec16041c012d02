"""What a set of weights is, told by the names and shapes in it: for sentences, and to find a file's role.

It knows the files of the four published models and what they are most easily confused with. It decides nothing about
loading: each family's key map does that, strictly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The tensors of a file: their names, and their shapes."""

    shapes: Mapping[str, Shape]

    def has(self, *prefixes: str) -> bool:
        """Whether each of `prefixes` begins at least one name."""
        return all(any(name.startswith(prefix) for name in self.shapes) for prefix in prefixes)

    def shape(self, name: str) -> Shape:
        """The shape of the tensor of that name; () if there is none."""
        return self.shapes.get(name, ())

    def within(self, prefix: str) -> "Names":
        """What stands under `prefix`, without it."""
        return Names({name.removeprefix(prefix): s for name, s in self.shapes.items() if name.startswith(prefix)})


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is, as what follows "looks like"; and the role that it has in which family's model."""

    what: str
    serves: Mapping[str, str] = field(default_factory=dict)


def recognised(tensors: Mapping[str, Tensor]) -> Look | None:
    """What a file with such tensors is; None if it is unknown here."""
    names = Names({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return next((look for looked in _LOOKS if (look := looked(names))), None)


def _audiolcm(names: Names) -> Look | None:
    marks = {
        "the student": "unet.diffusion_model.c1_embedder.",
        "the averaged target": "target_unet.diffusion_model.c1_embedder.",
        "the teacher": "model.diffusion_model.c1_embedder.",
        "the autoencoder": "first_stage_model.decoder.",
        "the text encoders": "cond_stage_model.",
    }
    held = [what for what, prefix in marks.items() if names.has(prefix)]
    if "the student" in held:
        return Look(f"AudioLCM's checkpoint with {_listed(held)}", {"audiolcm": "model"})
    if "the teacher" in held:
        return Look("the teacher of AudioLCM, without the student that was distilled from it")
    if "the averaged target" in held:
        return Look(f"AudioLCM's checkpoint with {_listed(held)}, and without its student")
    if names.has("c1_embedder.mlp.", "t_embedder.mlp.", "final_layer.conv1d."):
        return Look("a bare backbone of AudioLCM, which may be its teacher as well as its student")
    if (
        len(names.within("first_stage_model.").shape("decoder.conv_in.weight") or names.shape("decoder.conv_in.weight"))
        == 3
    ):
        return Look("the autoencoder of AudioLCM alone")
    if names.has("caption_encoder."):
        return Look("Microsoft's CLAP, whose text tower AudioLCM starts from")
    return None


def _consistency_training(names: Names) -> Look | None:
    serves = {"consistency_tta": "unet"}
    if names.has("student_ema_unet.") or names.has("consistency_slow_ema_unet."):
        return Look("a training checkpoint of ConsistencyTTA with its student", serves)
    if names.has("student_target_unet.") or names.has("consistency_ema_unet."):
        return Look("a training checkpoint of ConsistencyTTA without the slow average that was released", serves)
    if names.has("student_unet.") or names.has("consistency_unet."):
        return Look("a training checkpoint of ConsistencyTTA with the online student alone")
    if names.has("teacher_unet.") or names.has("diffusion_unet."):
        return Look("a training checkpoint of ConsistencyTTA with the teacher alone")
    return None


def _soundctm(names: Names) -> Look | None:
    if names.has("ctm_unet.s_time_embedding."):
        return Look(f"the online student of SoundCTM (U-Net, 16 kHz){_with_text(names)}", {"soundctm": "online"})
    if names.has("s_time_embedding.", "conv_in."):
        return Look("the averaged student of SoundCTM (U-Net, 16 kHz)", {"soundctm": "ema"})
    return None


def _soundctm_dit(names: Names) -> Look | None:
    if names.has("pretransform.") and names.has("model.model.transformer.layers."):
        return Look("Stable Audio, whose transformer SoundCTM's is built like")
    for prefix in ("dit.", "model.", ""):
        dit = names.within(prefix)
        if dit.has("transformer.layers.", "timestep_features."):
            if dit.has("to_global_embed."):
                return Look("the teacher of SoundCTM's DiT, without the student that was distilled from it")
            width = (0, *dit.shape("to_cond_embed.0.weight"))[-1]
            version = {768: ", version 2", 512: ", version 1 (the ICLR paper's)"}.get(width, "")
            return Look(f"the student of SoundCTM's DiT{version}{_with_text(names)}", {"soundctm_dit": "model"})
    if set(names.shapes) == {"z_mean", "z_std"}:
        return Look("the statistics of the latents of SoundCTM's DiT", {"soundctm_dit": "statistics"})
    return None


def _with_text(names: Names) -> str:
    return " with its text encoder" if names.has("text_encoder.") else ""


def _unet(names: Names) -> Look | None:
    """U-Nets in the names of diffusers, with or without "unet." before them."""
    for prefix in ("unet.", ""):
        unet = names.within(prefix)
        if unet.has("down_blocks.", "mid_block.", "conv_in."):
            return _one_unet(unet, _with_text(names))
    return None


def _one_unet(unet: Names, with_text: str) -> Look:
    width, channels = (*unet.shape("conv_in.weight"), 0, 0)[:2]
    if channels in (4, 9):
        return Look(f"a U-Net of Stable Diffusion ({channels} channels in), which makes pictures")
    if unet.has("guidance_embedding."):
        return Look("the student of ConsistencyTTA", {"consistency_tta": "unet"})
    if unet.has("class_embedding."):
        return Look("a U-Net in the names of diffusers, such as AudioLDM's, and no distilled student")
    if channels == 8 and width == 256:
        return Look(f"a U-Net without guidance layers, such as the teacher of ConsistencyTTA{with_text}")
    if channels == 8 and width == 320:
        return Look(f"a U-Net without a second time, such as Tango's or the teacher of SoundCTM{with_text}")
    return Look(f"a U-Net of {channels} channels in and of width {width}, and no distilled student{with_text}")


_AUDIOLDM_SERVES: Final = {"consistency_tta": "vae", "soundctm": "vae"}


def _latent_diffusion(names: Names) -> Look | None:
    """Whole models in the names of the first latent diffusion code."""
    first = names.shape("model.diffusion_model.input_blocks.0.0.weight")
    if first[1:2] in ((4,), (9,)):
        return Look("Stable Diffusion, which makes pictures")
    if names.has("first_stage_model.vocoder."):
        return Look("AudioLDM's checkpoint", _AUDIOLDM_SERVES)
    if first or names.has("first_stage_model.decoder."):
        return Look("a latent diffusion model without a vocoder")
    return None


def _mel_vae(names: Names) -> Look | None:
    if len(names.shape("decoder.conv_in.weight")) != 4:
        return None
    if names.has("decoder.up_blocks."):
        return Look("an autoencoder in the names of diffusers, and not in its authors'")
    if not names.has("vocoder.conv_pre."):
        return Look("the mel autoencoder of AudioLDM without its vocoder")
    return Look("the mel autoencoder of AudioLDM and its vocoder", _AUDIOLDM_SERVES)


def _vocoder(names: Names) -> Look | None:
    if any(names.has(prefix) for prefix in ("mpd.", "mrd.", "msd.")):
        return Look("the discriminators of a vocoder's training, and not its generator")
    if not names.has("conv_pre.", "ups.", "resblocks."):
        return None
    if names.has("resblocks.0.activations."):
        return Look("a BigVGAN vocoder", {"audiolcm": "vocoder"})
    return Look("a HiFi-GAN vocoder alone")


def _codec(names: Names) -> Look | None:
    if names.has("quantizer."):
        return Look("Descript's audio codec with its quantiser, and not the Gaussian one that SoundCTM has")
    if names.has("decoder.model.0.", "post_conv."):
        return Look("the waveform autoencoder of SoundCTM's DiT", {"soundctm_dit": "vae"})
    return None


def _text_model(names: Names) -> Look | None:
    for prefix in ("module.", "text_encoder.model.", ""):
        if names.within(prefix).has("text_branch."):
            return Look("LAION's CLAP, which SoundCTM's DiT has a copy of in its own file")
    for prefix in ("text_encoder.", ""):
        t5 = names.within(prefix)
        if t5.has("encoder.block.0.layer.0.SelfAttention."):
            width = (0, *(t5.shape("shared.weight") or t5.shape("encoder.embed_tokens.weight")))[-1]
            how = "a T5" if t5.has("decoder.block.") else "the encoder of a T5"
            return Look(f"{how} of width {width}", {"consistency_tta": "text_encoder", "soundctm": "text_encoder"})
    if any(names.has(prefix + "embeddings.word_embeddings.") for prefix in ("", "bert.", "roberta.")):
        return Look("a BERT or RoBERTa by itself")
    return None


def _lora(names: Names) -> Look | None:
    if any(re.search(r"\.lora_(down|up|[AB])\.", name) for name in names.shapes):
        return Look("a LoRA, which changes another model and is none")
    return None


_LOOKS: Final[tuple[Callable[[Names], Look | None], ...]] = (
    _lora,
    _audiolcm,
    _consistency_training,
    _soundctm,
    _soundctm_dit,
    _unet,
    _latent_diffusion,
    _mel_vae,
    _vocoder,
    _codec,
    _text_model,
)


def _listed(words: list[str]) -> str:
    """
    >>> _listed(["the student"]), _listed(["the student", "the autoencoder", "the text encoders"])
    ('the student', 'the student, the autoencoder and the text encoders')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
