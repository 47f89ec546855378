"""Which tokenizer transformers makes of a folder's files, and how: known without transformers.

transformers from version 5 on takes a `tokenizer.json` as it is for some classes. For others it takes only
its vocabulary and merges and writes the rest (normalizer, pre-tokenizer, decoder) by itself. The rules are
those of `AutoTokenizer.from_pretrained` and of the classes' constructors in 5.20 to 5.23; a test holds the
tables and the results against them. What is not in the tables is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

from .tokens import NeedsTransformers


@dataclass(frozen=True)
class Kind:
    """A class of tokenizers.

    Attributes:
        make: the tokenizer of a vocabulary and merges; None where tokenizer.json is taken as it is.
        defaults: special tokens that the class has where the configuration names none.
        adds_specials: whether it adds all its special tokens once more, as such.
        own_processor: whether it leaves out what tokenizer.json would put around a text.
    """

    make: Callable[[dict[str, Any], dict[str, str], BPEParts], Tokenizer] | None = None
    defaults: dict[str, str] = field(default_factory=dict)
    adds_specials: bool = False
    own_processor: bool = False


@dataclass(frozen=True)
class BPEParts:
    """Vocabulary and merges, as `BPE` takes them."""

    vocab: dict[str, int]
    merges: list[tuple[str, str]]


_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_QWEN3_5 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _llama(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    tokenizer = Tokenizer(BPE(parts.vocab, parts.merges, fuse_unk=True, byte_fallback=True))
    prefix = settings.get("add_prefix_space")
    prefix = True if prefix is None else bool(prefix)
    scheme = ("always" if settings.get("legacy", False) else "first") if prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=False)
    steps: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, *([decoders.Strip(" ", left=1)] if prefix else [])])
    return tokenizer


def _gemma(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    unknown = named.get("unk_token", "None")
    tokenizer = Tokenizer(
        BPE(parts.vocab, parts.merges, fuse_unk=True, unk_token=unknown, byte_fallback=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return tokenizer


def _plain(parts: BPEParts) -> Tokenizer:
    """BPE without marks on words' parts, whose texts are not cut into words yet."""
    model = BPE(
        parts.vocab, parts.merges, continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False
    )
    return Tokenizer(model)


def _byte_level(parts: BPEParts, regex: str, settings: dict[str, Any]) -> Tokenizer:
    """Words are cut by a regular expression, then written as bytes."""
    tokenizer = _plain(parts)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.normalizer = normalizers.NFC()
    prefix = bool(settings.get("add_prefix_space") or False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(regex), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False),
        ]
    )
    return tokenizer


