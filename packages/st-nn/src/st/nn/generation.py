"""Text from a language model, character by character.

model = st.nn.load("runs/characters-1")
print("def " + "".join(st.nn.generate(model, "def ", length=200)))
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from st.core import StError
from st.nn.saved import SavedModel

_STREAM: Final = 3
"""Stream of the numbers that choose characters; keeps uses of one seed independent."""


class NoTextError(StError, TypeError):
    """A model that tells no characters was asked for text."""


class PromptError(StError, ValueError):
    """A prompt that a model cannot go on from."""


def generate(
    model: SavedModel,
    prompt: str,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int | None = None,
) -> Iterator[str]:
    """Give the characters that follow `prompt`, one after another.

    Every one is drawn from what the model says of the last characters, as many as a window has. All
    windows have one size, so one plan is recorded whatever the length of the text.

    Args:
        model: A model that was trained on a text.
        prompt: What comes before, one character or more, each of which the model knows.
        length: How many characters, 0 or more.
        temperature: Scores are divided by it: below 1 the likely becomes more likely, 0 takes the
            likeliest always. At least 0.
        top_k: Only so many of the likeliest characters may come; all unless given. 1 or more.
        seed: The same gives the same text; chance decides unless given. 0 to 2**64 - 1.

    Raises:
        NoTextError: The model was not trained on a text.
        PromptError: The prompt is empty, or holds a character that the model does not know.
        ValueError: `length`, `temperature` or `top_k` is out of range.
    """
    if not model.config.is_text:
        raise NoTextError(f"model {model.name!r} was not trained on a text; call it instead")
    if length < 0 or not temperature >= 0 or (top_k is not None and top_k < 1):
        raise ValueError(
            f"expected length and temperature of 0 or more and top_k of 1 or more, "
            f"given {length}, {temperature} and {top_k}"
        )
    if not prompt:
        raise PromptError("expected a prompt of one character or more, given none")
    known = {character: code for code, character in enumerate(model.classes)}
    for place, character in enumerate(prompt, 1):
        if character not in known:
            raise PromptError(
                f"prompt: character {place} is {character!r}, which the text that model "
                f"{model.name!r} learned from does not hold"
            )
    source = np.random.Philox(
        key=np.array([secrets.randbits(64) if seed is None else seed, _STREAM], np.uint64)
    )
    codes = [known[character] for character in prompt]
    return _characters(model, codes, length, temperature, top_k, source)


def _characters(
    model: SavedModel,
    codes: list[int],
    length: int,
    temperature: float,
    top_k: int | None,
    source: np.random.Philox,
) -> Iterator[str]:
    context = model.model.input.shape[0]
    # A short text is followed by characters that count for nothing: what stands in a window
    # decides nothing before it, which training has made sure of.
    window = np.zeros((1, context), np.float32)
    for _ in range(length):
        last = codes[-context:]
        window[0, : len(last)] = last
        scores = model(window)[0, len(last) - 1].astype(np.float64)
        code = _drawn(scores, temperature, top_k, int(source.random_raw()))
        codes.append(code)
        yield model.classes[code]


def _drawn(scores: NDArray[np.float64], temperature: float, top_k: int | None, raw: int) -> int:
    """Return the character that 64 random bits choose by `scores`."""
    if temperature == 0:
        return int(scores.argmax())
    order = np.argsort(-scores, kind="stable")[:top_k]
    powers = np.exp((scores[order] - scores[order[0]]) / temperature)
    sums = np.cumsum(powers)
    # 53 bits fill a float64: 0 or more, below 1.
    at = np.searchsorted(sums, (raw >> 11) * 2.0**-53 * sums[-1], side="right")
    return int(order[min(int(at), len(order) - 1)])
