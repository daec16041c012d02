"""The vocoder can be run in pieces, exactly, because it looks only so far."""

import pytest
import torch

from engine.checkpoints.audiolcm import LAYOUT, convert
from engine.checkpoints.fitting import filled
from engine.vocoders.bigvgan import BigVGAN, halo_hops
from tests.engine.tiny_audiolcm import tiny_config, tiny_files


@pytest.fixture(scope="module")
def vocoder() -> BigVGAN:
    config = tiny_config()
    tensors = convert(tiny_files(), config).parts["vocoder"]
    return filled(lambda: BigVGAN(config["vocoder"]), tensors)


def mel_of(vocoder: BigVGAN, hops: int) -> torch.Tensor:
    return torch.randn(2, vocoder.conv_pre.in_channels, hops, generator=torch.Generator().manual_seed(1))


def test_the_published_sizes_look_38_hops_to_each_side() -> None:
    assert halo_hops(LAYOUT.config["vocoder"]) == 38


def test_no_frame_depends_on_more_than_the_halo(vocoder: BigVGAN) -> None:
    mel = mel_of(vocoder, 3 * vocoder.halo_hops).double()
    deep = vocoder.double()
    middle, halo, hop = mel.shape[2] // 2, vocoder.halo_hops, vocoder.hop_frames
    nudged = mel.clone()
    nudged[:, :, middle] += 1
    moved = (deep(nudged) - deep(mel)).abs().amax(0)
    vocoder.float()

    assert moved[: (middle - halo) * hop].max() == 0
    assert moved[(middle + halo + 1) * hop :].max() == 0
    assert moved[(middle - halo // 2) * hop : middle * hop].max() > 1e-9


@pytest.mark.parametrize("hops", [1, 20, 64, 150])
def test_pieces_make_up_the_whole(vocoder: BigVGAN, hops: int) -> None:
    mel = mel_of(vocoder, hops)
    pieces = list(vocoder.pieces(mel, first_hops=20, more_hops=47))

    assert pieces[0].shape[1] == min(20, hops) * vocoder.hop_frames
    assert (torch.cat(pieces, 1) - vocoder(mel)).abs().max() < 1e-4


def test_pieces_with_too_little_around_them_do_not(vocoder: BigVGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    mel = mel_of(vocoder, 100)
    monkeypatch.setattr(vocoder, "halo_hops", 2)

    assert (torch.cat(list(vocoder.pieces(mel, first_hops=20, more_hops=47)), 1) - vocoder(mel)).abs().max() > 1e-3
