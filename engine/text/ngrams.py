"""Words to numbers without a vocabulary: each word is the set of its letter sequences, hashed.

A word never seen still shares most of its sequences with one that was: "hihatt" lies near "hihat".
"""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

BUCKETS: Final = 16384
WORDS: Final = 24  # of a prompt that are read
LETTERS_READ: Final = 1000  # of a prompt, however long it is
LETTERS_OF_WORD: Final = 40
_WORD: Final = re.compile(r"[a-z0-9#']+")


def words_of(prompt: str) -> list[str]:
    """The first `WORDS` words in lower case and without accents; one empty-prompt mark if there is none.

    >>> words_of("Deep, punchy 808-kick on a cajón!")
    ['deep', 'punchy', '808', 'kick', 'on', 'a', 'cajon']
    """
    letters = unicodedata.normalize("NFKD", prompt[:LETTERS_READ])
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _WORD.findall(plain.lower())[:WORDS] or ["<empty>"]


@lru_cache(maxsize=16384)
def buckets_of(word: str) -> tuple[int, ...]:
    """The buckets of the whole word, of the word with each letter left out, and of its 3, 4 and 5 letter sequences.

    Sequences lead from one word to its relatives, with the word's edges marked. Letters left out lead from a mistyped
    word to the right one: "kcik" and "kick" both have "kik", and have no sequence in common.
    """
    word = word[:LETTERS_OF_WORD]
    edged = f"<{word}>"
    sequences = [edged[i : i + n] for n in (3, 4, 5) for i in range(len(edged) - n + 1)]
    shorter = {word[:i] + word[i + 1 :] for i in range(len(word))} if len(word) > 2 else set()
    features = [*(f"word {text}" for text in (word, *sorted(shorter))), *sequences]
    return tuple(zlib.crc32(feature.encode()) % BUCKETS for feature in features)


def bags(prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """For an EmbeddingBag: buckets (n), where each word's begin (batch * words), which words exist (batch, words).

    `words` is the number in the longest of the prompts.
    """
    rows = [words_of(prompt) for prompt in prompts]
    width = max(map(len, rows))
    buckets: list[int] = []
    starts: list[int] = []
    for words in rows:
        for word in words:
            starts.append(len(buckets))
            buckets.extend(buckets_of(word))
        starts.extend([len(buckets)] * (width - len(words)))
    exists = torch.arange(width) < torch.tensor([len(words) for words in rows])[:, None]
    return torch.tensor(buckets), torch.tensor(starts), exists
