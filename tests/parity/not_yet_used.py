"""Fixtures of distillation steps: what trains the published models will be held to them; playing them needs none."""

from typing import Final

NOT_YET_USED: Final = {
    "consistencytta": frozenset(
        {
            "train_cd_step.safetensors",
            "train_stage1_step.safetensors",
            "weights_train_student.safetensors",
            "weights_train_teacher.safetensors",
        }
    ),
    "audiolcm": frozenset({"distill_step.safetensors", "weights_distill.safetensors"}),
    "soundctm": frozenset(
        {
            "dit_train_student_weights.safetensors",
            "dit_train_teacher_weights.safetensors",
            "dit_training.safetensors",
            "unet_teacher_weights.safetensors",  # besides the recorded teacher outputs of `unet_forward`
            "unet_training.safetensors",
        }
    ),
}
