"""What rows teach: for each check a row that fails it and one close to it that doesn't."""

from __future__ import annotations

from typing import Any

LONG = "Which of the two is the greater one, and by how much?"
# Put together here, so that no scanner of keys takes this file for a leak.
RANDOM = "q7Rz2LkX9vTb4NwY8mJc3HsD6fGp1VaE5uQo0ZiKtBnW"


def chat(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


def said(answer: str) -> dict[str, Any]:
    return chat(("user", "Say it."), ("assistant", answer))


def asked(question: str) -> dict[str, Any]:
    return chat(("user", question), ("assistant", "Yes, that is so."))


def call(name: str = "weather", identity: str | None = "a") -> dict[str, Any]:
    made: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": {"city": "Bonn"}}}
    return made if identity is None else {"id": identity, **made}


def tooled(*turns: dict[str, Any], tools: tuple[str, ...] = ("weather",)) -> dict[str, Any]:
    declared = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in tools]
    return {"messages": [{"role": "user", "content": "Rain?"}, *turns], "tools": declared}


def calling(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls)}


def answering(identity: str | None = "a") -> dict[str, Any]:
    turn = {"role": "tool", "content": "dry"}
    return turn if identity is None else {**turn, "tool_call_id": identity}


DONE = {"role": "assistant", "content": "No rain."}

