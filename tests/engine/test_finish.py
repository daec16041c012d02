import pytest
import torch

from engine.errors import EngineError
from engine.finish import finish
from osc_schemas.request import GenerateRequest

REQUEST = GenerateRequest(request_id="r1", prompt="kick", frames=3, tail_frames=1, sample_rate_hz=48_000)


def test_a_waveform_is_turned_so_that_a_row_is_a_frame() -> None:
    left_and_right = torch.tensor([[0.1, 0.2, 0.3, 0.4], [-0.1, -0.2, -0.3, -0.4]])

    assert finish(left_and_right, REQUEST)[1] == pytest.approx([0.2, -0.2])


def test_the_clip_keeps_its_samples_when_the_family_reuses_its_memory() -> None:
    waveform = torch.full((1, 4), 0.5)
    samples = finish(waveform, REQUEST)

    waveform.zero_()

    assert samples[:, 0] == pytest.approx([0.5] * 4)


def test_an_overshoot_is_held_at_full_scale() -> None:
    assert finish(torch.tensor([[1.0001, -1.0001, 0.0, 1.0]]), REQUEST)[:, 0] == pytest.approx([1, -1, 0, 1])


@pytest.mark.parametrize(
    ("waveform", "sentence"),
    [
        (torch.zeros(1, 5), r"shape \(1, 5\); 4 frames wanted"),
        (torch.tensor([[0.0, float("inf"), 0.0, 0.0]]), "not finite"),
    ],
)
def test_what_is_no_sound_of_the_asked_length_is_refused(waveform: torch.Tensor, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence):
        finish(waveform, REQUEST)
