"""Makes a tiny Llama from scratch: `python pretrain.py CORPUS OUT`, a script that needs nothing beside it.

CORPUS is JSON lines of chats, `{"messages": [{"role", "content"}, …]}`. OUT becomes a model's folder:
config.json, generation_config.json, tokenizer files with a chat template, model.safetensors in bfloat16.
The stages from top to bottom: arguments, tokenizer, batches, model, loop, save. Progress is printed as it
goes.

The choices that make a million parameters copy names they never saw: the loss counts answers only; spaces
are tokens of their own, so that a word is cut the same way wherever it stands; digits are single;
matrices learn by Muon.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from pathlib import Path

PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('this toy knows the roles system, user and assistant, not ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Words; single digits; runs of anything else, spaces and punctuation together: `", "` is one token in JSON.
WORDS = r"\p{L}+|\p{N}|[^\p{L}\p{N}]+"
CONTEXT_TOKENS = 1024


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read_chats(path: Path) -> list[list[dict[str, str]]]:
    """The corpus's chats."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["messages"] for line in lines]


def make_tokenizer(chats: list[list[dict[str, str]]], vocabulary: int):
    """A byte-level BPE tokenizer trained on the chats: it can write any text, and knows their words best."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((message["content"] for chat in chats for message in chat), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=list(ROLES),
        chat_template=TEMPLATE,
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )


def encode(chats: list[list[dict[str, str]]], tokenizer) -> list[tuple[list[int], list[bool]]]:
    """Each chat's ids as the chat template renders them, and which of them are an answer's or its end."""
    texts = tokenizer.backend_tokenizer.encode_batch([m["content"] for chat in chats for m in chat])
    contents = iter(texts)
    role = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("system", "user", "assistant")}
    rows = []
    for chat in chats:
        ids, trained = [tokenizer.bos_token_id], [False]
        for message in chat:
            content = [*next(contents).ids, tokenizer.eos_token_id]
            ids += [role[message["role"]], *content]
            trained += [False, *[message["role"] == "assistant"] * len(content)]
        rows.append((ids, trained))
    rendered = tokenizer.apply_chat_template(chats[-1], tokenize=True, return_dict=False)
    if rendered != rows[-1][0]:
        raise SystemExit("the ids of a chat differ from what its template renders: the script has a mistake")
    return rows


def batches(rows, rows_per_batch: int, pad: int, dice: random.Random):
    """Endless batches of chats of like length: ids padded on the right, labels -100 where none is trained."""
    import torch

    while True:
        order = list(range(len(rows)))
        dice.shuffle(order)
        pool = rows_per_batch * 50
        for start in range(0, len(order) - pool + 1, pool):
            near = sorted(order[start : start + pool], key=lambda index: len(rows[index][0]))
            chunks = [near[at : at + rows_per_batch] for at in range(0, pool, rows_per_batch)]
            dice.shuffle(chunks)
            for chunk in chunks:
                width = max(len(rows[index][0]) for index in chunk)
                ids = torch.full((len(chunk), width), pad)
                labels = torch.full((len(chunk), width), -100)
                for line, index in enumerate(chunk):
                    row, trained = rows[index]
                    ids[line, : len(row)] = torch.tensor(row)
                    labels[line, : len(row)] = torch.where(torch.tensor(trained), torch.tensor(row), -100)
                yield ids, labels


def make_model(arguments: argparse.Namespace, tokenizer):
    """A Llama with random weights; every width is a multiple of 64, as bitsandbytes wants it on CPUs."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=arguments.vocabulary,
        hidden_size=arguments.hidden,
        intermediate_size=arguments.mlp,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.heads,
        max_position_embeddings=CONTEXT_TOKENS,
        initializer_range=0.04,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config)


