"""AudioLCM's files: the right copy is taken, and a wrong file is told in one sentence."""

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints.audiolcm import convert
from engine.checkpoints.files import contents
from engine.errors import WeightsError
from tests.engine.tiny_audiolcm import tiny_config, tiny_files

Files = dict[str, dict[str, Any]]


@pytest.fixture
def files() -> Files:
    return tiny_files()


def refused(files: Files, config: dict[str, Any] | None = None) -> str:
    with pytest.raises(WeightsError) as refusal:
        convert(files, config or tiny_config())
    sentence = str(refusal.value)
    assert "\n" not in sentence
    return sentence


def without(files: Files, prefix: str) -> Files:
    """The checkpoint less all that begins with `prefix`."""
    state = files["model"]["state_dict"]
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(prefix)}
    assert len(kept) < len(state)
    return files | {"model": {"state_dict": kept}}


def test_the_student_is_taken_and_neither_its_teacher_nor_its_average(files: Files) -> None:
    converted = convert(files, tiny_config())
    state = files["model"]["state_dict"]
    positions = converted.parts["denoiser"]["positions"]

    assert torch.equal(positions, state["unet.diffusion_model.pos_emb.weight"])
    assert not torch.equal(positions, state["model.diffusion_model.pos_emb.weight"])
    assert not torch.equal(positions, state["target_unet.diffusion_model.pos_emb.weight"])
    assert converted.unused == ()


def test_half_precision_becomes_single(files: Files) -> None:
    state = {name: tensor.half() for name, tensor in files["model"]["state_dict"].items()}
    converted = convert(files | {"model": {"state_dict": state}}, tiny_config())

    assert {tensor.dtype for part in converted.parts.values() for tensor in part.values()} == {torch.float32}


def test_t5s_table_may_have_either_of_its_names(files: Files) -> None:
    both = convert(files, tiny_config()).parts["text_encoder"]
    for name in ("shared", "encoder.embed_tokens"):
        one = convert(without(files, f"cond_stage_model.t5_transformer.{name}."), tiny_config()).parts["text_encoder"]
        assert torch.equal(one["t5.encoder.shared.weight"], both["t5.encoder.shared.weight"])


def test_what_nobody_knows_is_reported_and_what_training_left_is_not(files: Files) -> None:
    state = files["model"]["state_dict"]
    state["logvar"] = torch.zeros(1000)
    state["first_stage_model.loss.logvar"] = torch.zeros(())
    state["cond_stage_model.caption_encoder.base.embeddings.position_ids"] = torch.arange(512)[None]

    assert convert(files, tiny_config()).unused == ("first_stage_model.loss.logvar", "logvar")


def test_the_norm_of_every_convolution_is_folded_into_its_weight(files: Files) -> None:
    generator = files["vocoder"]["generator"]
    vocoder = convert(files, tiny_config()).parts["vocoder"]
    norms = vocoder["ups.0.weight"].flatten(1).norm(dim=1)  # one for each channel that comes in

    assert torch.allclose(norms, generator["ups.0.0.weight_g"].flatten().abs(), rtol=1e-5)
    assert not any(name.endswith(("weight_g", "weight_v")) for name in vocoder)


def test_a_teacher_is_refused(files: Files) -> None:
    assert "it is the teacher, which needs many steps" in refused(without(files, "unet."))


def test_another_model_is_refused(files: Files) -> None:
    assert "nothing under unet.diffusion_model." in refused(files | {"model": files["vocoder"]})
    assert "nothing under unet.diffusion_model." in refused(files | {"model": {"state_dict": {}}})


def test_stock_text_encoders_are_no_substitute(files: Files) -> None:
    assert "nothing under cond_stage_model." in refused(without(files, "cond_stage_model."))


def test_a_checkpoint_without_its_autoencoder_is_refused(files: Files) -> None:
    assert "nothing under first_stage_model." in refused(without(files, "first_stage_model."))


def test_the_scale_between_denoiser_and_autoencoder_is_never_guessed(files: Files) -> None:
    assert "no scale_factor" in refused(without(files, "scale_factor"))


def test_a_missing_tensor_is_named_as_its_authors_name_it(files: Files) -> None:
    for name in (
        "unet.diffusion_model.blocks.0.transformer_blocks.0.attn2.to_k.weight",
        "first_stage_model.decoder.mid.attn_1.q.bias",
        "cond_stage_model.caption_encoder.projection.linear2.weight",
        "cond_stage_model.t5_transformer.encoder.final_layer_norm.weight",
    ):
        assert f"no {name}" in refused(without(files, name))


def test_another_size_is_refused(files: Files) -> None:
    config = tiny_config()
    config["unet"] = config["unet"] | {"max_len": config["unet"]["max_len"] + 10}

    sentence = refused(files, config)

    assert "for positions where AudioLCM has" in sentence
    assert "upbeat.json" in sentence


def test_a_vocoder_without_its_generator_is_refused(files: Files) -> None:
    discriminators = {"mpd": {"discriminators.0.bias": torch.zeros(3)}, "mrd": {}}

    assert "no generator of BigVGAN but mpd, mrd" in refused(files | {"vocoder": discriminators})


def test_sizes_beside_the_vocoder_must_be_its_own(files: Files) -> None:
    said = {"batch_size": 32, **tiny_config()["vocoder"]}
    convert(files | {"vocoder sizes": said}, tiny_config())

    sentence = refused(files | {"vocoder sizes": said | {"upsample_rates": [4, 4, 4, 2, 2, 1]}})

    assert (
        "args.yml says upsample_rates is [4, 4, 4, 2, 2, 1] where AudioLCM's vocoder has [4, 4, 2, 2, 2, 2]" in sentence
    )


def test_sizes_are_read_as_plain_data_whatever_they_are_tagged_as(tmp_path: Path) -> None:
    path = tmp_path / "args.yml"
    path.write_text(
        "!!python/object:argparse.Namespace\nupsample_rates: !!python/tuple [4, 4]\n"
        "activation: !!python/object/apply:os.system [touch ran]\nresblock: '1'\n",
        encoding="utf-8",
    )
    with contents(path, wanted="sizes", scratch=tmp_path) as said:
        assert said == {"upsample_rates": [4, 4], "activation": ["touch ran"], "resblock": "1"}


def test_a_vocoder_that_lacks_a_tensor_is_refused(files: Files) -> None:
    del files["vocoder"]["generator"]["resblocks.3.activations.3.act.beta"]

    assert "the vocoder file has" in (sentence := refused(files))
    assert "no resblocks.3.activations.3.act.beta" in sentence
