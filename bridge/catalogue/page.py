"""The page: HTML from what was made. A pure function, so that the same sounds give the same bytes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from bridge.catalogue.script import SCRIPT
from bridge.catalogue.spectrogram import COLUMNS, LINES, height_of
from bridge.catalogue.style import STYLE
from osc_schemas.kind import Kind

MARK = '<meta name="generator" content="upbeat sounds">'  # by which we know a page of ours again
_TICKS = ((100, "100 Hz"), (1_000, "1 kHz"), (10_000, "10 kHz"))
_UNSURE = re.compile(r"\bperhaps\b|\bno sound understood\b")  # how a model says that it guesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One sound on the page; files by their place in its folder."""

    prompt: str
    seed: int
    understood: str  # what the model made of the words, and how sure it was
    length_s: float
    audio: str
    picture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A kind and its sounds: each example, then the first one with other seeds."""

    kind: Kind
    sounds: tuple[Shown, ...]
    reseeded: tuple[Shown, ...] = ()


def page(cards: Sequence[Card], *, model: str, tempo_bpm: float) -> str:
    """The whole page. Cards of one group stand together, in their order."""
    groups = [(group, list(of_group)) for group, of_group in groupby(cards, key=lambda card: card.kind.group)]
    links = "".join(f'<a href="#{anchor(group)}">{escape(group)}</a>' for group, _ in groups)
    sections = "\n".join(_section(group, of_group) for group, of_group in groups)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Upbeat: the sounds it knows</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>The sounds it knows</h1>
<p>Every kind of sound that the model can make, with words for it and prompts to hear. Put the words together as you
like: any word for a kind, what is special about it, a note or a chord, a rhythm, a room.
<kbd>/</kbd> searches, <kbd>Esc</kbd> clears.</p>
</header>
<div class="finder">
<form role="search" hidden><input id="find" type="search" placeholder="Search: hihat, dark, 808, ..." autocomplete="off"
 aria-label="Search kinds by any of their words"></form>
<nav aria-label="Groups">{links}<output id="count" for="find">{len(cards)} kinds</output></nav>
</div>
<main>
{sections}
</main>
<footer>Made by {escape(model)}. What is rhythmic lies on {tempo_bpm:g} beats per minute; every sound is brought to one
loudness. To make one of these yourself: <code>upbeat say "its words"</code>.</footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def anchor(name: str) -> str:
    """A name as part of an address or of a file's name.

    >>> anchor("Closed hat"), anchor("<b>")
    ('closed-hat', 'b')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "kind"


def _section(group: str, cards: Iterable[Card]) -> str:
    articles = "\n".join(_article(card) for card in cards)
    return f'<section id="{anchor(group)}">\n<h2>{escape(group)}</h2>\n{articles}\n</section>'


def _article(card: Card) -> str:
    kind = card.kind
    parts = [f"<h3>{escape(kind.name)}</h3>", _sounds(card.sounds)]
    if card.reseeded:
        parts += [f"<h4>{escape(card.sounds[0].prompt)}, with other seeds</h4>", _sounds(card.reseeded)]
    if kind.phrases:
        words = "".join(f'<li class="word">{escape(phrase)}</li>' for phrase in kind.phrases)
        summary = f"<summary>{len(kind.phrases)} words for it</summary>"
        parts.append(f'<details>{summary}<ul class="words">{words}</ul></details>')
    inside = "\n".join(parts)
    return (
        f'<article id="{anchor(f"{kind.group} {kind.name}")}" data-group="{escape(kind.group)}">\n{inside}\n</article>'
    )


def _sounds(sounds: Iterable[Shown]) -> str:
    return '<ul class="sounds">\n' + "\n".join(map(_sound, sounds)) + "\n</ul>"


def _sound(sound: Shown) -> str:
    prompt, seed = escape(sound.prompt), f", seed {sound.seed}" if sound.seed else ""
    ticks = "".join(f'<span class="hz" style="bottom:{100 * height_of(hz):.1f}%">{name}</span>' for hz, name in _TICKS)
    unsure = ' class="unsure"' if _UNSURE.search(sound.understood) else ""
    understood = f"<span{unsure}>{escape(sound.understood)}</span>" if sound.understood else ""
    return f"""<li><a class="play" href="{escape(sound.audio)}" aria-label="Play {prompt}{seed}">\
<img src="{escape(sound.picture)}" alt="" loading="lazy" width="{COLUMNS}" height="{LINES}">\
<span aria-hidden="true">{ticks}</span><span class="needle"></span><span class="sign"></span></a>
<span class="prompt">{prompt}</span>
<span class="told">{understood}<span>{sound.length_s:.1f} s{seed}</span>\
<button type="button" class="copy" aria-label="Copy {prompt}" hidden>copy</button></span></li>"""
