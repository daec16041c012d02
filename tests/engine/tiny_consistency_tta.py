"""ConsistencyTTA at the trimmed sizes: its authors' files as they lie in a models folder, and the family of them."""

import json
import string
import zlib
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.checkpoints.consistency_tta import LAYOUT
from engine.checkpoints.flan_t5 import FOLDER
from engine.checkpoints.layout import Model
from engine.families.consistency_tta import ConsistencyTTA, networks_of
from tests.parity.fixtures import TRIMMED, ParityFolder

END = 1  # the token that ends each prompt
WORDS = ("dog", "rain", "warm", "kick", "vinyl", "crackle", "a", "the")
RECORDED = ParityFolder("consistencytta", TRIMMED / "consistencytta", TRIMMED / "consistencytta" / "manifest.json")


def tiny_config() -> dict[str, Any]:
    """Sizes of networks that compute in milliseconds."""
    return RECORDED.config


def tiny_files() -> dict[str, dict[str, Any]]:
    """What the authors' released files hold, by role."""
    weights = RECORDED.json["weights"]
    return {
        "unet": RECORDED.tensors(weights["unet"]),
        "vae": {
            "state_dict": RECORDED.tensors(weights["vae_and_vocoder"]),
            "scale_factor": tiny_config()["vae"]["scale_factor"],
        },
        "text_encoder": RECORDED.tensors(weights["text_encoder"]),
    }


def tiny_family() -> ConsistencyTTA:
    """The family of these files, with one token a word."""
    converted, config = LAYOUT.convert(tiny_files(), tiny_config()), tiny_config()
    model = Model(config=config, parts=converted.parts, settings=converted.settings, tokenizers={}, weights_hash="tiny")
    return ConsistencyTTA(**networks_of(model), tokenizer=word_tokens, weights_hash="tiny")


def word_tokens(prompt: str) -> Tensor:
    """One id a word, the same for the same word, and the end."""
    vocabulary = tiny_config()["text_encoder"]["vocab_size"]
    return torch.tensor([*(2 + zlib.crc32(word.encode()) % (vocabulary - 2) for word in prompt.split()), END])


def write_model_folder(place: Path) -> None:
    """The files in `place`, which is `models/consistency_tta` below the home of whoever loads them."""
    files = tiny_files()
    (place / FOLDER).mkdir(parents=True)
    torch.save(files["unet"], place / "unet_state_dict.pt")
    torch.save(files["vae"], place / "vae_state_dict.pt")
    save_file(files["text_encoder"], place / FOLDER / "model.safetensors")
    (place / "upbeat.json").write_text(json.dumps({"config": tiny_config()}), encoding="utf-8")
    write_vocabulary(place / FOLDER / "tokenizer.json")


def write_vocabulary(path: Path) -> None:
    """A vocabulary of T5's kind: a few words, the letters, and a prompt that ends in the end token."""
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((f"▁{word}", -2.0) for word in WORDS)]
    scores += [(letter, -5.0) for letter in "▁" + string.ascii_lowercase]
    vocabulary = tokenizers.Tokenizer(tokenizers.models.Unigram(scores, unk_id=2, byte_fallback=False))
    vocabulary.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    vocabulary.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", END)]
    )
    vocabulary.save(str(path))
