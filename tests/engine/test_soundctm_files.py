"""SoundCTM's files: what is taken from which, and what is said of those that are something else."""

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints import soundctm, soundctm_dit
from engine.checkpoints.fitting import check_fit
from engine.checkpoints.soundctm_dit import dac_sizes, weight_norm_folded
from engine.errors import WeightsError
from engine.families.soundctm import SoundCTM
from engine.families.soundctm_dit import SoundCTMDiT
from tests.engine.tiny_soundctm import (
    dit_config,
    dit_files,
    unet_config,
    unet_files,
    write_dit_folder,
    write_unet_folder,
)
from tests.parity.fixtures import folder

Files = dict[str, dict[str, Any]]


def on_meta(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def published(prefix: str) -> dict[str, torch.Tensor]:
    """The tensors of one list in the manifest, by how its title begins, without memory."""
    lists = {title: shapes for title, shapes in folder("soundctm").manifest.items() if title.startswith(prefix)}
    assert len(lists) == 1, f"{prefix} begins {len(lists)} titles of the manifest"
    return on_meta(next(iter(lists.values())))


# --- the U-Net


def test_the_averaged_student_is_taken_unless_the_online_one_is_asked_for() -> None:
    files = unet_files()
    first = "body.conv_in.weight"

    averaged = soundctm.convert(files, unet_config())
    online = soundctm.convert(files, {**unet_config(), "student": "online"})

    assert torch.equal(averaged.parts["denoiser"][first], files["ema"]["conv_in.weight"])
    assert torch.equal(online.parts["denoiser"][first], files["ema"]["conv_in.weight"] + 1)
    assert averaged.settings == {"scale_factor": pytest.approx(0.9)}
    assert averaged.unused == online.unused == ()


def test_the_unet_has_the_published_names_and_shapes() -> None:
    online = published("soundctm_unet/ctm_unet")
    student = {name.removeprefix("ctm_unet."): tensor for name, tensor in online.items()}
    with torch.device("meta"):
        networks = soundctm.skeleton(soundctm.PUBLISHED)

    check_fit(soundctm.unet_tensors(student), networks["denoiser"], file="the manifest", advice="")

    assert len(student) == 690
    text = published("soundctm_unet/text_encoder")
    taken = soundctm.flan_t5.text_encoder_of(None, text, soundctm.PUBLISHED["text_encoder"])
    assert taken[1] == ()
    assert set(taken[0]) == set(networks["text_encoder"].state_dict())


def a_teacher(files: Files) -> Files:
    teacher = {name: tensor for name, tensor in files["ema"].items() if not name.startswith("s_time_embedding.")}
    return {**files, "ema": teacher}


def a_teacher_with_its_prefix(files: Files) -> Files:
    return {**files, "ema": {f"unet.{name}": tensor for name, tensor in a_teacher(files)["ema"].items()}}


def the_online_student_in_its_place(files: Files) -> Files:
    return {**files, "ema": files["online"]}


def the_dit_in_its_place(files: Files) -> Files:
    return {**files, "ema": dit_files()["model"]}


def a_tensor_less(files: Files) -> Files:
    return {**files, "ema": {name: tensor for name, tensor in files["ema"].items() if name != "conv_out.bias"}}


def another_size(files: Files) -> Files:
    return {**files, "ema": {**files["ema"], "conv_in.weight": torch.zeros(16, 4, 3, 3)}}


def no_text_encoder(files: Files) -> Files:
    return {role: file for role, file in files.items() if role != "online"}


def a_vae_without_its_scale(files: Files) -> Files:
    state = {name: tensor for name, tensor in files["vae"]["state_dict"].items() if name != "scale_factor"}
    return {**files, "vae": {"state_dict": state}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (a_teacher, "without s_time_embedding.*looks like the teacher.*wanted is ema_0.999_030000.pt"),
        (a_teacher_with_its_prefix, "looks like the teacher.*wanted is"),
        (the_online_student_in_its_place, "holds the online student.*wanted is"),
        (the_dit_in_its_place, "DiT of 44.1 kHz.*soundctm_dit"),
        (a_tensor_less, "lacks the tensor 'body.conv_out.bias'; wanted is"),
        (another_size, r"'body.conv_in.weight' in the shape \(16, 4, 3, 3\) where .* is wanted"),
        (no_text_encoder, "no text encoder"),
        (a_vae_without_its_scale, "scale_factor"),
    ],
)
def test_what_is_no_student_is_refused_with_what_it_looks_like(wrong: Any, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        soundctm.convert(wrong(unet_files()), unet_config())


def test_a_student_that_there_is_not_is_refused() -> None:
    with pytest.raises(WeightsError, match="there are ema and online"):
        soundctm.convert(unet_files(), {**unet_config(), "student": "best"})


def test_the_unet_loads_from_its_authors_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    write_unet_folder(tmp_path / "models" / "soundctm")

    family = SoundCTM.load()

    assert family.autoencoder.scale_factor == pytest.approx(0.9)
    assert len(family.weights_hash) == 64
    assert family.text("dog rain").states.shape == (3, unet_config()["text_encoder"]["d_model"])  # and the end


# --- the DiT


def test_the_version_and_the_vaes_widths_are_read_from_the_files() -> None:
    converted = soundctm_dit.convert(dit_files(), dit_config())

    assert converted.settings["sizes"]["dit"]["cond_token_dim"] == dit_config()["dit"]["cond_token_dim"]
    assert converted.settings["sizes"]["dac"] == dit_config()["dac"]
    assert converted.unused == ()


def test_a_vae_of_other_widths_than_were_assumed_is_taken() -> None:
    assumed = {**dit_config(), "dac": {**dit_config()["dac"], "decoder_rates": [2, 2], "decoder_dim": 4}}

    converted = soundctm_dit.convert(dit_files(), assumed)

    assert converted.settings["sizes"]["dac"] == dit_config()["dac"]


@pytest.mark.parametrize(("version", "width"), [("v1", 512), ("v2", 768)])
def test_both_versions_of_the_dit_have_the_published_names_and_shapes(version: str, width: int) -> None:
    files: Files = {
        "model": published(f"soundctm_dit/dit {version}") | published("soundctm_dit/text_encoder"),
        "vae": {"state_dict": published("soundctm_dit/gaussiandac")},
        "statistics": published("soundctm_dit/z_stats"),
    }

    converted = soundctm_dit.convert(files, soundctm_dit.CONFIG)

    assert converted.settings["sizes"]["dit"]["cond_token_dim"] == width
    assert converted.settings["sizes"]["dac"] == soundctm_dit.CONFIG["dac"]
    assert converted.unused == ()
    weights = sum(tensor.numel() for tensor in converted.parts["denoiser"].values())
    dead = 24 * (1536 * 1536 + width * width + 2 * 1536)
    everything = sum(tensor.numel() for tensor in published(f"soundctm_dit/dit {version}").values())
    assert weights == everything - dead - 16  # and the rotary frequencies


def test_an_unknown_tensor_is_named_and_the_audio_half_of_clap_is_not() -> None:
    files = dit_files()
    files["model"]["dit.extra.weight"] = torch.zeros(1)
    files["model"]["optimizer_step"] = torch.zeros(1)

    assert soundctm_dit.convert(files, dit_config()).unused == ("dit.extra.weight", "optimizer_step")


def the_dits_teacher(files: Files) -> Files:
    return {**files, "model": {**files["model"], "dit.to_global_embed.0.weight": torch.zeros(2, 2)}}


def the_unet_in_the_dits_place(files: Files) -> Files:
    return {**files, "model": unet_files()["ema"]}


def clap_alone(files: Files) -> Files:
    return {**files, "model": {name: t for name, t in files["model"].items() if name.startswith("text_encoder.")}}


def a_layer_less(files: Files) -> Files:
    return {**files, "model": {name: t for name, t in files["model"].items() if ".layers.0.self_attn" not in name}}


def a_quantised_codec(files: Files) -> Files:
    state = {name: t for name, t in files["vae"]["state_dict"].items() if not name.startswith("post_conv")}
    return {**files, "vae": {"state_dict": {**state, "quantizer.quantizers.0.codebook.weight": torch.zeros(4, 2)}}}


def no_codec(files: Files) -> Files:
    return {**files, "vae": {"state_dict": {"conv.weight": torch.zeros(3)}}}


def no_mean(files: Files) -> Files:
    return {**files, "statistics": {"z_std": files["statistics"]["z_std"]}}


def texts_of_another_width(files: Files) -> Files:
    return {**files, "model": {**files["model"], "dit.to_cond_embed.0.weight": torch.zeros(100, 100)}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (the_dits_teacher, "looks like the teacher.*ac_v2_ema_0999_030000.pt"),
        (the_unet_in_the_dits_place, "U-Net of 16 kHz, which is the family soundctm"),
        (clap_alone, "lacks the tensor 'dit.to_cond_embed.0.weight'"),
        (a_layer_less, r"lacks the tensor 'body.transformer_blocks.0.attn1.to_q.weight' and \d+ more"),
        (a_quantised_codec, "the VAE's file lacks the tensor 'post_conv"),
        (no_codec, "the VAE's file lacks the tensor 'encoder.block.0.weight_v'"),
        (no_mean, "z_stats.pth .* is wanted"),
        (texts_of_another_width, "texts of width 100"),
    ],
)
def test_what_is_no_dit_is_refused_with_what_it_looks_like(wrong: Any, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        soundctm_dit.convert(wrong(dit_files()), dit_config())


def test_the_dit_loads_from_its_authors_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    write_dit_folder(tmp_path / "models" / "soundctm_dit")

    family = SoundCTMDiT.load()

    assert not family.projected
    assert len(family.weights_hash) == 64
    assert family.tokens("dog rain").tolist() == [0, 4, 5, 2]
    assert family.text("dog rain").states.shape == (dit_config()["dit"]["depth"], dit_config()["dit"]["embed_dim"])


def test_folding_a_weight_norm_changes_no_convolution() -> None:
    convolution = torch.nn.utils.parametrizations.weight_norm(torch.nn.ConvTranspose1d(3, 5, 4, stride=2))
    convolution.parametrizations.weight.original0.data *= 1.7
    held = {
        "up.weight_g": convolution.parametrizations.weight.original0.detach(),
        "up.weight_v": convolution.parametrizations.weight.original1.detach(),
        "up.bias": convolution.bias.detach(),
    }

    folded = weight_norm_folded(held)

    assert set(folded) == {"up.weight", "up.bias"}
    assert torch.allclose(folded["up.weight"], convolution.weight)


def test_the_vaes_sizes_follow_from_its_shapes() -> None:
    assert dac_sizes(published("soundctm_dit/gaussiandac")) == soundctm_dit.CONFIG["dac"]
