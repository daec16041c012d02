"""What a set of weights is, told by the names and shapes in it: for sentences, and to find a file's role.

It knows the files of the four published models and what they are most easily confused with. It decides nothing about
loading: each family's key map does that, strictly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


Look = Callable[[Names], str | None]  # what it is, or None if it is something else


def recognised(tensors: Mapping[str, Tensor]) -> str | None:
    """What a file with such tensors is, as what follows "looks like"; None if it is unknown."""
    names = Names({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return next((what for look in _LOOKS if (what := look(names))), None)


def _audiolcm(names: Names) -> str | None:
    marks = {
        "the student": "unet.diffusion_model.c1_embedder.",
        "the averaged target": "target_unet.diffusion_model.c1_embedder.",
        "the teacher": "model.diffusion_model.c1_embedder.",
        "the VAE": "first_stage_model.decoder.",
        "the text encoders": "cond_stage_model.",
    }
    held = [what for what, prefix in marks.items() if names.has(prefix)]
    if held[:1] == ["the student"]:
        return f"AudioLCM's checkpoint with {_listed(held)}"
    if "the teacher" in held:
        return "the teacher of AudioLCM, without the student that was distilled from it"
    if "the averaged target" in held:
        return f"a part of AudioLCM's checkpoint: {_listed(held)}"
    if names.has("c1_embedder.mlp.", "t_embedder.mlp.", "final_layer.conv1d."):
        return "a bare backbone of AudioLCM, which may be its teacher as well as its student"
    return None


def _audiolcm_parts(names: Names) -> str | None:
    if len(names.within("first_stage_model.").shape("decoder.conv_in.weight")) == 3:
        return "the VAE of AudioLCM, without its student"
    if len(names.shape("decoder.conv_in.weight")) == 3 and names.has("decoder.mid.", "decoder.up."):
        return "the VAE of AudioLCM alone"
    if names.has("caption_encoder."):
        return "Microsoft's CLAP, whose text tower AudioLCM starts from"
    return None


def _consistency_training(names: Names) -> str | None:
    released = names.has("student_ema_unet.") or names.has("consistency_slow_ema_unet.")
    if released or names.has("student_target_unet.") or names.has("consistency_ema_unet."):
        return "a training checkpoint of ConsistencyTTA with its student"
    if names.has("student_unet.") or names.has("consistency_unet."):
        return "a training checkpoint of ConsistencyTTA with the online student only"
    if names.has("teacher_unet.") or names.has("diffusion_unet."):
        return "a training checkpoint of ConsistencyTTA with the teacher only"
    return None


def _soundctm(names: Names) -> str | None:
    if names.has("ctm_unet.s_time_embedding."):
        return "the online student of SoundCTM (16 kHz U-Net)" + _with_text(names)
    if names.has("s_time_embedding.", "conv_in."):
        return "the student of SoundCTM (16 kHz U-Net), without a prefix, as its averaged weights are saved"
    return None


def _soundctm_dit(names: Names) -> str | None:
    for prefix in ("dit.", "model.", ""):
        dit = names.within(prefix) if prefix else names
        if not dit.has("transformer.layers.", "timestep_features."):
            continue
        if names.has("pretransform."):
            return "Stable Audio, whose transformer SoundCTM's is built like"
        if dit.has("to_global_embed."):
            return "the teacher of SoundCTM's DiT, without the student that was distilled from it"
        width = (0, *dit.shape("to_cond_embed.0.weight"))[-1]
        version = {768: ", version 2", 512: ", version 1 (the ICLR paper's)"}.get(width, "")
        return f"the student of SoundCTM's DiT{version}" + _with_text(names)
    if names.has("model.model.transformer.layers.", "pretransform."):
        return "Stable Audio, whose transformer SoundCTM's is built like"
    return None


def _with_text(names: Names) -> str:
    return " and its text encoder" if names.has("text_encoder.") else ""


def _unet(names: Names) -> str | None:
    """U-Nets in the names of diffusers, with or without "unet." before them."""
    for prefix in ("unet.", ""):
        unet = names.within(prefix) if prefix else names
        if not unet.has("down_blocks.", "mid_block.", "conv_in."):
            continue
        width, channels = (*unet.shape("conv_in.weight"), 0, 0)[:2]
        if channels in (4, 9):
            return f"a U-Net of Stable Diffusion ({channels} channels in), which makes pictures"
        if unet.has("guidance_embedding."):
            return "the student of ConsistencyTTA"
        if unet.has("class_embedding."):
            return "a U-Net of AudioLDM or one with diffusers' own names, and not a distilled student"
        if channels == 8 and width == 256:
            return "a U-Net without guidance layers, such as the teacher of ConsistencyTTA" + _with_text(names)
        if channels == 8 and width == 320:
            return "a U-Net without a second time, such as Tango's or the teacher of SoundCTM" + _with_text(names)
        return f"a U-Net of {channels} channels in and width {width}, and no distilled student" + _with_text(names)
    return None


def _latent_diffusion(names: Names) -> str | None:
    """Whole models in the names of the first latent diffusion code."""
    first = names.shape("model.diffusion_model.input_blocks.0.0.weight")
    if first[1:2] in ((4,), (9,)):
        return "Stable Diffusion, which makes pictures"
    if first or names.has("first_stage_model.vocoder."):
        return "a checkpoint of AudioLDM, with the VAE and the vocoder that SoundCTM and ConsistencyTTA take of it"
    if names.has("first_stage_model.decoder."):
        return "the first stage of a latent diffusion model"
    return None


def _mel_vae(names: Names) -> str | None:
    if len(names.shape("decoder.conv_in.weight")) != 4:
        return None
    if names.has("decoder.up_blocks."):
        return "an autoencoder in diffusers' own names, and not in the authors'"
    with_vocoder = " and its vocoder" if names.has("vocoder.conv_pre.") else ", without a vocoder"
    return f"the mel VAE of AudioLDM{with_vocoder}"


def _vocoder(names: Names) -> str | None:
    if names.has("mpd.") or names.has("mrd.") or names.has("msd."):
        return "the discriminators of a vocoder's training, and not its generator"
    if not names.has("conv_pre.", "ups.", "resblocks."):
        return None
    if names.has("resblocks.0.activations."):
        bands = names.shape("conv_pre.weight_v")[1:2]
        return "a BigVGAN vocoder" + (f" of {bands[0]} mel bands" if bands else "")
    return "a HiFi-GAN vocoder"


def _codec(names: Names) -> str | None:
    if names.has("quantizer."):
        return "Descript's audio codec with its quantiser, and not the Gaussian one that SoundCTM has"
    if names.has("decoder.model.0.", "post_conv."):
        return "the waveform VAE of SoundCTM's DiT"
    return None


def _clap(names: Names) -> str | None:
    for prefix in ("module.", "text_encoder.model.", ""):
        clap = names.within(prefix) if prefix else names
        if clap.has("text_branch."):
            return "LAION's CLAP" if clap.has("audio_branch.") else "the text tower of LAION's CLAP"
    return None


def _t5(names: Names) -> str | None:
    for prefix in ("text_encoder.", ""):
        t5 = names.within(prefix) if prefix else names
        if t5.has("encoder.block.0.layer.0.SelfAttention."):
            width = t5.shape("shared.weight")[-1:] or t5.shape("encoder.embed_tokens.weight")[-1:]
            return f"{'a whole' if t5.has('decoder.block.') else 'the encoder of a'} T5" + (
                f" of width {width[0]}" if width else ""
            )
    return None


def _others(names: Names) -> str | None:
    if set(names.shapes) == {"z_mean", "z_std"}:
        return "the statistics of the latents of SoundCTM's DiT"
    if any(re.search(r"\.lora_(down|up|[AB])\.", name) for name in names.shapes):
        return "a LoRA, which changes another model and is none"
    if names.has("embeddings.word_embeddings.") or names.has("bert.embeddings.") or names.has("roberta.embeddings."):
        return "a BERT or RoBERTa by itself"
    return None


_LOOKS: Final[tuple[Look, ...]] = (
    _audiolcm,
    _consistency_training,
    _soundctm,
    _soundctm_dit,
    _unet,
    _latent_diffusion,
    _audiolcm_parts,
    _mel_vae,
    _vocoder,
    _codec,
    _clap,
    _t5,
    _others,
)


def _listed(words: list[str]) -> str:
    """
    >>> _listed(["the student"]), _listed(["the student", "the VAE", "the text encoders"])
    ('the student', 'the student, the VAE and the text encoders')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
