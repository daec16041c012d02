"""ConsistencyTTA's files in all the forms that its authors save, and the sentences about others."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.checkpoints.consistency_tta import LAYOUT, convert
from engine.checkpoints.layout import Converted
from engine.errors import WeightsError
from tests.engine.tiny_consistency_tta import tiny_config, tiny_files
from tests.parity.fixtures import folder

Files = dict[str, dict[str, Any]]


@pytest.fixture
def files() -> Files:
    """The released files."""
    return tiny_files()


def converted(files: Files) -> Converted:
    """Our parts of them."""
    return convert(files, tiny_config())


def prefixed(prefix: str, tensors: dict[str, Tensor], *, plus: float = 0.0) -> dict[str, Tensor]:
    """The tensors under a prefix, and moved, so that one copy can be told from another."""
    return {prefix + name: tensor + plus for name, tensor in tensors.items()}


def training_checkpoint(files: Files) -> dict[str, Tensor]:
    """What distillation saves: every copy of the U-Net, the text encoder, and frozen networks that nobody takes."""
    unet = files["unet"]
    teacher = {name: tensor for name, tensor in unet.items() if not name.startswith("guidance_")}
    return {
        **prefixed("student_unet.", unet, plus=1.0),
        **prefixed("student_target_unet.", unet, plus=2.0),
        **prefixed("student_ema_unet.", unet),
        **prefixed("teacher_unet.", teacher, plus=3.0),
        **prefixed("text_encoder.", files["text_encoder"]),
        **prefixed("vae.", files["vae"]["state_dict"], plus=4.0),
        "loss.clap.logit_scale": torch.ones(1),
        "loss.vae.decoder.conv_in.bias": torch.ones(1),
    }


def assert_same(one: Converted, other: Converted) -> None:
    """Both have the same tensors."""
    assert one.parts.keys() == other.parts.keys()
    for part, tensors in other.parts.items():
        assert one.parts[part].keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(one.parts[part][name], tensor), f"{part}: {name}"


def test_the_released_files_fill_every_network_and_nothing_is_left(files: Files) -> None:
    found = converted(files)

    assert found.unused == ()
    assert found.settings == {"scale_factor": files["vae"]["scale_factor"]}
    for part, network in LAYOUT.skeleton(tiny_config()).items():
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        assert {name: tensor.shape for name, tensor in found.parts[part].items()} == shapes


def test_of_a_training_checkpoint_the_slow_average_of_the_student_is_taken(files: Files) -> None:
    released = converted(files)
    found = converted({"unet": training_checkpoint(files), "vae": files["vae"]})

    assert found.unused == ()
    assert_same(found, released)


def test_older_spellings_are_understood(files: Files) -> None:
    older = {"student_ema_unet": "consistency_slow_ema_unet", "student_target_unet": "consistency_ema_unet"}
    older |= {"student_unet": "consistency_unet", "teacher_unet": "diffusion_unet"}
    respelt = {}
    for name, tensor in training_checkpoint(files).items():
        prefix, _, rest = name.partition(".")
        respelt[f"{older.get(prefix, prefix)}.{rest}"] = tensor

    assert_same(converted({"unet": respelt, "vae": files["vae"]}), converted(files))


def test_without_a_slow_average_the_target_is_taken(files: Files) -> None:
    named = {"consistency_ema_unet": files["unet"], "consistency_unet": files["unet"]}
    checkpoint = {
        f"{prefix}.{name}": tensor + (prefix == "consistency_unet")
        for prefix, tensors in named.items()
        for name, tensor in tensors.items()
    }

    assert_same(converted(files | {"unet": checkpoint}), converted(files))


def test_a_student_of_one_guidance_scale_has_guidance_layers_that_add_nothing(files: Files) -> None:
    fixed = {name: tensor for name, tensor in files["unet"].items() if not name.startswith("guidance_")}
    found = converted(files | {"unet": prefixed("student_ema_unet.", fixed)})

    guidance = {name for name in found.parts["denoiser"] if "class_embedding" in name or "guidance" in name}
    assert len(guidance) == 5
    assert all(not found.parts["denoiser"][name].any() for name in guidance)


@pytest.mark.parametrize(
    ("decoder", "post_quant_conv"),
    [("ema_vae_decoder.", "ema_vae_pqconv."), ("vae.ema_decoder.", "vae.ema_post_quant_conv.")],
)
def test_a_decoder_that_was_trained_along_goes_before_the_vaes_own(
    files: Files, decoder: str, post_quant_conv: str
) -> None:
    checkpoint = training_checkpoint(files)
    trained = {}
    for name, tensor in files["vae"]["state_dict"].items():
        for prefix, saved in (("decoder.", decoder), ("post_quant_conv.", post_quant_conv)):
            if name.startswith(prefix):
                checkpoint[saved + name.removeprefix(prefix)] = trained[name] = tensor + 5.0
    own = {"scale_factor": 0.5, "state_dict": {**files["vae"]["state_dict"], **trained}}

    found = converted({"unet": checkpoint, "vae": files["vae"]})
    assert found.unused == ()
    expected = converted(files | {"vae": own})
    assert_same(found, expected)


def test_the_vae_comes_from_audioldms_own_checkpoint_as_well(files: Files) -> None:
    inside = prefixed("first_stage_model.", files["vae"]["state_dict"])
    whole = {"state_dict": {**inside, "scale_factor": torch.tensor(0.5), "model.diffusion_model.x": torch.ones(1)}}
    found = converted(files | {"vae": whole})

    assert found.unused == ()
    assert found.settings == {"scale_factor": 0.5}
    assert_same(found, converted(files))


def test_the_text_encoder_comes_from_the_whole_stock_model_as_well(files: Files) -> None:
    stock = {**files["text_encoder"], "decoder.block.0.x": torch.ones(1), "lm_head.weight": torch.ones(1)}
    stock["encoder.embed_tokens.weight"] = stock.pop("shared.weight")
    found = converted(files | {"text_encoder": stock})

    assert found.unused == ()
    assert_same(found, converted(files))


def test_what_nothing_takes_is_listed(files: Files) -> None:
    files["unet"]["strange.weight"] = torch.ones(1)
    files["vae"]["state_dict"]["loss.logvar"] = torch.ones(1)
    files["text_encoder"]["classifier.weight"] = torch.ones(1)

    assert converted(files).unused == ("strange.weight", "classifier.weight", "loss.logvar")


def sentence(files: Files) -> str:
    """What is said of files that are not right; one sentence that names what is wanted."""
    with pytest.raises(WeightsError) as caught:
        converted(files)
    said = str(caught.value)
    assert "wanted is" in said
    assert "\n" not in said
    return said


def without_guidance(unet: dict[str, Tensor]) -> dict[str, Tensor]:
    """A U-Net as the teacher's is."""
    return {name: tensor for name, tensor in unet.items() if not name.startswith("guidance_")}


