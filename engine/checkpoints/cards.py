"""What there is to know about each published model before it is here: whose it is, on which terms, and where it lies.

Licences are stated as their authors state them, and where they state none, that is said. Paths and sizes on the hub
were read from the authors' own code and from copies of the hub's pages; none of the files themselves was at hand when
this was written, which `unseen` says. No torch here: `upbeat models card` is quick.
"""

from dataclasses import dataclass
from typing import Final, Literal

from engine.errors import SetupError

TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Files of one repository on the hub, and the folder of the model that they go into under their own paths."""

    repository: str
    files: tuple[str, ...] = ()  # all of these
    any_of: tuple[str, ...] = ()  # and those of these that are there; at least one
    kind: Literal["model", "space"] = "model"
    into: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One model, for somebody who thinks of using it."""

    name: str
    title: str
    good_at: str
    mind: str  # what it is not good at, or what it costs
    steps: tuple[int, ...]
    steps_usual: int
    sample_rate_hz: int
    clip_s: float  # the length that it was trained at
    millions: dict[str, float]  # of numbers, by network
    paper: str
    code: str
    weights: str
    licence: tuple[str, ...]  # a sentence for each thing that has terms of its own
    licence_in_short: str
    fetches: tuple[Fetch, ...]
    download_gb: float | None  # of what `fetches` names, where the hub's pages say it
    unseen: str

    @property
    def kept_gb(self) -> float:
        """The size of the converted model, in single precision."""
        return sum(self.millions.values()) * 4 / 1000


_FLAN_T5 = Fetch(
    repository="google/flan-t5-large", files=("model.safetensors",), any_of=TOKENIZER_FILES, into="flan-t5-large"
)

CONSISTENCY_TTA: Final = Card(
    name="consistency_tta",
    title="ConsistencyTTA, fine-tuned by CLAP score (Bai et al., Interspeech 2024)",
    good_at="a scene or an effect from one sentence, in a single step; guidance costs nothing",
    mind="trained on AudioCaps at 10 s; more than one step was never part of its training",
    steps=(1, 2, 4),
    steps_usual=1,
    sample_rate_hz=16_000,
    clip_s=10.0,
    millions={"FLAN-T5 encoder": 341.2, "U-Net": 559.2, "mel autoencoder": 55.4, "HiFi-GAN": 55.3},
    paper="https://arxiv.org/abs/2309.10740",
    code="https://github.com/Bai-YT/ConsistencyTTA",
    weights="https://huggingface.co/spaces/Bai-YT/ConsistencyTTA",
    licence=(
        "Code: MIT.",
        "Weights: the authors' page for them on the hub (Bai-YT/ConsistencyTTA) names CC BY-NC-ND 4.0: no commercial "
        "use, nothing derived from them to be passed on.",
        "FLAN-T5: Apache 2.0.",
    ),
    licence_in_short="weights CC BY-NC-ND 4.0",
    fetches=(
        Fetch(
            repository="Bai-YT/ConsistencyTTA",
            kind="space",
            files=(
                "consistencytta_clapft_ckpt/unet_state_dict.pt",
                "consistencytta_clapft_ckpt/vae_state_dict.pt",
            ),
        ),
        _FLAN_T5,
    ),
    download_gb=5.8,
    unseen="The 10 GB archives ConsistencyTTA.zip and ConsistencyTTA_CLAPFT.zip of the same authors are taken by "
    "`upbeat models add` too; they hold three copies of the student, and the slow average is played.",
)

AUDIOLCM: Final = Card(
    name="audiolcm",
    title="AudioLCM (Liu et al., ACM Multimedia 2024)",
    good_at="sound effects and scenes in two steps, in any length from 1 to 20 s",
    mind="only clips of one length share a batch; guidance below 5 is outside of what it was trained for",
    steps=(1, 2, 4),
    steps_usual=2,
    sample_rate_hz=16_000,
    clip_s=10.0,
    millions={"BERT and T5 encoders": 452.6, "transformer": 159.7, "1-D autoencoder": 213.0, "BigVGAN": 112.2},
    paper="https://arxiv.org/abs/2406.00356",
    code="https://github.com/Text-to-Audio/AudioLCM",
    weights="https://huggingface.co/liuhuadai/AudioLCM",
    licence=(
        "Code: the authors' repository shows no licence at all, so nothing there says what may be done with it.",
        "Weights: the hub's page (liuhuadai/AudioLCM) was seen to name MIT; ask the authors before you rely on it.",
        "Its README forbids to generate anybody's speech without their consent.",
    ),
    licence_in_short="repository shows none",
    fetches=(
        Fetch(
            repository="liuhuadai/AudioLCM",
            files=("audiolcm.ckpt", "useful_ckpt/vocoder/best_netG.pt", "useful_ckpt/vocoder/args.yml"),
        ),
        Fetch(
            repository="google-bert/bert-base-uncased",
            any_of=TOKENIZER_FILES,
            into="bert-base-uncased",
        ),
        Fetch(repository="google/t5-v1_1-large", any_of=TOKENIZER_FILES, into="t5-v1_1-large"),
    ),
    download_gb=None,
    unseen="Which backbones audiolcm.ckpt still holds, and whether args.yml says the sizes assumed here, nobody could "
    "check; `upbeat models verify audiolcm` does.",
)