def load(folder: Path):
    """A model that an earlier run wrote, in float32 again, and its tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    return AutoTokenizer.from_pretrained(folder), LlamaForCausalLM.from_pretrained(
        folder, dtype=torch.float32
    )


def bfloat16_gain() -> float:
    """How many times faster than float32 this CPU multiplies bfloat16; below 1 it is slower."""
    import torch

    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(4096, 128, dtype=dtype), torch.ones(128, 384, dtype=dtype)
        torch.mm(left, right)
        started = time.perf_counter()
        for _ in range(20):
            torch.mm(left, right)
        seconds.append(time.perf_counter() - started)
    return seconds[0] / seconds[1]


def pretrain(model, rows, arguments: argparse.Namespace) -> float:
    """Trains the model in place until the steps or the minutes are used up.

    Returns:
        The mean loss of the last hundred steps, in nats a trained token.
    """
    import torch

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    optimizers = [
        torch.optim.Muon(matrices, lr=arguments.matrix_rate, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=arguments.other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    peaks = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    source = batches(rows, arguments.batch_size, model.config.pad_token_id, random.Random(arguments.seed))
    # On a CPU the fused attention's backward pass in bfloat16 takes as long as all the rest (torch 2.13).
    model.set_attn_implementation("eager")
    started, recent = time.monotonic(), []
    step = 0
    model.train()
    while True:
        # How much of the steps or of the minutes is gone, whichever is more: the rate falls to zero with it.
        done = max(step / arguments.steps, (time.monotonic() - started) / (60 * arguments.minutes))
        if done >= 1:
            return sum(recent) / max(1, len(recent))
        scale = min(1.0, (step + 1) / 100) * (
            1 if done < 0.3 else 0.5 + 0.5 * math.cos(math.pi * (done - 0.3) / 0.7)
        )
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * scale
        ids, labels = next(source)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16):
            hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
            targets = labels[:, 1:]
            chosen = targets != -100
            loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[chosen]).float(), targets[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        recent = [*recent[-99:], loss.item()]
        step += 1
        if step % 100 == 0:
            seconds = time.monotonic() - started
            mean = sum(recent) / len(recent)
            say(f"step {step:5d}  {done:4.0%}  loss {mean:.4f}  {seconds:5.0f} s")


def save(model, tokenizer, out: Path) -> None:
    """Writes the model's folder."""
    import torch

    out.mkdir(parents=True, exist_ok=True)
    model.eval().to(torch.bfloat16)
    model.generation_config.do_sample = False
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def main() -> None:
    """Reads the arguments and goes through the stages."""
    parser = argparse.ArgumentParser(description="Makes a tiny Llama from scratch.")
    parser.add_argument("corpus", type=Path, help="JSON lines of chats")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument(
        "--start", type=Path, help="go on from this model's folder, with its tokenizer and shapes"
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument(
        "--minutes", type=float, default=25.0, help="time limit; the learning rate falls with it"
    )
    parser.add_argument("--batch-size", type=int, default=48, help="chats a step")
    parser.add_argument("--vocabulary", type=int, default=1024, help="tokens; a multiple of 64")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--mlp", type=int, default=384)
    parser.add_argument("--matrix-rate", type=float, default=0.02, help="Muon's learning rate")
    parser.add_argument(
        "--other-rate", type=float, default=4e-3, help="AdamW's learning rate for embeddings and norms"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as cores")
    parser.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        help="multiply in bfloat16; left out: where this CPU is faster so",
    )
    arguments = parser.parse_args()
    for name in ("vocabulary", "hidden", "mlp"):
        if getattr(arguments, name) % 64:
            parser.error(f"--{name} must be a multiple of 64, or quantised inference fails on some CPUs")

    # Before torch is imported: it reads this once.
    threads = arguments.threads or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(arguments.seed)
    chats = read_chats(arguments.corpus)
    if arguments.start:
        tokenizer, model = load(arguments.start)
    else:
        tokenizer = make_tokenizer(chats, arguments.vocabulary)
        model = make_model(arguments, tokenizer)
    rows = encode(chats, tokenizer)
    tokens = sum(len(ids) for ids, _ in rows)
    say(f"{len(rows):,} chats, {tokens:,} tokens; {model.num_parameters():,} parameters; {threads} threads")
    if arguments.bfloat16 is None:
        gain = bfloat16_gain()
        arguments.bfloat16 = gain > 1.2
        say(f"{'bfloat16' if arguments.bfloat16 else 'float32'}: bfloat16 is {gain:.1f} times as fast here")
    loss = pretrain(model, rows, arguments)
    save(model, tokenizer, arguments.out)
    say(f"written to {arguments.out}; loss of the last hundred steps {loss:.4f}")


if __name__ == "__main__":
    main()