@pytest.mark.parametrize("prefix", ["unet.", "teacher_unet.", "diffusion_unet."])
def test_the_teacher_is_refused(files: Files, prefix: str) -> None:
    teacher = prefixed(prefix, without_guidance(files["unet"]))

    assert "diffusion teacher, which needs many steps" in sentence(files | {"unet": teacher})


def test_a_bare_u_net_without_guidance_is_refused(files: Files) -> None:
    assert "it is the diffusion teacher, or" in sentence(files | {"unet": without_guidance(files["unet"])})


def test_online_weights_alone_are_refused(files: Files) -> None:
    assert "online weights alone" in sentence(files | {"unet": prefixed("student_unet.", files["unet"])})


def test_other_things_in_place_of_the_u_net_are_refused(files: Files) -> None:
    assert "decoder.conv_in" in sentence(files | {"unet": files["vae"]["state_dict"]})
    assert "holds nothing" in sentence(files | {"unet": {}})


def test_a_u_net_that_lacks_a_tensor_is_refused(files: Files) -> None:
    del files["unet"]["mid_block.resnets.0.conv1.weight"]

    assert "lacks the tensor 'unet.mid_block.resnets.0.conv1.weight'" in sentence(files)


def test_a_u_net_of_another_size_is_refused(files: Files) -> None:
    files["unet"]["conv_in.weight"] = torch.zeros(320, 8, 3, 3)

    assert "(320, 8, 3, 3)" in sentence(files)


def test_a_vae_without_its_scale_a_vocoder_or_a_decoder_is_refused(files: Files) -> None:
    weights = files["vae"]["state_dict"]
    silent = {name: tensor for name, tensor in weights.items() if not name.startswith("vocoder.")}

    assert "does not say its scale_factor" in sentence(files | {"vae": {"state_dict": weights}})
    assert "for its vocoder" in sentence(files | {"vae": {"state_dict": silent, "scale_factor": 0.9}})
    assert "no decoder." in sentence(files | {"vae": files["unet"]})


def test_no_text_encoder_anywhere_is_refused(files: Files) -> None:
    del files["text_encoder"]

    assert "there is no text encoder" in sentence(files)


def test_another_text_encoder_is_refused(files: Files) -> None:
    files["text_encoder"]["shared.weight"] = torch.zeros(9, 9)

    assert "(9, 9)" in sentence(files)


def test_at_the_real_size_every_published_name_and_shape_is_taken() -> None:
    manifest = folder("consistencytta").manifest

    def published(component: str) -> dict[str, Tensor]:
        return {name: torch.empty(shape, device="meta") for name, shape in manifest[component].items()}

    files = {
        "unet": published("unet"),
        "vae": {"state_dict": published("vae"), "scale_factor": 0.92},
        "text_encoder": published("text_encoder"),
    }
    found = convert(files, LAYOUT.config)

    assert found.unused == ()
    assert sum(tensor.numel() for tensor in found.parts["denoiser"].values()) == 559_209_676
    assert sum(tensor.numel() for tensor in found.parts["text_encoder"].values()) == 341_231_104
    assert sum(tensor.numel() for tensor in found.parts["vocoder"].values()) == 55_264_897
