"""The card beside the weights: what they can do, as measured, and how to make them again."""

import hashlib
import platform
from collections.abc import Sequence
from typing import Final

import numpy
import safetensors
import torch

from engine.families.embedded import WEIGHTS_FILE, Embedded, EmbeddedParts
from engine.text.encoder import ATTRIBUTES, KINDS
from engine.training.captions import AFTER, BEFORE, NOUNS
from engine.training.evaluation import Evaluation
from engine.training.makers import TEST_LENGTHS_S

CARD_FILE: Final = "CARD.md"
SHEET_FILE: Final = "contact_sheet.png"
NAMES_SHOWN: Final = 9  # of each kind

CARD: Final = """# Card of the embedded default model

`{file}`: {megabytes:.1f} MB (limit 20), {parameters:.2f} million parameters as float16, SHA-256
`{sha256}`. Licence GPL-3.0-or-later, like the code.

Words become curves of 10 ms (the levels of 48 partials and of 24 bands of noise), which a formula turns into sound;
pitch, chord and the other constants of a clip are drawn from a distribution of their own. The denoiser is a diffusion
transformer, distilled by guided latent consistency to one, two or four steps. Mono, any length up to {longest_s:g} s,
any sample rate. No recording was used: the sounds, the captions and the judge are our own.

![Spectrograms of all kinds: a true sound, and the model's in one and in two steps]({sheet_file})

## What it understands

A prompt names a kind of sound, says what is special about it, and may ask for a note (`F#2`, `Bb3`, `440 Hz`). A note
is parsed and set, not guessed.

{kind_words}

{attribute_words}

## Measured

{prompts} prompts with a seed of their own, every kind equally often, clips of {lengths} s (1, 2, 4 and 8 beats
at 124 BPM). A judge that was trained on degraded sounds names kind and attributes. It was made by the same hands as the
sounds, so the table says how well the model follows its own generator, not how good it sounds.

*oracle* is that generator with a new draw, *round trip* its sounds through the latents. *distance* is the Fréchet
distance to the true sounds on 64 features of the judge; *centroid* and *decay* (time of 90 % of the energy) are median
octaves from the true clip; *attack* is the share of abrupt sounds whose attack comes within 5 ms; *harmonicity* is the
autocorrelation at the asked period. Attributes are bounded by captions that leave them out. Guidance is {guidance:g}
where nothing else is said.

{row_table}

Accuracy by kind, in per cent:

{by_kind}

Asked notes (bass, pluck, pad, keys, bell, drone) against the spectrum of what sounds:

{notes}

Kinds named rightly by the text encoder: {understood}. Mean distance between the sounds of eight seeds of a prompt:
{variety}.

Prompt to waveform at 48 kHz, new prompts of all kinds, one thread ({machine}):

{latencies}

## How to make it again

```
pip install '.[train]'
python -m engine.training make-default --budget {budget} --seed {seed} --out build/embedded
cp build/embedded/{file} build/embedded/{card_file} build/embedded/{sheet_file} engine/weights/
```

Its stages took {took_min:.0f} minutes together on one thread ({machine}; Python {python}, torch {torch}, numpy {numpy},
safetensors {safetensors}). Training is counted in updates and follows from the seed alone; another processor or version
rounds otherwise, so expect weights as good, not the same bits. `python -m engine.training evaluate` measures again.

## Limits

One sound event for each clip: no fills, no speech, no melody; mono. A paraphrase that shares no letters with the names
above is not understood, and nonsense is taken for something.
"""


def card_text(
    parts: EmbeddedParts, evaluation: Evaluation, *, weights: bytes, budget: str, seed: int, took_s: float
) -> str:
    """The whole card, in Markdown."""
    return CARD.format(
        file=WEIGHTS_FILE,
        card_file=CARD_FILE,
        sheet_file=SHEET_FILE,
        megabytes=len(weights) / 1e6,
        parameters=sum(parameter.numel() for parameter in parts.parameters()) / 1e6,
        sha256=hashlib.sha256(weights).hexdigest(),
        longest_s=Embedded.longest_s,
        kind_words=_table(
            ["kind", "some of its names"], [[kind, ", ".join(NOUNS[kind][:NAMES_SHOWN])] for kind in KINDS]
        ),
        attribute_words=_table(
            ["attribute", "lower", "higher"],
            [[attribute, _said(attribute, -1), _said(attribute, 1)] for attribute in ATTRIBUTES],
        ),
        prompts=evaluation.prompts,
        lengths=", ".join(f"{length_s:g}" for length_s in TEST_LENGTHS_S),
        guidance=Embedded.guidance_default,
        row_table=row_table(evaluation),
        by_kind=_kind_table(evaluation),
        notes=_note_table(evaluation),
        understood="; ".join(f"{name} {_percent(share)}" for name, share in evaluation.understood.items()),
        variety="; ".join(f"{name} {distance:.1f}" for name, distance in evaluation.variety.items()),
        latencies=_latency_table(evaluation),
        machine=f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        budget=budget,
        seed=seed,
        took_min=took_s / 60,
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=numpy.__version__,
        safetensors=safetensors.__version__,
    )


def row_table(evaluation: Evaluation) -> str:
    """The main table, in Markdown."""
    return _table(
        ["", "kind", *ATTRIBUTES, "distance", "centroid", "decay", "attack", "harmonicity"],
        [
            [
                row.name,
                _percent(row.kind),
                *(_percent(row.attributes[attribute]) for attribute in ATTRIBUTES),
                f"{row.distance:.1f}",
                f"{row.centroid:.2f}",
                f"{row.decay:.2f}",
                _percent(row.attack),
                f"{row.harmonicity:.3f}",
            ]
            for row in evaluation.rows
        ],
    )


def _said(attribute: str, level: int) -> str:
    key = (attribute, level)
    return ", ".join((*BEFORE.get(key, ()), *AFTER.get(key, ())))


def _kind_table(evaluation: Evaluation) -> str:
    shown = [row for row in evaluation.rows if row.name in ("oracle", "student, 1 step", "student, 2 steps")]
    return _table(
        ["", *(row.name for row in shown)],
        [[kind, *(f"{100 * row.by_kind[kind]:.0f}" for row in shown)] for kind in KINDS],
    )


def _note_table(evaluation: Evaluation) -> str:
    return _table(
        ["", "median, cents", "worst, cents", "within 5 cents", "within 20 cents"],
        [
            [
                row.name,
                f"{row.median_cents:.2f}",
                f"{row.worst_cents:.1f}",
                _percent(row.within_5_cents),
                _percent(row.within_20_cents),
            ]
            for row in evaluation.notes
        ],
    )


def _latency_table(evaluation: Evaluation) -> str:
    return _table(
        ["steps", "clip", "p50", "p99", "worst"],
        [
            [f"{row.steps}", f"{row.length_s:g} s", *(f"{ms:.1f} ms" for ms in (row.p50_ms, row.p99_ms, row.worst_ms))]
            for row in evaluation.latencies
        ],
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
