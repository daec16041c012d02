"""AudioLDM's vocoder: whole and in pieces, and how far its pieces have to hear."""

import math

import pytest
import torch

from engine.vocoders.hifigan import AUDIOLDM, CHUNK_HOPS, HiFiGAN, centred

FRAMES_PER_HOP = 160


@pytest.fixture(scope="module")
def vocoder() -> HiFiGAN:
    """The published kernels and rates, with few channels and random weights that let everything through."""
    network = HiFiGAN({**AUDIOLDM, "upsample_initial_channel": 32}).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for weights in network.parameters():
        scale = 0.3 if weights.ndim == 1 else 1.2 / math.sqrt(weights[0].numel())
        weights.normal_(0, scale, generator=generator)
    return network


def mel(hops: int, *, rows: int = 1) -> torch.Tensor:
    """(rows, 1, hops, 64) of no sound in particular."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(rows, 1, hops, 64, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("hops", [1, 2, 33])
def test_a_hop_is_160_frames_and_32_come_on_top(vocoder: HiFiGAN, hops: int) -> None:
    assert vocoder.waveform(mel(hops)).shape == (1, 160 * hops + 32)
    assert vocoder.frames(hops) == 160 * hops + 32


@pytest.mark.parametrize("frame", [0, 1, 77, 159])
def test_a_frame_depends_on_exactly_the_hops_that_are_named(vocoder: HiFiGAN, frame: int) -> None:
    hops = mel(60).requires_grad_()
    first = 30 * FRAMES_PER_HOP + frame
    vocoder.waveform(hops)[0, first].backward()  # type: ignore[no-untyped-call]

    assert hops.grad is not None
    heard = hops.grad.abs().sum((0, 1, 3)).nonzero()[:, 0]
    assert (int(heard[0]), int(heard[-1])) == vocoder.hops_heard(first, first)


def test_a_piece_hears_23_hops_to_either_side(vocoder: HiFiGAN) -> None:
    assert vocoder.hops_heard(0, 5 * FRAMES_PER_HOP - 1) == (-23, 4 + 23)


@pytest.mark.parametrize("each", [1, 5, 24, 47, 100])
def test_pieces_are_the_whole_waveform_cut(vocoder: HiFiGAN, each: int) -> None:
    hops = mel(71, rows=2)
    pieces = [vocoder.piece(hops, span) for span in vocoder.spans(71, each=each)]

    assert len(pieces) == math.ceil(71 / each)
    assert all(piece.shape == (2, FRAMES_PER_HOP * each) for piece in pieces[:-1])
    assert torch.allclose(torch.cat(pieces, 1), vocoder.waveform(hops), atol=1e-12, rtol=0)


def test_in_single_precision_pieces_are_the_whole_to_a_ten_thousandth(vocoder: HiFiGAN) -> None:
    single = HiFiGAN({**AUDIOLDM, "upsample_initial_channel": 32}).requires_grad_(False)
    single.load_state_dict(vocoder.state_dict())
    hops = mel(2 * CHUNK_HOPS + 9).float()
    pieces = [single.piece(hops, span) for span in single.spans(hops.shape[2])]

    assert len(pieces) == 3
    assert (torch.cat(pieces, 1) - single.waveform(hops)).abs().max() <= 1e-4


def test_a_centred_row_reaches_as_far_up_as_down_whatever_stands_beside_it() -> None:
    rows = centred(torch.tensor([[0.1, 0.5, 0.3], [-1.0, 0.0, 0.5]]))

    assert torch.allclose(rows, torch.tensor([[-0.2, 0.2, 0.0], [-0.75, 0.25, 0.75]]))
