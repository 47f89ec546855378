"""Chat templates written from the published formats of model families, and tokenizers that fit them."""

from __future__ import annotations

import random
from typing import Any

WORDS = (
    *("alpha", "beta", "gamma", "delta", "table", "book"),
    *("order", "please", "thanks", "yes", "no", "maybe"),
)

LLAMA3 = (
    "{% for message in messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}"
)
CHATML = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% for call in message.tool_calls or [] %}"
    "{{ '<tool_call>' + (call.function.arguments | tojson) + '</tool_call>' }}{% endfor %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
# The last answer is shown with its (empty) thoughts, earlier ones without: what is rendered up to an
# answer is not how the whole begins.
QWEN3 = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' and loop.last %}"
    "{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' + message['content'] + '<|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Thinks in the prompt, and shows no thoughts in what was answered.
THINKING = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"
)
MARKED = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ '<|im_start|>assistant\n' }}{% generation %}{{ message['content'] }}{% endgeneration %}"
    "{{ '<|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"
)
NO_END = (
    "{% for message in messages %}"
    "{{ '### ' + message['role'] + ':\n' + message['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)

SPECIAL = {
    "llama": (
        ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    ),
    "mistral": ["<s>", "</s>", "[INST]", "[/INST]"],
    "qwen2": ["<|endoftext|>", "<|im_end|>", "<|im_start|>"],
    "gemma2": ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
}
TEMPLATE = {"llama": LLAMA3, "mistral": MISTRAL, "qwen2": CHATML, "gemma2": GEMMA}
FAMILIES = tuple(TEMPLATE)
END = {"llama": "<|eot_id|>", "mistral": "</s>", "qwen2": "<|im_end|>", "gemma2": "<end_of_turn>"}


def sentence(dice: random.Random, words: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(words))


def make_tokenizer(family: str, *, metaspace: bool = False) -> Any:
    """A byte-level tokenizer (or one that marks spaces, as SentencePiece does) with a family's tokens.

    Llama, Mistral and Gemma add their begin token to every text, Qwen has none.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = SPECIAL[family]
    raw = Tokenizer(models.BPE(byte_fallback=metaspace, unk_token=special[1] if metaspace else None))
    if metaspace:
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
        raw.decoder = decoders.Metaspace(prepend_scheme="first", split=True)
        alphabet = sorted({character for word in WORDS for character in word} | set("▁\n:#.?!"))
    else:
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    dice = random.Random(1)
    raw.train_from_iterator(
        [sentence(dice, 20) for _ in range(100)],
        trainers.BpeTrainer(
            vocab_size=310, initial_alphabet=alphabet, special_tokens=special, show_progress=False
        ),
    )
    begin = special[0]
    if family != "qwen2":
        raw.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A $B", special_tokens=[(begin, raw.token_to_id(begin))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=None if family == "qwen2" else begin,
        eos_token=special[1],
        additional_special_tokens=special[2:],
        chat_template=TEMPLATE[family],
    )
