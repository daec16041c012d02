"""How well prompts are understood, and whether the model knows when it does not understand."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.text.lexicon import held_out, strangers, unheard
from engine.text.understanding import SURE
from engine.training.captions import gibberish, mistyped
from engine.training.measuring.bench import Bench, Table

BINS: Final = 10
NONSENSE_PROMPTS: Final = 200


def understanding(bench: Bench) -> Table:
    """The share of prompts whose kind is read rightly, and how often it says that it is unsure or knows nothing."""
    rng = np.random.default_rng(bench.seed + 2)
    said = [(example.prompt, example.wish.kind) for example in bench.cases]
    sets = {
        "prompts": said,
        "prompts with a typing error": [(mistyped(prompt, rng, share=1), kind) for prompt, kind in said],
        "prompts, held-out wordings": [(example.prompt, example.wish.kind) for example in bench.held_out_cases],
        "held-out wordings alone": [(text, kind) for kind, texts in held_out().items() for text in texts],
        "wordings that share no word with training": [
            (text, kind) for kind, texts in unheard().items() for text in texts
        ],
    }
    return {name: _read(bench, pairs) for name, pairs in sets.items()}


def _read(bench: Bench, pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    right, flagged, doubted = [], [], []
    for prompt, kind in pairs:
        found = bench.family.understanding(prompt)
        first = found.layers[0]
        right.append(len(found.layers) == 1 and first.specification.kind == kind)
        flagged.append(not found.known)
        doubted.append(not found.known or first.sure < SURE)
    return {
        "kind": float(np.mean(right)),
        "said to be not understood": float(np.mean(flagged)),
        "or doubted": float(np.mean(doubted)),
        "prompts": len(pairs),
    }


def confidence(bench: Bench) -> Table:
    """What is said of nonsense, and how far the stated probability of a kind is from how often it is right."""
    rng = np.random.default_rng(bench.seed + 7)
    kept_out = strangers(kept_out=True)
    nonsense = {
        "letters that are no words": [gibberish(rng) for _ in range(NONSENSE_PROMPTS)],
        "words that name no sound": list(kept_out),
    }
    table = {}
    for name, prompts in nonsense.items():
        found = [bench.family.understanding(prompt) for prompt in prompts]
        table[name] = {
            "said to be not understood": float(np.mean([not one.known for one in found])),
            "or doubted": float(np.mean([not one.known or one.layers[0].sure < SURE for one in found])),
            "prompts": len(prompts),
        }
    pairs = [(mistyped(example.prompt, rng), example.wish.kind) for example in (*bench.cases, *bench.held_out_cases)]
    pairs += [(text, kind) for texts in (held_out(), unheard()) for kind, listed in texts.items() for text in listed]
    layers = [(bench.family.understanding(prompt).layers[0], kind) for prompt, kind in pairs]
    sure = np.array([layer.sure for layer, _ in layers])
    right = np.array([layer.specification.kind == kind for layer, kind in layers])
    table["all prompts and wordings together"] = {
        "calibration error": calibration_error(sure, right),
        "prompts": len(pairs),
    }
    return table


def calibration_error(sure: np.ndarray, right: np.ndarray) -> float:
    """The mean gap between probability and share of hits over `BINS` equal bins of probability, weighted by size."""
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [
        (places == place).mean() * abs(sure[places == place].mean() - right[places == place].mean())
        for place in range(BINS)
        if (places == place).any()
    ]
    return float(np.sum(gaps))
