from torch import Tensor

from engine.checkpoints.layout import Tensors


def unet_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """The U-Net's own names, which have no prefix in the EMA file, as those of `CtmUNet`."""
    return {
        f"body.{name.replace('s_time_embedding.', 'class_embedding.level.', 1)}": tensor
        for name, tensor in tensors.items()
    }
