"""What prompts mean is worked out once."""

from engine.text.prompt_cache import PromptCache


def test_a_prompt_is_encoded_once_while_it_is_among_the_latest() -> None:
    encoded: list[str] = []

    def encode(prompt: str) -> int:
        encoded.append(prompt)
        return len(prompt)

    cache = PromptCache(encode, capacity=2)

    assert [cache(prompt) for prompt in ("kick", "pad", "kick", "riser", "kick", "pad")] == [4, 3, 4, 5, 4, 3]
    assert encoded == ["kick", "pad", "riser", "pad"]
