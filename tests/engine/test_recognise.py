"""What a set of names and shapes is taken for: the files of the four models, and what they are confused with."""

import importlib
from typing import Any

import pytest
import torch

from engine.checkpoints.cards import CARDS
from engine.checkpoints.recognise import Look, recognised
from tests.engine.test_full_size import component, manifest, prefixed


def look(shapes: dict[str, Any]) -> Look:
    found = recognised({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    assert found is not None
    return found


CONSISTENCY, AUDIOLCM, SOUNDCTM = manifest("consistencytta"), manifest("audiolcm"), manifest("soundctm")
STUDENT, VAE = CONSISTENCY["unet"], CONSISTENCY["vae"]
LCM = {name: shape for title in list(AUDIOLCM)[:-1] for name, shape in AUDIOLCM[title].items()}
DIT = {version: component(SOUNDCTM, f"soundctm_dit/dit {version}") for version in ("v1", "v2")}
CTM_TEXT = component(SOUNDCTM, "soundctm_unet/text_encoder")
CTM = component(SOUNDCTM, "soundctm_unet/ctm_unet")
FIRST = "model.diffusion_model.input_blocks.0.0.weight"

RIGHT = {
    "the student of ConsistencyTTA": (STUDENT, {"consistency_tta": "unet"}),
    "a training checkpoint of ConsistencyTTA with its student": (
        prefixed("student_ema_unet.", STUDENT) | prefixed("teacher_unet.", CONSISTENCY["teacher_unet"]),
        {"consistency_tta": "unet"},
    ),
    "the mel autoencoder of AudioLDM and its vocoder": (VAE, {"consistency_tta": "vae", "soundctm": "vae"}),
    "AudioLDM's checkpoint": (
        prefixed("first_stage_model.", VAE) | {FIRST: [128, 8, 3, 3]},
        {"consistency_tta": "vae", "soundctm": "vae"},
    ),
    "the encoder of a T5 of width 1024": (
        CONSISTENCY["text_encoder"],
        {"consistency_tta": "text_encoder", "soundctm": "text_encoder"},
    ),
    "AudioLCM's checkpoint with the student, the averaged target, the teacher, the autoencoder and the text encoders": (
        LCM,
        {"audiolcm": "model"},
    ),
    "a BigVGAN vocoder": (AUDIOLCM["vocoder_generator"], {"audiolcm": "vocoder"}),
    "the averaged student of SoundCTM (U-Net, 16 kHz)": (
        {name.removeprefix("ctm_unet."): shape for name, shape in CTM.items()},
        {"soundctm": "ema"},
    ),
    "the online student of SoundCTM (U-Net, 16 kHz) with its text encoder": (
        {**CTM, **CTM_TEXT},
        {"soundctm": "online"},
    ),
    "the student of SoundCTM's DiT, version 1 (the ICLR paper's)": (DIT["v1"], {"soundctm_dit": "model"}),
    "the student of SoundCTM's DiT, version 2": (DIT["v2"], {"soundctm_dit": "model"}),
    "the waveform autoencoder of SoundCTM's DiT": (
        component(SOUNDCTM, "soundctm_dit/gaussiandac"),
        {"soundctm_dit": "vae"},
    ),
    "the statistics of the latents of SoundCTM's DiT": (
        component(SOUNDCTM, "soundctm_dit/z_stats"),
        {"soundctm_dit": "statistics"},
    ),
}

WRONG = {
    "a U-Net without guidance layers, such as the teacher of ConsistencyTTA": CONSISTENCY["teacher_unet"],
    "a training checkpoint of ConsistencyTTA with the teacher alone": prefixed(
        "teacher_unet.", CONSISTENCY["teacher_unet"]
    ),
    "the teacher of AudioLCM, without the student that was distilled from it": {
        name: shape for name, shape in LCM.items() if not name.startswith(("unet.", "target_unet."))
    },
    "a U-Net without a second time, such as Tango's or the teacher of SoundCTM": component(
        SOUNDCTM, "soundctm_unet/teacher"
    ),
    "the teacher of SoundCTM's DiT, without the student that was distilled from it": {
        **DIT["v2"],
        "dit.to_global_embed.0.weight": [1536, 1536],
    },
    "Stable Diffusion, which makes pictures": {FIRST: [320, 4, 3, 3], "first_stage_model.decoder.conv_in.bias": [512]},
    "a U-Net of Stable Diffusion (4 channels in), which makes pictures": {
        **CONSISTENCY["teacher_unet"],
        "conv_in.weight": [320, 4, 3, 3],
    },
    "Stable Audio, whose transformer SoundCTM's is built like": {
        "model.model.transformer.layers.0.ff.weight": [1],
        "pretransform.model.weight": [1],
    },
    "a LoRA, which changes another model and is none": {"unet.down_blocks.0.lora_A.weight": [4, 4]},
    "a HiFi-GAN vocoder alone": {
        name.removeprefix("vocoder."): shape for name, shape in VAE.items() if name.startswith("vocoder.")
    },
    "the discriminators of a vocoder's training, and not its generator": {"mpd.0.weight": [1]},
    "Microsoft's CLAP, whose text tower AudioLCM starts from": {"caption_encoder.base.pooler.dense.bias": [768]},
    "LAION's CLAP, which SoundCTM's DiT has a copy of in its own file": {"module.text_branch.pooler.dense.bias": [768]},
    "Descript's audio codec with its quantiser, and not the Gaussian one that SoundCTM has": {
        "quantizer.quantizers.0.codebook.weight": [1024, 8],
        "decoder.model.0.bias": [1536],
    },
    "a BERT or RoBERTa by itself": {"bert.embeddings.word_embeddings.weight": [30522, 768]},
}


@pytest.mark.parametrize("what", RIGHT)
def test_each_published_file_is_known_with_the_role_that_it_has(what: str) -> None:
    shapes, serves = RIGHT[what]

    assert look(shapes) == Look(what, serves)


@pytest.mark.parametrize("what", WRONG)
def test_what_they_are_confused_with_is_known_and_serves_nobody(what: str) -> None:
    assert look(WRONG[what]) == Look(what)


def test_what_nobody_knows_is_none() -> None:
    assert recognised({"something.weight": torch.zeros(3)}) is None


@pytest.mark.parametrize("family", CARDS)
def test_the_roles_are_those_of_the_layouts(family: str) -> None:
    layout = importlib.import_module(f"engine.checkpoints.{family}").LAYOUT
    told = {serves[family] for _, serves in RIGHT.values() if family in serves}

    assert told == {expected.role for expected in layout.files} - {"vocoder sizes"}  # which are no weights
