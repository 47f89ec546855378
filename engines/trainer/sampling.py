"""Generating: the same code for the samples shown in training and for chat."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """What happens inside leaves every random generator as it was, so that training does not notice it."""
    states = random.getstate(), numpy.random.get_state(), torch.random.get_rng_state()
    gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(states[0])
        numpy.random.set_state(states[1])
        torch.random.set_rng_state(states[2])
        if gpu:
            torch.cuda.set_rng_state_all(gpu)


class _Asked(StoppingCriteria):
    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), self._asked(), device=input_ids.device, dtype=torch.bool)


class _Tokens(BaseStreamer):
    """transformers streams the prompt first, then each new token."""

    def __init__(self, on_token: Callable[[int], None]) -> None:
        self._on_token = on_token
        self._prompt_seen = False

    def put(self, value: torch.Tensor) -> None:
        if self._prompt_seen:
            self._on_token(int(value.flatten()[-1]))
        self._prompt_seen = True

    def end(self) -> None:
        pass


@torch.no_grad()
def generate(
    model: Any,
    prompt: list[int],
    *,
    end_ids: frozenset[int],
    max_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
    on_token: Callable[[int], None] | None = None,
) -> list[int]:
    """Continue a prompt; the new tokens, the end token included where one came.

    Args:
        model: a causal language model in evaluation mode.
        end_ids: tokens after which it ends.
        max_tokens: new tokens at most.
        temperature: 0 takes the most probable token each time.
        top_p: sample only from the most probable tokens that together have this probability.
        stop: asked after each token; true ends it there.
        on_token: called with each new token as it comes.
    """
    config = _config(end_ids, max_tokens, temperature, top_p)
    ids = torch.tensor([prompt], device=next(model.parameters()).device)
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        generation_config=config,
        stopping_criteria=StoppingCriteriaList([_Asked(stop)]),
        streamer=_Tokens(on_token) if on_token else None,
    )
    return output[0, len(prompt) :].tolist()


@torch.no_grad()
def generate_batch(
    model: Any, prompts: list[list[int]], *, end_ids: frozenset[int], max_tokens: int
) -> list[list[int]]:
    """Continue several prompts at once, greedily; each answer without its end token.

    Padded on the left and masked, so that a row's answer is the one that it would get alone (up to rounding).
    """
    longest = max(map(len, prompts))
    pad = min(end_ids, default=0)
    device = next(model.parameters()).device
    ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor(
        [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device
    )
    config = _config(end_ids, max_tokens, 0.0, 1.0)
    output = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
    answers = []
    for row in output[:, longest:].tolist():
        end = next((place for place, token in enumerate(row) if token in end_ids), len(row))
        answers.append(row[:end])
    return answers


def _config(end_ids: frozenset[int], max_tokens: int, temperature: float, top_p: float) -> GenerationConfig:
    # Stated in full: what is left out here is filled in from the model's own generation_config, and a
    # repetition penalty from there (Qwen has one) is not greedy decoding.
    return GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=temperature > 0,
        temperature=temperature if temperature > 0 else 1.0,
        top_p=top_p if temperature > 0 else 1.0,
        top_k=0 if temperature > 0 else 50,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        num_beams=1,
        use_cache=True,
        eos_token_id=sorted(end_ids) or None,
        pad_token_id=min(end_ids, default=0),
    )