SOUNDCTM: Final = Card(
    name="soundctm",
    title="SoundCTM, U-Net at 16 kHz (Saito et al., 2024)",
    good_at="a draft in one step and the same sound refined in up to 16; starting from a sound; following its loudness",
    mind="trained on AudioCaps at 10 s; the largest of the four at 16 kHz",
    steps=(1, 2, 4, 8, 16),
    steps_usual=1,
    sample_rate_hz=16_000,
    clip_s=10.0,
    millions={"FLAN-T5 encoder": 341.2, "U-Net": 868.0, "mel autoencoder": 55.4, "HiFi-GAN": 55.3},
    paper="https://arxiv.org/abs/2405.18503",
    code="https://github.com/sony/soundctm",
    weights="https://huggingface.co/Sony/soundctm",
    licence=(
        "Code: MIT.",
        "Weights: CC BY 4.0, as the authors' page on the hub (Sony/soundctm) says.",
        "AudioLDM's autoencoder and vocoder lie in the same place, and come from AudioLDM's authors, whose terms were "
        "not looked up here.",
        "FLAN-T5: Apache 2.0.",
    ),
    licence_in_short="weights CC BY 4.0",
    fetches=(
        Fetch(
            repository="Sony/soundctm",
            files=("soundctm_ckpt/030000/ema_0.999_030000.pt", "ckpt/audioldm-s-full.ckpt"),
        ),
        _FLAN_T5,
    ),
    download_gb=9.2,
    unseen="The authors' script plays the online weights of pytorch_model.bin, their paper names the average of "
    "ema_0.999_030000.pt; the average is fetched.",
)

SOUNDCTM_DIT: Final = Card(
    name="soundctm_dit",
    title="SoundCTM, DiT at 44.1 kHz, version 2 (Saito et al., ICLR 2025)",
    good_at="full-band sound; a draft in one step and the same sound refined in up to 16; starting from a sound",
    mind="trained on AudioCaps at 10 s; one text vector for the whole prompt, so many details blur into one",
    steps=(1, 2, 4, 8, 16),
    steps_usual=1,
    sample_rate_hz=44_100,
    clip_s=10.0,
    millions={"CLAP's RoBERTa": 125.3, "DiT": 1052.2, "waveform autoencoder": 64.2},
    paper="https://openreview.net/forum?id=KrK6zXbjfO",
    code="https://github.com/koichi-saito-sony/soundctm_dit_iclr",
    weights="https://huggingface.co/koichisaito/soundctm_dit",
    licence=(
        "Code: MIT.",
        "Weights: what the authors' page on the hub (koichisaito/soundctm_dit) says is not known here; look there.",
        "The vocabulary of RoBERTa: MIT.",
    ),
    licence_in_short="weights: see the hub",
    fetches=(
        Fetch(
            repository="koichisaito/soundctm_dit",
            files=(
                "model_checkpoints/soundctm/ac_v2_ema_0999_030000.pt",
                "model_checkpoints/soundctm/z_stats.pth",
                "utils_checkpoints/vae/gaussiandac/weights.pth",
            ),
        ),
        Fetch(repository="FacebookAI/roberta-base", any_of=TOKENIZER_FILES, into="clap"),
    ),
    download_gb=None,
    unseen="The autoencoder's widths stand only in its file, so its size here is that of an assumed one. Version 1, "
    "the paper's, is taken by `upbeat models add` too.",
)

CARDS: Final = {card.name: card for card in (CONSISTENCY_TTA, AUDIOLCM, SOUNDCTM, SOUNDCTM_DIT)}


def card_of(name: str) -> Card:
    """The card of the model `name`. Raises `SetupError` that names those there are."""
    if name not in CARDS:
        raise SetupError(
            f"there is no model {name[:80]!r}; there are {', '.join(CARDS)}, and the embedded one needs none"
        )
    return CARDS[name]
