"""SoundCTM's U-Net: Stable Diffusion's over (time, frequency), told where it is, where it goes, and omega."""

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from engine.checkpoints.layout import Config
from engine.text.states import TextStates


class CtmUNet(nn.Module):
    """`UNet2DConditionModel` with two things added to its time embedding: a second noise level's, and omega's.

    `config` is the published file of its sizes, where `attention_head_dim` counts heads.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        # What this class calls a class label carries the second level: its sinusoid goes through a network of its own.
        second_level = {
            "class_embed_type": "projection",
            "projection_class_embeddings_input_dim": config["block_out_channels"][0],
        }
        unet: Any = UNet2DConditionModel  # the library has no types
        self.body = unet.from_config({**config, **second_level})
        self.body.class_embedding = _LevelAndOmega(self.body.class_embedding)
        self.omega_width: int = 4 * config["block_out_channels"][0]
        self.channels: int = config["in_channels"]

    def forward(self, x: Tensor, level_t: Tensor, level_s: Tensor, omega: Tensor, text: TextStates) -> Tensor:
        """F (batch, 8, time, 16) of x at two levels (batch,), an omega embedding (batch, omega_width), and a text."""
        level_and_omega = torch.cat([self.body.time_proj(level_s), omega], dim=1)
        found: Tensor = self.body(
            x,
            level_t,
            text.states,
            class_labels=level_and_omega,
            encoder_attention_mask=text.mask,
            return_dict=False,
        )[0]
        return found


class _LevelAndOmega(nn.Module):
    """The embedding of a sinusoid with omega's added as it is: both come side by side."""

    def __init__(self, level: nn.Module) -> None:
        super().__init__()
        self.level = level
        self.level_width: int = level.get_submodule("linear_1").get_parameter("weight").shape[1]

    def forward(self, level_and_omega: Tensor) -> Tensor:
        embedded: Tensor = self.level(level_and_omega[:, : self.level_width])
        return embedded + level_and_omega[:, self.level_width :]
