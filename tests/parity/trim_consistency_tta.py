"""Makes `data/consistencytta`, small enough to lie in the project, from the specification's folder.

    python -m tests.parity.trim_consistency_tta

The networks of the recorded stages are too large to be copied, so the trimmed ones are smaller. What can be is recorded
still: the U-Net is the recorded student of the distillation step, with its recorded result; schedule and log-mel are
copies. All else is what our own networks compute, which were held to the recorded numbers before (SECOND_HAND): the
text encoder with corners of its recorded weights, the autoencoder and the vocoder with random ones, in half precision.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.autoencoders.audioldm import posterior_sample
from engine.checkpoints.audioldm import autoencoder_name, vocoder_name
from engine.checkpoints.consistency_tta import LAYOUT, skeleton
from engine.checkpoints.layout import Model
from engine.families.base import no_checkpoint
from engine.families.consistency_tta import ConsistencyTTA, networks_of
from engine.families.published import Draw
from engine.sampling.consistency_tta import network_input
from engine.text.states import TextStates
from tests.parity.fixtures import SHARED, TRIMMED, assert_elementwise
from tests.parity.heard import Heard

SOURCE: Final = SHARED / "consistencytta"
TARGET: Final = TRIMMED / "consistencytta"
PLACES: Final = 8  # of latents in time
SECOND_HAND: Final = {
    "unet_scalar_t": ["all"],
    "unet_odd_height": ["all"],
    "unet_nomask": ["all"],
    "text": ["all"],
    "sample_*": ["all"],
    "vae": ["all"],
    "hifigan": ["all"],
}


def main() -> None:
    """Write all files of the trimmed folder."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    TARGET.mkdir(parents=True, exist_ok=True)
    described = json.loads((SOURCE / "fixtures.json").read_text(encoding="utf-8"))
    config = trimmed_config(described["config"])
    weights = trimmed_weights(config)
    for name, tensors in weights.items():
        write(f"weights_{name}.safetensors", tensors)
    family = family_of(weights, config)
    step = recorded("train_cd_step.safetensors")
    cases = {
        "schedule.safetensors": recorded("schedule.safetensors"),
        "unet_scalar_t.safetensors": unet_scalar_t(family),
        "unet_batched_t.safetensors": unet_batched_t(family, step),
        "unet_odd_height.safetensors": unet(family, height=PLACES + 4, timestep=0.0),
        "unet_nomask.safetensors": unet(family, height=PLACES, timestep=666.0, masked=False),
        "text.safetensors": text(family),
        "vae.safetensors": vae(family),
        "hifigan.safetensors": hifigan(family),
        "logmel.safetensors": logmel(),
    }
    for case in described["cases"]:
        if case["file"].startswith("sample_"):
            cases[case["file"]] = sample(family, case)
    described["cases"] = [case for case in described["cases"] if case["file"] in cases]
    for case in described["cases"]:
        tensors = cases[case["file"]]
        write(case["file"], tensors)
        case["tensors"] = {
            name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
            for name, tensor in tensors.items()
        }
    described |= {"config": config, "made_of": __doc__, "second_hand": SECOND_HAND}
    described["weights"] = {name: file for name, file in described["weights"].items() if "train" not in name}
    (TARGET / "fixtures.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def trimmed_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes: of the distillation step for the U-Net, else small ones of the same structure."""
    trimmed = {name: sizes for name, sizes in config.items() if name != "unet_train"}
    trimmed["unet"] = config["unet_train"]
    trimmed["text_encoder"] = config["text_encoder"] | {
        "d_model": config["unet_train"]["cross_attention_dim"],
        "d_ff": config["text_encoder"]["d_ff"] // 2,
    }
    trimmed["vae"] = config["vae"] | {"ddconfig": config["vae"]["ddconfig"] | {"ch_mult": [1, 1, 1]}}
    trimmed["vocoder"] = config["vocoder"] | {
        "upsample_initial_channel": 32,
        "resblock_dilation_sizes": [[1, 5] for _ in config["vocoder"]["resblock_kernel_sizes"]],
    }
    return trimmed


def trimmed_weights(config: Mapping[str, Any]) -> dict[str, dict[str, Tensor]]:
    """The weights in the authors' names, by file."""
    networks = skeleton(config)
    text = networks["text_encoder"].get_submodule("encoder").state_dict()
    sound = {}
    levels = len(config["vae"]["ddconfig"]["ch_mult"])
    for name, tensor in recorded("weights_vae.safetensors").items():
        if name.startswith("vocoder."):
            network, ours = networks["vocoder"], vocoder_name(name)
        else:
            network, ours = networks["autoencoder"], autoencoder_name(name, levels=levels)
        if (wanted := network.state_dict().get(ours)) is not None:  # with widths that are equal, shortcuts are not
            shape = (*wanted.shape, 1, 1) if wanted.ndim == 2 and tensor.ndim == 4 else wanted.shape
            sound[name] = drawn(name, torch.Size(shape))
    encoder = recorded("weights_text_encoder.safetensors")
    return {
        "unet": recorded("weights_train_student.safetensors"),
        "vae": sound,
        "text_encoder": {name: corner(tensor, text[name].shape) for name, tensor in encoder.items() if name in text},
    }


def drawn(name: str, shape: torch.Size) -> Tensor:
    """Random numbers of about the size that a network's training begins with, in half precision."""
    if len(shape) > 1:
        return torch.randn(shape).div(shape[1:].numel() ** 0.5).half()
    middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
    numbers: Tensor = torch.randn(shape) * 0.1 + middle
    return numbers.half()


def corner(tensor: Tensor, shape: torch.Size) -> Tensor:
    """The first numbers along every axis, in half precision."""
    return tensor[tuple(slice(size) for size in shape)].half()


def family_of(weights: Mapping[str, dict[str, Tensor]], config: Mapping[str, Any]) -> ConsistencyTTA:
    """The family of such weights; its prompts are ids."""
    files = {
        "unet": weights["unet"],
        "vae": {
            "state_dict": {name: tensor.float() for name, tensor in weights["vae"].items()},
            "scale_factor": config["vae"]["scale_factor"],
        },
        "text_encoder": {name: tensor.float() for name, tensor in weights["text_encoder"].items()},
    }
    converted = LAYOUT.convert(files, config)
    model = Model(config=config, parts=converted.parts, settings=converted.settings, tokenizers={}, weights_hash="")
    eos = config["text_encoder"]["eos_token_id"]
    return ConsistencyTTA(
        **networks_of(model), tokenizer=lambda prompt: torch.tensor([*map(int, prompt.split())] or [eos])
    )


def unet_batched_t(family: ConsistencyTTA, step: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What went into the student of the distillation step, and what was recorded to come out."""
    rows = slice(1, 3)
    mask, expected = step["cond_mask"][rows], step["student_pred"][rows]
    inputs = {
        "sample": step["z_nplus1_scaled"][rows],
        "encoder_hidden_states": step["cond_embeds"][rows],
        "encoder_attention_mask": mask,
        "timestep": step["t_nplus1"][rows],
        "guidance": step["w"][rows],
    }
    assert_elementwise(asked(family, inputs), expected, atol=1e-4, rtol=1e-4)
    return inputs | {"output": expected}


def unet_scalar_t(family: ConsistencyTTA) -> dict[str, Tensor]:
    """One timestep for two rows, and what is heard inside."""
    inputs = unet(family, height=PLACES, timestep=499.5, rows=2)
    heard = Heard(family.denoiser.unet)
    asked(family, inputs)
    taps = {
        "inter.time_embedding": heard["time_embedding"],
        "inter.guidance_fourier": family.denoiser.guidance_waves(inputs["guidance"]).expand(2, -1),
        "inter.guidance_embedding": heard["class_embedding"],
        "inter.conv_in": heard["conv_in"],
        "inter.down0": heard["down_blocks.0"][0],
        "inter.mid": heard["mid_block"],
        "inter.up3": heard["up_blocks.3"],
    }
    return inputs | taps


def unet(
    family: ConsistencyTTA, *, height: int, timestep: float, rows: int = 1, masked: bool = True
) -> dict[str, Tensor]:
    """Random latents and states, and what our U-Net makes of them."""
    config = family.denoiser.unet.config
    tokens = 7
    inputs = {
        "sample": torch.randn(rows, config["in_channels"], height, 16),
        "encoder_hidden_states": torch.randn(rows, tokens, config["cross_attention_dim"]),
        "timestep": torch.tensor([timestep], dtype=torch.float64),
        "guidance": torch.tensor([3.5], dtype=torch.float64),
    }
    if masked:
        inputs["encoder_attention_mask"] = torch.arange(tokens) < torch.tensor(
            [[tokens - 3 * row] for row in range(rows)]
        )
    return inputs | {"output": asked(family, inputs)}


@torch.no_grad()
def asked(family: ConsistencyTTA, inputs: Mapping[str, Tensor]) -> Tensor:
    """Our U-Net's answer."""
    states = inputs["encoder_hidden_states"]
    mask = inputs.get("encoder_attention_mask", torch.ones(states.shape[:2], dtype=torch.bool))
    answer: Tensor = family.denoiser(
        inputs["sample"], inputs["timestep"], inputs["guidance"], TextStates(states=states, mask=mask)
    )
    return answer


@torch.no_grad()
def text(family: ConsistencyTTA) -> dict[str, Tensor]:
    """The recorded ids through the smaller encoder."""
    tensors = recorded("text.safetensors")
    encoder = family.text_encoder
    states = encoder.states(tensors["input_ids"], tensors["attention_mask"])
    without = encoder.states(tensors["uncond_input_ids"], tensors["uncond_attention_mask"])
    return tensors | {"cond_embeds": states, "cfg_embeds": torch.cat([without, states])}


@torch.no_grad()
def sample(family: ConsistencyTTA, case: Mapping[str, Any]) -> dict[str, Tensor]:
    """A chain of as many steps as the recorded one, from noise of fewer places."""
    whole = recorded(case["file"])
    noise = whole["noise"][..., :PLACES, :]
    prompts = [
        " ".join(map(str, ids[mask == 1].tolist()))
        for ids, mask in zip(whole["input_ids"], whole["attention_mask"], strict=True)
    ]
    draw = Draw(
        texts=[family.text(prompt) for prompt in prompts],
        seeds=(),
        latent_shape=tuple(noise.shape[2:]),
        steps=case["num_steps"],
        guidance_scale=case["cfg_scale_input"],
        options={"guidance_post": case["cfg_scale_post"], "reference_schedule": 1.0},
        start=None,
        follow=None,
        checkpoint=no_checkpoint,
    )
    latents = family.denoised(draw, list(noise))
    first = network_input(torch.zeros_like(noise[0]), noise[0], float(whole["query_timesteps"][0]))
    tensors = {name: whole[name] for name in ("input_ids", "attention_mask", "query_timesteps")}
    tensors |= {"noise": noise, "latents": latents, "query0_input": first}
    if "mel" in whole:
        tensors["mel"] = family.autoencoder.decoded(latents)
        raw = family.vocoder.waveform(tensors["mel"])
        tensors["pcm16"] = pcm16(raw)[:, :-1600]
        if "waveform_raw" in whole:
            tensors["waveform_raw"] = raw
    return tensors


@torch.no_grad()
def vae(family: ConsistencyTTA) -> dict[str, Tensor]:
    """Both ways."""
    autoencoder = family.autoencoder
    tensors = {
        "latents": torch.randn(2, 8, 4, 16),
        "encode_mel": torch.randn(1, 1, 16, 64) * 2 - 5,
        "encode_eps": torch.randn(1, 8, 4, 16),
    }
    mean, log_variance = autoencoder.posterior(tensors["encode_mel"])
    drawn_latents = posterior_sample(mean, log_variance, tensors["encode_eps"]) * autoencoder.scale_factor
    return tensors | {
        "mel": autoencoder.decoded(tensors["latents"]),
        "encode_mean": mean,
        "encode_logvar": log_variance,
        "encode_latents_scaled": drawn_latents,
    }


@torch.no_grad()
def hifigan(family: ConsistencyTTA) -> dict[str, Tensor]:
    """A mel of two rows, and a longer one of one."""
    whole = recorded("hifigan.safetensors")
    tensors = {"mel_0": whole["mel_0"][..., :8], "mel_1": whole["mel_1"][:1, :, :13]}
    for number in (0, 1):
        waveform = family.vocoder.waveform(tensors[f"mel_{number}"].mT[:, None])
        tensors |= {f"wav_{number}": waveform[:, None], f"pcm16_{number}": pcm16(waveform)}
    return tensors


def logmel() -> dict[str, Tensor]:
    """The first recorded row."""
    tensors = recorded("logmel.safetensors")
    rows = {name: tensor[:1] for name, tensor in tensors.items() if name != "mel_basis"}
    return rows | {"mel_basis": tensors["mel_basis"].half()}


def pcm16(waveform: Tensor) -> Tensor:
    """16 bit samples as the authors make them: all rows centred together."""
    centred = waveform - (waveform.max() + waveform.min()) / 2
    return (centred * 32768).clamp(-32768, 32767).trunc().short()


def recorded(file: str) -> dict[str, Tensor]:
    """A file of the specification's folder."""
    return load_file(Path(SOURCE, file))


def write(file: str, tensors: Mapping[str, Tensor]) -> None:
    """A file of the trimmed folder."""
    dense = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(dense, TARGET / file)


if __name__ == "__main__":
    main()
