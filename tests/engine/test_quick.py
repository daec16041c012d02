"""Networks that others wrote, made quicker where they stand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.convolutions import onednn, quick
from engine.convolutions.attention import QuickAttention, attention
from engine.convolutions.quick import QuickConv1d, QuickConv2d, quicken

pytestmark = pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN: all goes torch's way")


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


LAYERS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.Linear(24, 40), (2, 30, 24)),
    (lambda: nn.Linear(24, 40, bias=False), (1, 24)),
    (lambda: nn.Conv1d(192, 200, 9, padding=4), (2, 192, 100)),
    (lambda: nn.Conv1d(192, 192, 3, padding=1), (1, 192, 20)),  # too short
    (lambda: nn.Conv1d(192, 192, 3, stride=2), (1, 192, 100)),
    (lambda: nn.Conv2d(32, 48, 3, padding=1), (2, 32, 64, 16)),
    (lambda: nn.Conv2d(32, 48, 3, padding=1), (1, 32, 8, 4)),  # too few tiles
    (lambda: nn.Conv2d(32, 1, 3, padding=1), (1, 32, 64, 16)),
    (lambda: nn.Conv2d(32, 48, 1), (2, 32, 5, 7)),
    (lambda: nn.Conv2d(32, 48, 3, stride=2, padding=1), (1, 32, 64, 16)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_a_layer_gives_what_it_gave(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    layer = make().requires_grad_(False)
    x = numbers(*shape)
    before = layer(x)
    names = list(layer.state_dict())

    assert (quicken(nn.Sequential(layer))(x) - before).abs().max() < 2e-5
    assert list(layer.state_dict()) == names


def test_other_weights_are_taken_up() -> None:
    first, second = (nn.Conv1d(192, 192, 7, padding=3).requires_grad_(False) for _ in range(2))
    x = numbers(1, 192, 80)
    quicken(first)(x)
    assert isinstance(first, QuickConv1d)
    assert first.prepared is not None
    first.load_state_dict(second.state_dict())

    assert (first(x) - second(x)).abs().max() < 1e-5


def test_who_wants_gradients_gets_them() -> None:
    layer = quicken(nn.Conv2d(32, 32, 3, padding=1).requires_grad_(False))
    x = numbers(1, 32, 64, 16)
    without = layer(x)
    leaf = x.clone().requires_grad_()
    found = layer(leaf)
    found.sum().backward()

    assert (found - without).abs().max() < 5e-5
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0


def test_a_large_weight_is_kept_once_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "LARGEST_TWICE", 100)
    layer = quicken(nn.Conv2d(32, 32, 3, padding=1).requires_grad_(False))
    weight = layer.weight.clone()
    small, large = numbers(1, 32, 8, 2), numbers(1, 32, 64, 16)
    wanted = functional.conv2d(small, weight, layer.bias, padding=1)

    assert (layer(small) - wanted).abs().max() < 1e-5
    assert isinstance(layer, QuickConv2d)
    assert layer.weight.is_meta
    assert (layer(large) - functional.conv2d(large, weight, layer.bias, padding=1)).abs().max() < 5e-5
    assert torch.equal(layer.weight, weight)


def test_nothing_is_quick_while_it_is_switched_off() -> None:
    layer = quicken(nn.Conv1d(192, 192, 7, padding=3).requires_grad_(False))
    with onednn.switched_off():
        layer(numbers(1, 192, 80))

    assert isinstance(layer, QuickConv1d)
    assert layer.prepared is None


@pytest.mark.parametrize(("heads", "places", "others", "width"), [(1, 300, 700, 32), (5, 600, 600, 51)])
def test_attention_is_torchs(heads: int, places: int, others: int, width: int) -> None:
    query = numbers(2, heads, places, width)
    key, value = numbers(2, heads, others, width, seed=1), numbers(2, heads, others, width + 3, seed=2)
    wanted = functional.scaled_dot_product_attention(query, key, value)

    with QuickAttention():
        found = functional.scaled_dot_product_attention(query, key, value)
        masked = functional.scaled_dot_product_attention(query, key, value, attn_mask=torch.zeros(places, others))

    assert (found - wanted).abs().max() < 1e-5
    assert (masked - wanted).abs().max() < 1e-5
    assert torch.equal(found, attention(query, key, value, scale=width**-0.5))