def _qwen2(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    return _byte_level(parts, _QWEN2, settings)


def _qwen3_5(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    return _byte_level(parts, _QWEN3_5, settings)


def _gpt2(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    tokenizer = _plain(parts)
    prefix = bool(settings.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _codegen(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    tokenizer = _gpt2(settings, named, parts)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=True, use_regex=True, trim_offsets=False)
    return tokenizer


def _neox(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    tokenizer = _gpt2(settings, named, parts)
    tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def _cohere(settings: dict[str, Any], named: dict[str, str], parts: BPEParts) -> Tokenizer:
    tokenizer = _plain(parts)
    prefix = bool(settings.get("add_prefix_space", False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=prefix)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


_END = "<|endoftext|>"
_QWEN_DEFAULTS = {"unk_token": _END, "eos_token": _END, "pad_token": _END}
_GPT2_DEFAULTS = {"unk_token": _END, "bos_token": _END, "eos_token": _END}
AS_IT_IS = Kind()
KINDS = {
    "LlamaTokenizer": Kind(_llama, {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}),
    "GemmaTokenizer": Kind(
        _gemma,
        {
            "unk_token": "<unk>",
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
    ),
    "Qwen2Tokenizer": Kind(_qwen2, _QWEN_DEFAULTS, adds_specials=True),
    "Qwen3_5Tokenizer": Kind(_qwen3_5, _QWEN_DEFAULTS),
    "GPT2Tokenizer": Kind(_gpt2, _GPT2_DEFAULTS),
    "CodeGenTokenizer": Kind(_codegen, _GPT2_DEFAULTS),
    "GPTNeoXTokenizer": Kind(_neox, {**_GPT2_DEFAULTS, "pad_token": "<|padding|>"}, own_processor=True),
    "CohereTokenizer": Kind(
        _cohere,
        {
            "unk_token": "<UNK>",
            "bos_token": "<BOS_TOKEN>",
            "eos_token": "<|END_OF_TURN_TOKEN|>",
            "pad_token": "<PAD>",
            "cls_token": "<CLS>",
            "sep_token": "<SEP>",
            "mask_token": "<MASK_TOKEN>",
        },
    ),
}
"""Classes that write the rest by themselves, by their name without `Fast`."""
GENERIC = frozenset({"TokenizersBackend", "PreTrainedTokenizer", "PythonBackend"})
"""Names without `Fast` of the class that takes tokenizer.json as it is."""

REGISTERED: dict[str, str | None] = {
    **dict.fromkeys(
        ("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "qwen3_vl", "qwen2_vl", "qwen2_5_vl"),
        "Qwen2Tokenizer",
    ),
    **dict.fromkeys(("qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text"), "Qwen3_5Tokenizer"),
    **dict.fromkeys(
        ("gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "recurrent_gemma"),
        "GemmaTokenizer",
    ),
    **dict.fromkeys(("gpt2", "gpt_neo", "gptj", "codegen", "phi", "starcoder2", "opt"), "GPT2Tokenizer"),
    **dict.fromkeys(("gpt_neox", "olmo", "olmoe", "mpt", "falcon_mamba"), "GPTNeoXTokenizer"),
    **dict.fromkeys(("cohere", "cohere2"), "CohereTokenizer"),
    **dict.fromkeys(
        (
            *("glm", "glm4", "glm4_moe", "glm4_moe_lite", "gpt_bigcode", "granite", "granitemoe"),
            *("granitemoehybrid", "granitemoeshared", "jamba", "minicpm3", "ministral", "ministral3"),
            *("mistral", "mistral3", "mixtral", "nemotron", "olmo2", "olmo3", "phi3", "phimoe", "stablelm"),
        ),
        "TokenizersBackend",
    ),
    **dict.fromkeys(
        (
            *("apertus", "arcee", "bitnet", "bloom", "cwm", "deepseek_v2", "deepseek_v3", "exaone4"),
            *("falcon", "falcon_h1", "gpt_oss", "hunyuan_v1_dense", "lfm2", "llama", "llama4"),
            *("llama4_text", "nemotron_h", "phi4_multimodal", "seed_oss", "smollm3"),
        ),
        None,
    ),
}
"""The class that transformers registers for a `model_type`; None: none."""
WRONG_ON_HUB = frozenset(
    {"qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "phi3", "phimoe", "jamba", "minicpm3", "nemotron"}
)
"""Types for which the class that a folder names is not believed."""
TEKKEN = frozenset({"mistral", "mistral3", "mixtral", "ministral", "ministral3"})
"""Types that mistral-common reads, where it is installed and there is a tekken.json."""


def class_of(folder: Path, config: dict[str, Any], settings: dict[str, Any], text: str) -> Kind:
    """The class that transformers would take.

    Args:
        config: of the model's config.json.
        settings: of its tokenizer_config.json.
        text: its tokenizer.json.

    Raises:
        NeedsTransformers: one that is not known here.
    """
    auto = settings.get("auto_map")
    if auto and (isinstance(auto, list) or auto.get("AutoTokenizer")):
        raise NeedsTransformers("its tokenizer brings Python code of its own")
    if settings.get("fix_mistral_regex"):
        raise NeedsTransformers("its tokenizer asks for a correction that transformers makes")
    if settings.get("fast_tokenizer_files"):
        raise NeedsTransformers("it has tokenizers for several versions")
    model_type = config.get("model_type")
    if model_type in TEKKEN and (folder / "tekken.json").exists():
        raise NeedsTransformers("it has a tekken.json, which mistral-common may read")
    if model_type is not None and model_type not in REGISTERED:
        raise NeedsTransformers(f"how transformers reads tokenizers of {model_type} models is not known here")
    registered = REGISTERED.get(model_type) if model_type is not None else None
    wrong = model_type in WRONG_ON_HUB
    named = settings.get("tokenizer_class") or config.get("tokenizer_class")
    name = named.removesuffix("Fast") if isinstance(named, str) else None
    if name == "LlamaTokenizer" and '"ByteLevel"' in text and model_type not in TEKKEN and not wrong:
        return AS_IT_IS
    if name is not None and registered is not None and registered != name:
        if registered == "TokenizersBackend":
            return AS_IT_IS
        return _kind(registered if wrong else name)
    return _kind(name or registered or "TokenizersBackend")


def _kind(name: str) -> Kind:
    if name in GENERIC:
        return AS_IT_IS
    if name not in KINDS:
        raise NeedsTransformers(f"how transformers makes a {name} is not known here")
    return KINDS[name]


def backend(kind: Kind, text: str, settings: dict[str, Any], named: dict[str, str]) -> Tokenizer:
    """The tokenizer, without what configuration files add to it.

    Args:
        text: tokenizer.json.
        settings: of tokenizer_config.json.
        named: special tokens by their names.

    Raises:
        NeedsTransformers: it is no BPE, and transformers would write the rest by itself.
        Exception: tokenizer.json is broken; of no kind of its own, as the library raises it.
    """
    if kind.make is None:
        tokenizer = Tokenizer.from_str(text)
        processor = tokenizer.post_processor
    else:
        document = json.loads(text)
        model = document["model"]
        if model.get("type") != "BPE" or not isinstance(model.get("vocab"), dict):
            raise NeedsTransformers("its tokenizer is no BPE")
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
        merges = [(first, second) for first, second in pairs]
        tokenizer = kind.make(settings, named, BPEParts(model["vocab"], merges))
        small = {**document, "added_tokens": [], "model": {**model, "vocab": {}, "merges": []}}
        processor = Tokenizer.from_str(json.dumps(small)).post_processor
    processor = None if kind.own_processor else processor or tokenizer.post_processor
    # Without one transformers makes one of its own that adds nothing.
    tokenizer.post_processor = processor or processors.TemplateProcessing("$A:0", "$A:0 $B:1", [])
    return tokenizer
