"""The card beside the weights: what they can do, as measured, and how to make them again."""

import hashlib
import math
import platform
from collections.abc import Sequence
from typing import Final

import numpy
import safetensors
import torch

from engine.families.embedded import WEIGHTS_FILE, Embedded, EmbeddedParts
from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.lexicon import adjectives, phrases, trailing
from engine.training.measuring.acoustics import FACTS
from engine.training.measuring.bench import TEST_SEED, Table
from engine.training.measuring.evaluation import ROWS
from engine.training.measuring.goals import GOALS, Evaluation, Goal
from engine.training.measuring.makers import TEST_LENGTHS_S

CARD_FILE: Final = "CARD.md"
SHEET_FILE: Final = "contact_sheet.png"
NAMES_SHOWN: Final = 8  # of each kind
MEGABYTES_AT_MOST: Final = 20
BY_KIND_ROWS: Final = ("oracle", "student, 1 step", "student, 2 steps")
COMMON_MISTAKES: Final = ("oracle", "student, 2 steps", "student, 2 steps, held-out wordings")
WEAK_FACT: Final = 0.9  # facts that hold less often than this for the student are listed
# Columns that are no shares: how many digits they are given.
_COLUMNS: Final[dict[int, tuple[str, ...]]] = {
    0: ("prompts", "hits asked", "missing"),
    1: ("distance", "worst, cents", "median level of the second, dB", "p50, ms", "p99, ms"),
    2: (
        *("beside the teacher", "beside the oracle's", "centroid", "decay", "median, cents", "median ratio"),
        *("worst, ms", "distance between seeds", "distance to the nearest"),
    ),
    3: ("harmonicity", "median", "10th percentile", "calibration error"),
}
DIGITS: Final = {column: digits for digits, columns in _COLUMNS.items() for column in columns}

CARD: Final = """# Card of the embedded default model

`{file}`: {megabytes:.1f} MB (limit {most_megabytes}), {parameters:.2f} million parameters as float16, SHA-256
`{sha256}`. Licence GPL-3.0-or-later, like the code.

Words are read as one or more sounds, each a kind with levels, note, chord, length and rhythm. For each, constants
(pitch, chord, grains, width and the like) are drawn from a distribution of their own, with nine numbers that say which
of all the sounds that fit it is to be (how open a vowel is, where a string is plucked). From these a diffusion
transformer, distilled by latent consistency to one, two or four steps, writes curves of 10 ms: the levels of 48
partials and of 24 bands of noise. A formula turns both into stereo sound at any sample rate, up to {longest_s:g} s;
what is random in a sound is drawn there, from the seed. No recording was used: sounds, captions and judges are our own.

![Spectrograms of all kinds: a true sound, and the model's in one and in two steps]({sheet_file})

## What it understands

A kind, what is special about it, and what can be said exactly: `F#2`, `Bb3`, `440 Hz`, `Am7`, `D minor`; `300 ms`,
`2 beats`, `1 bar`; `124 bpm`; `no reverb`, `without hats`; `in a cathedral`. Two to four sounds in one prompt are
layers (`deep kick with vinyl crackle`), and a rhythm is placed by frame (`four on the floor kick loop, 124 bpm, 2
bars`, `swung hats in sixteenths`, `acid bassline in A minor`, `techno drum loop`). What it made of a prompt, and how
sure it is, stands in the take's provenance; a prompt that names no sound it knows is told so, and sounds nevertheless.

{kind_words}

{attribute_words}

## Goals

{goals}

## Measured

{prompts} prompts with a seed of their own, every kind equally often, clips of {lengths} s (1, 2, 4 and
8 beats at 124 BPM). {tested}

*oracle* is the generator of true sounds with a new draw, *round trip* its sounds through the latents. *judge A* is a
network on spectrograms, trained on degraded sounds; *judge B* is a forest of decision trees on measured properties of
degraded sounds; *both* is the share that both name rightly. *facts* is the share of {facts} hand-written statements
about the kinds (where the energy lies, how it decays, whether it is tonal) that hold. All three were made by the same
hands as the sounds: they say how well the model follows its own generator, not how good it sounds.

*distance* is the Fréchet distance to the true sounds on 64 features of judge A, *beside the teacher* its ratio to the
teacher's at 50 steps; *centroid* and *decay* (time of 90 % of the energy) are median octaves from the true clip;
*attack* is the share of abrupt sounds that begin within 5 ms; *harmonicity* is the autocorrelation at the asked period.
Attributes are bounded by what captions leave out. Guidance, which exaggerates what the words ask for, is {guidance:g}.

{row_table}

Accuracy by kind, in per cent, by judge A / judge B:

{by_kind}

{mistakes}

{weak_facts}

Asked notes against the spectrum of what sounds, all kinds that are always in tune:

{notes}

Rhythmic prompts: onsets in the waveform against the asked grid.

{grid}

Lengths asked in ms, s, beats and bars, of every kind: the last moment above -30 dB of the peak.

{lengths_asked}

Two sounds in one prompt; *in the waveform* is a least-squares fit of the mix's spectrogram by the sounds made alone,
with both within 6 dB of the level they should have.

{layers}

One step against more, same seed: correlation of the log-mel spectrograms.

{refining}

Seeds: mean distance between eight sounds of a prompt, on judge A's features.

{variety}

Median distance to the nearest of many fresh sounds of the generator: about the oracle's says that sounds are neither
copied (no clip is seen twice) nor all the middle of their kind.

{nearest}

Prompts read, each of one sound:

{understanding}

What is said of nonsense, and how far stated probabilities are from the share of hits:

{confidence}

Prompt to waveform at 48 kHz, new prompts, one thread ({machine}):

{latency}

## How to make it again

```
pip install '.[train]'
python -m engine.training make-default --budget {budget} --seed {seed} --out build/embedded
cp build/embedded/{file} build/embedded/{card_file} build/embedded/{sheet_file} engine/weights/
```

Its stages took {took_min:.0f} minutes of one thread together ({machine}; Python {python}, torch {torch}, numpy {numpy},
safetensors {safetensors}). Training is counted in updates and follows from the seed alone; another processor or version
rounds otherwise, so expect weights as good, not the same bits. `python -m engine.training evaluate` measures again.

## Limits

No speech and no singing of words; no recorded instrument was ever heard by model or judges, and nobody listened for
these numbers. Tunes are patterns, not composed. A paraphrase that shares no word with the names above is mostly not
understood, and said to be so.
"""