CASES: dict[str, list[tuple[Any, Any]]] = {
    "no-answer": [(chat(("user", "a")), said("b"))],
    "nothing-trained": [
        (
            {"messages": [{"role": "user", "content": "a"}, {**DONE, "weight": 0}]},
            {"messages": [{"role": "user", "content": "a"}, {**DONE, "weight": 1}]},
        )
    ],
    "empty-answer": [(said(" \n"), said("0")), ({"prompt": "a", "completion": ""}, {"text": "a"})],
    "empty-turn": [
        (chat(("system", ""), ("user", "a"), ("assistant", "b")), said("b")),
        (asked("\u00a0"), tooled(calling(call()), {**answering(), "content": ""}, DONE)),
    ],
    "empty-text": [({"text": " "}, {"text": "."})],
    "last-turn": [
        (chat(("user", "a"), ("assistant", "b"), ("user", "c")), said("b")),
        (tooled(calling(call()), answering()), tooled(calling(call()))),
    ],
    "role-order": [
        (chat(("user", "a"), ("user", "b"), ("assistant", "c")), said("b")),
        (tooled(calling(call()), DONE), tooled(calling(call()), answering(), DONE)),
    ],
    "system-place": [
        (
            chat(("user", "a"), ("system", "b"), ("assistant", "c")),
            chat(("system", "b"), ("user", "a"), ("assistant", "c")),
        )
    ],
    "several-systems": [
        (
            chat(("system", "a"), ("system", "b"), ("user", "a"), ("assistant", "c")),
            chat(("system", "b"), ("user", "a"), ("assistant", "c")),
        )
    ],
    "same-answers": [
        (
            chat(*[("user", "a"), ("assistant", "I")] * 3),
            chat(("user", "a"), ("assistant", "Yes."), ("user", "b"), ("assistant", "Yes.")),
        ),
        (
            chat(("user", "a"), ("assistant", LONG), ("user", "b"), ("assistant", LONG)),
            chat(("user", "a"), ("assistant", LONG), ("user", "b"), ("assistant", LONG + "!")),
        ),
    ],
    "answer-is-question": [
        (chat(("user", LONG), ("assistant", LONG)), chat(("user", "Hello!"), ("assistant", "Hello!")))
    ],
    "hollow-answer": [
        (said("NaN"), said("Nan bread")),
        (said("TODO: write it"), said("TODO lists help to remember.")),
    ],
    "equal-answers": [
        (
            {"prompt": "a", "chosen": "b", "rejected": "b\n"},
            {"prompt": "a", "chosen": "b", "rejected": "c"},
        ),
        (
            {**chat(("user", "a")), "chosen": said("b")["messages"][1:], "rejected": "b"},
            {**chat(("user", "a")), "chosen": said("b")["messages"][1:], "rejected": "c"},
        ),
    ],
    "repeated-prompt": [
        (
            {"prompt": LONG, "completion": f"{LONG} The first."},
            {"prompt": LONG, "completion": "The first."},
        ),
        (
            {"prompt": LONG, "chosen": f"{LONG} a", "rejected": f"{LONG} b"},
            {"prompt": LONG, "chosen": "a", "rejected": "b"},
        ),
        (
            {
                **chat(("user", "a")),
                "chosen": chat(("user", "a"), ("assistant", "b"))["messages"],
                "rejected": "c",
            },
            {**chat(("user", "a")), "chosen": said("b")["messages"][1:], "rejected": "c"},
        ),
    ],
    "unanswered-call": [
        (
            tooled(calling(call(identity="a"), call(identity="b")), answering("a"), DONE),
            tooled(calling(call(identity="a"), call(identity="b")), answering("b"), answering("a"), DONE),
        ),
        (
            tooled(calling(call(identity="a"), call(identity="b")), answering("a")),
            tooled(calling(call(identity=None), call(identity=None)), answering(None), DONE),
        ),
    ],
    "unknown-call": [
        (tooled(calling(call()), answering("z"), DONE), tooled(calling(call()), answering("a"), DONE)),
        (
            tooled(calling(call()), answering("a"), answering("z"), DONE),
            tooled(calling(call(identity=None)), answering("z"), DONE),
        ),
    ],
    "undeclared-tool": [
        (tooled(calling(call("rain"))), tooled(calling(call("rain")), tools=("weather", "rain"))),
        (tooled(calling(call()), tools=()), tooled(calling(call()))),
    ],
    "parallel-calls": [
        (
            tooled(calling(call(), call(identity="b")), answering("a"), answering("b"), DONE),
            tooled(calling(call()), answering(), calling(call(identity="b")), answering("b"), DONE),
        )
    ],
    "placeholder": [
        (asked("Dear {{ first_name }},"), asked("In LaTeX it is x^{{n}}.")),
        (said("Dear {{name}},"), said("```jinja\n{{name}}\n```")),
        (said("Yours,\n[Your Name]"), asked("Yours,\n[Your Name]")),
        (said("It is <INSERT DATE HERE>."), said("<title>Dates</title>")),
        (said("Ask [insert name of a friend]."), said("See [the name](https://a.de) of it.")),
        ({"text": "Lorem ipsum dolor sit amet"}, {"text": "Lorem ipsum is filler."}),
        (said("Dear [name], hello."), said("Call f(x)[name] and arr[date].")),
        (said("[TODO: finish]"), said("a[name] = b[date];\n")),
    ],
    "template-token": [
        (said("b<|im_end|>"), {"text": "b<|im_end|>"}),
        (asked("[INST] Do it. [/INST]"), asked("Do [it].")),
        (said("b</s>"), said("b</strong>")),
        (asked("<start_of_turn>user"), asked("a <start> of b")),
    ],
    "open-thoughts": [
        (said("<think>Hm. It is 4."), said("<think>Hm.</think>It is 4.")),
        (said("Hm.</think>It is 4."), {"text": "<think>"}),
    ],
    "html-entity": [
        (said("Tom &amp; Jerry"), said("Tom & Jerry; R&D")),
        (said("&#39;tis"), said("<p>Tom &amp; Jerry</p>")),
    ],
    "mojibake": [
        (said("Itâ€™s"), said("It’s")),
        (said("fiancÃ©"), said("« AMANHÃ » “CAFÉ™”")),
        (said("Ð¿Ñ€Ð¸Ð²ÐµÑ‚"), said("привет")),
        (said("ä¸\u00adæ–‡"), said("Dov’è…” Né — “é”")),
        (said("ðŸ˜€"), said("😀")),
        (said("25 Â°C"), said("Â l’âge")),
        (said("jÄ™zyk"), said("język MENÜ“")),
    ],
    "hidden-character": [
        (said("a\u200bb"), said("สวัสดี\u200bครับ")),
        (said("\ufeffa"), said("👨\u200d👩\u200d👧 می\u200cخواهم")),
        (asked("ab\u202ecd"), asked("שלום \u202aabc\u202c")),
        (asked("ab\U000e0041"), asked("\U0001f3f4\U000e0067\U000e0062\U000e007f")),
    ],
    "control-character": [(said("a\u0007b"), said("a\tb\r\n")), (said("a\u0093b"), said("a“b"))],
    "eaten-escape": [
        (said("\u000crac{1}{2}"), said("\\frac{1}{2}")),
        (said("\u0008egin{align}"), said("page\u000cracing")),
    ],
    "broken-character": [(said("a\ufffdb"), said("a?b"))],
    "secret": [
        (said("sk-" + RANDOM), said("sk-your-key-here-xxxxxxxxxxxxxxxxxx")),
        (said("sk-ant-" + RANDOM), said("sk-ant")),
        (said("AKIA" + "Q3R7ZLKXBVTNWYMJ"), said("AKIA" + "IOSFODNN7EXAMPLE")),
        (said("AIza" + RANDOM[:35]), said("AIza")),
        (said("ghp_" + RANDOM[:36]), said("ghp_" + "x" * 36)),
        (said("glpat-" + RANDOM[:20]), said("glpat-" + "1234567890" * 2)),
        (said("xoxb-" + "1203948576-" + RANDOM[:24]), said("xoxb")),
        (said("sk_live_" + RANDOM[:24]), said("sk_test_" + RANDOM[:24])),
        (said("hf_" + RANDOM[:34]), said("hf_hub_download_and_a_longer_name_of_a_function")),
        (said(f"eyJ{RANDOM[:20]}.eyJ{RANDOM[5:30]}.{RANDOM[:30]}"), said("eyJhbGciOiJIUzI1NiJ9")),
        (
            said("-----BEGIN PRIVATE KEY-----\n" + RANDOM + "\n-----END PRIVATE KEY-----"),
            said("-----BEGIN PUBLIC KEY-----\n" + RANDOM + "\n-----END PUBLIC KEY-----"),
        ),
        (said("postgres://me:tRu5tn0one@db.acme.io/x"), said("postgres://user:password@localhost/x")),
    ],
    "personal-data": [
        (said("Write to erika.mustermann@gmx.de."), said("Write to erika@example.com or info@gmx.de.")),
        (said("Call +49 170 9283746."), said("Call +1 212 555 0123.")),
        (said("Call (213) 484-0480."), said("It is 213484048 and 1.5 - 2.25 - 100.125.")),
        (said("IBAN DE89 3704 0044 0532 0130 00"), said("IBAN DE89 3704 0044 0532 0130 01")),
        (said("Pay by 4539 5787 6362 1486."), said("Pay by 4242 4242 4242 4242 or 4539 5787 6362 1487.")),
        (said("His SSN is 536-90-4399."), said("His SSN is 123-45-6789. Part 536-90-43991.")),
    ],
    "duplicate": [([said("a"), said("a")], [said("a"), said("b")])],
}
