"""AudioLCM at the recorded sizes: its authors' files as they lie in a models folder, and the family made of them."""

import json
import string
import zlib
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models
from torch import Tensor

from engine.checkpoints.audiolcm import BERT_VOCABULARY, LAYOUT, T5_VOCABULARY
from engine.checkpoints.fitting import filled
from engine.families.audiolcm import AudioLCM
from engine.sampling.lcm import LCMSchedule
from engine.text.bert_and_t5 import PADDING, TOKENS, Tokens
from tests.parity.fixtures import TRIMMED, ParityFolder

WORDS = ("dog", "rain", "warm", "kick", "vinyl", "crackle", "all", "a", "the")


RECORDED = ParityFolder(name="audiolcm", path=TRIMMED / "audiolcm", manifest_path=TRIMMED / "audiolcm/manifest.json")


def tiny_config() -> dict[str, Any]:
    """Sizes of networks that compute in milliseconds."""
    return RECORDED.config


def tiny_files() -> dict[str, dict[str, Any]]:
    """What the authors' files hold, by role: the student with its teacher and average beside it, and the vocoder."""
    state = RECORDED.tensors("weights_ckpt.safetensors")
    student = {name.removeprefix("unet."): tensor for name, tensor in state.items() if name.startswith("unet.")}
    state |= {f"model.{name}": tensor + 1 for name, tensor in student.items()}
    state |= {f"target_unet.{name}": tensor + 2 for name, tensor in student.items()}
    return {
        "model": {"state_dict": state, "epoch": 3, "global_step": 1000},
        "vocoder": {"generator": RECORDED.tensors("weights_vocoder.safetensors")},
    }


def tiny_family() -> AudioLCM:
    """The family of these files, with one token a word."""
    config = tiny_config()
    parts = LAYOUT.convert(tiny_files(), config).parts
    networks = {name: filled(lambda made=made: made, parts[name]) for name, made in LAYOUT.skeleton(config).items()}
    return AudioLCM(
        **networks,
        schedule=LCMSchedule.of(config["schedule"]),
        bert_tokens=word_tokens(config["bert"]["vocab"]),
        t5_tokens=word_tokens(config["t5"]["vocab"]),
    )


def word_tokens(vocabulary: int) -> Tokens:
    """One id a word, the same for the same word."""

    def tokens(text: str) -> Tensor:
        ids = [2 + zlib.crc32(word.encode()) % (vocabulary - 2) for word in text.split()][: TOKENS - 1]
        return torch.tensor([*ids, 1, *[PADDING] * (TOKENS - 1 - len(ids))])

    return tokens


def write_model_folder(place: Path) -> None:
    """The files in `place`, which is `models/audiolcm` below the home of whoever loads them."""
    (place / "bigvnat").mkdir(parents=True)
    files = tiny_files()
    torch.save(files["model"], place / "audiolcm.ckpt")
    torch.save(files["vocoder"], place / "bigvnat" / "best_netG.pt")
    (place / "bigvnat" / "args.yml").write_text(json.dumps(tiny_config()["vocoder"]), encoding="utf-8")  # JSON is YAML
    (place / "upbeat.json").write_text(json.dumps({"config": tiny_config()}), encoding="utf-8")
    (place / BERT_VOCABULARY).mkdir()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *string.ascii_lowercase[1:]]
    (place / BERT_VOCABULARY / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    (place / T5_VOCABULARY).mkdir()
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((f"▁{word}", -2.0) for word in WORDS)]
    scores += [(letter, -5.0) for letter in "▁<>&" + string.ascii_lowercase]
    Tokenizer(models.Unigram(scores, unk_id=2, byte_fallback=False)).save(str(place / T5_VOCABULARY / "tokenizer.json"))