def card_text(
    parts: EmbeddedParts,
    evaluation: Evaluation,
    *,
    weights: bytes,
    prompts: int,
    budget: str,
    seed: int,
    took_s: float,
    tested_on: str | None,
) -> str:
    """The whole card, in Markdown. `tested_on` is the day the test set was used; None if these are other prompts."""
    return CARD.format(
        file=WEIGHTS_FILE,
        card_file=CARD_FILE,
        sheet_file=SHEET_FILE,
        megabytes=len(weights) / 1e6,
        most_megabytes=MEGABYTES_AT_MOST,
        parameters=sum(parameter.numel() for parameter in parts.parameters()) / 1e6,
        sha256=hashlib.sha256(weights).hexdigest(),
        longest_s=Embedded.longest_s,
        kind_words=_kind_words(),
        attribute_words=_markdown(
            ["attribute", "lower", "higher"],
            [[attribute, _said(attribute, -1), _said(attribute, 1)] for attribute in ATTRIBUTES],
        ),
        goals=goal_table(evaluation),
        prompts=prompts,
        lengths=", ".join(f"{length_s:g}" for length_s in TEST_LENGTHS_S),
        tested=_tested(tested_on),
        facts=sum(map(len, FACTS.values())),
        guidance=Embedded.guidance_default,
        row_table=row_table(evaluation),
        by_kind=_kind_table(evaluation),
        mistakes=_mistakes(evaluation),
        weak_facts=_weak_facts(evaluation),
        notes=number_table(evaluation.get("notes", {})),
        grid=number_table(evaluation.get("grid", {})),
        lengths_asked=number_table(evaluation.get("lengths", {})),
        layers=number_table(evaluation.get("layers", {})),
        refining=number_table(evaluation.get("refining", {})),
        variety=number_table(evaluation.get("variety", {})),
        nearest=number_table(evaluation.get("nearest", {})),
        understanding=number_table(evaluation.get("understanding", {})),
        confidence=number_table(evaluation.get("confidence", {})),
        latency=number_table(evaluation.get("latency", {})),
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
    measures = {name: dict(evaluation[name]["measures"]) for name in ROWS if evaluation.get(name)}
    teacher = measures.get("teacher, 50 steps")
    if teacher is not None:
        for row in measures.values():
            row["beside the teacher"] = row["distance"] / teacher["distance"]
    return number_table(measures)


def goal_table(evaluation: Evaluation) -> str:
    """What was promised, what was measured, and whether it holds."""
    return _markdown(
        ["goal", "limit", "measured", "met"],
        [
            [
                goal.says,
                f"{'≤' if goal.at_most else '≥'} {_in_unit(goal, goal.limit)}",
                _in_unit(goal, goal.measured(evaluation)),
                "yes" if goal.met(evaluation) else "no",
            ]
            for goal in GOALS
        ],
    )


def number_table(table: Table) -> str:
    """Any measurement's table, in Markdown."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    if not columns:
        return "(not measured)"
    lines = [
        [name, *(_number(column, row[column]) if column in row else "" for column in columns)]
        for name, row in table.items()
    ]
    return _markdown(["", *columns], lines)


def _number(column: str, number: float) -> str:
    if math.isnan(number):
        return "-"
    return f"{number:.{DIGITS[column]}f}" if column in DIGITS else f"{100 * number:.1f} %"


def _in_unit(goal: Goal, number: float) -> str:
    if math.isnan(number):
        return "not measured"
    return f"{100 * number:.1f} %" if goal.unit == "%" else f"{number:.3g} {goal.unit}".rstrip()


def _tested(tested_on: str | None) -> str:
    if tested_on is None:
        return "These are development prompts; the test set was not touched."
    return f"These are the test prompts (seed {TEST_SEED}), used once, on {tested_on}; choices were made on others."


def _kind_words() -> str:
    rows = []
    for kind in KINDS:
        names = [phrase.text for phrase in phrases()[kind] if not phrase.implied]
        # Spread over the whole list: its beginning alone would be variations of one word.
        spread = [names[round(i * (len(names) - 1) / (NAMES_SHOWN - 1))] for i in range(NAMES_SHOWN)]
        rows.append([kind, f"{len(phrases()[kind])}", ", ".join(dict.fromkeys(spread))])
    return _markdown(["kind", "names known", "such as"], rows)


def _said(attribute: str, level: int) -> str:
    key = (attribute, level)
    return ", ".join((*adjectives().get(key, ())[:8], *trailing().get(key, ())[:4]))


def _kind_table(evaluation: Evaluation) -> str:
    shown = [name for name in BY_KIND_ROWS if evaluation.get(name)]
    return _markdown(
        ["", *shown],
        [
            [
                kind,
                *(
                    " / ".join(f"{100 * evaluation[name][judge].get(kind, 0):.0f}" for judge in ("judge A", "judge B"))
                    for name in shown
                ),
            ]
            for kind in KINDS
        ],
    )


def _mistakes(evaluation: Evaluation) -> str:
    """Which kinds are taken for which others."""
    lines = []
    for name in COMMON_MISTAKES:
        pairs = evaluation.get(name, {}).get("taken for another", {})
        told = "; ".join(f"{pair} {100 * share:.0f} %" for pair, share in pairs.items()) or "none"
        lines.append(f"Most frequent mistakes, {name}: {told}.")
    return "\n\n".join(lines)


def _weak_facts(evaluation: Evaluation) -> str:
    """The facts that often do not hold for the student, beside how often they hold for the oracle."""
    student, true = (evaluation.get(name, {}).get("facts", {}) for name in ("student, 2 steps", "oracle"))
    weak = sorted((share, says) for says, share in student.items() if share < WEAK_FACT)
    told = "; ".join(f"{says} ({100 * share:.0f} %, oracle {100 * true.get(says, 0):.0f} %)" for share, says in weak)
    return (
        f"Facts that hold for less than {100 * WEAK_FACT:.0f} % of the student's sounds at 2 steps: {told or 'none'}."
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
