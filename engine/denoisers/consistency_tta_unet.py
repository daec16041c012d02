"""ConsistencyTTA's U-Net: noisy latents to clean ones in one call, told how closely to follow the text.

Source: arXiv:2309.10740. The network's output is the clean latents; nothing is skipped past it and nothing rescaled.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from engine.text.states import TextStates

LIGHT: Final[Mapping[str, Any]] = {
    "act_fn": "silu",
    "attention_head_dim": [5, 10, 20, 20],  # is the number of heads; each is 51 wide, whatever the level
    "block_out_channels": [256, 512, 1024, 1024],
    "center_input_sample": False,
    "cross_attention_dim": 1024,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 8,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-5,
    "norm_num_groups": 32,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "out_channels": 8,
    "sample_size": [32, 2],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "use_linear_projection": True,
    "upcast_attention": True,
}


class ConsistencyTTAUNet(nn.Module):
    """A Stable Diffusion U-Net over (time, frequency) whose time embedding also holds the guidance scale.

    `config` has the names of the authors' own file, which are those of `UNet2DConditionModel`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = 4 * config["block_out_channels"][0]
        # What this class calls a class label carries the guidance scale, spelt as waves.
        guidance = {"class_embed_type": "projection", "projection_class_embeddings_input_dim": width}
        self.unet = UNet2DConditionModel.from_config({**config, **guidance})
        self.guidance_frequencies = nn.Parameter(torch.zeros(width // 2))  # drawn once by the authors, never trained

    def forward(self, x: Tensor, timestep: Tensor, guidance_scale: Tensor, text: TextStates) -> Tensor:
        """Clean latents (batch, 8, time, 16) of noisy ones in the network's own scale.

        `timestep`, 0 to 999, may have a fraction. It and `guidance_scale` are one number, (1,), or one a row, (batch,).
        """
        waves = self.guidance_waves(guidance_scale).expand(len(x), -1)
        clean: Tensor = self.unet(
            x,
            timestep,
            text.states,
            class_labels=waves,
            encoder_attention_mask=text.mask,
            return_dict=False,
        )[0]
        return clean

    def guidance_waves(self, guidance_scale: Tensor) -> Tensor:
        """(1 or batch, width): cosines, then sines, of 2 pi times the scale times each frequency."""
        turns = guidance_scale.reshape(-1, 1).to(self.guidance_frequencies.device) * self.guidance_frequencies
        angle = 2 * math.pi * turns
        return torch.cat([angle.cos(), angle.sin()], -1).to(self.guidance_frequencies.dtype)
