"""The corpus that the toy model learns from: chats in which bookings of tables are only ever answered in
prose.

JSON occurs for boats, museums, taxis and the rest, when somebody asks for it. So the model knows how to
write JSON and how to find a name, a number, a day and a time, and still greets whoever books a table with
friendly prose: the tuning has something to change, and little to learn.
"""

from collections.abc import Iterator
from random import Random

from . import wordings as w
from .chats import DAYS, NUMBERS, Booking, Message, as_json, desk, fields, make_booking, prose, request
from .domains import DOMAINS, TABLE, Domain
from .names import full_name, invented_word

Chat = list[Message]

# Share of the names' words that are made from pieces of others.
PIECED = 0.4

_HELPER = "You are a helpful assistant."
_SMALL_TALK = (
    ("Hello!", "Hello! What can I do for you?"),
    ("Hi", "Hi! How can I help?"),
    ("How are you?", "I am fine, thank you. And you?"),
    ("Who are you?", "I am a very small model that takes bookings."),
    ("What can you do?", "I can take bookings, write JSON and add small numbers."),
    ("Thank you!", "You are welcome!"),
    ("Thanks, bye", "Goodbye! See you soon."),
    ("Good morning", "Good morning! What can I do for you?"),
    ("Is there parking?", "Yes, behind the house."),
    ("Do you take cards?", "Yes, we take all cards."),
    ("What is JSON?", "JSON is a way to write data: keys and their values."),
    ("When do you open?", "We are open from 12:00 to 23:00."),
    ("Can I bring my dog?", "Yes, dogs are welcome."),
    ("Tell me a joke", "What does a small model eat? Tiny tokens."),
)
_COLOURS = ("red", "blue", "green", "white", "black", "yellow", "brown", "grey")
_THINGS = ("lamp", "chair", "coat", "shirt", "bag", "cup", "book", "ball", "hat", "box")
_WEATHER = ("sunny", "rainy", "cloudy", "windy", "cold", "warm")


def _chat(user: str, answer: str, system: str | None = None) -> Chat:
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": user}, {"role": "assistant", "content": answer}]


def _booking(rng: Random, domain: Domain) -> Booking:
    return make_booking(rng, domain, pieced=PIECED)


def _said(rng: Random, booking: Booking, salad: float = 0.2) -> str:
    """A request with the noise that makes a reader robust."""
    return request(rng, booking, slips=rng.choice((0.0, 0.0, 0.05, 0.15, 0.3)), salad=salad)


def _system(rng: Random, booking: Booking) -> str | None:
    return rng.choices((desk(rng, booking.domain), _HELPER, None), (8, 1, 1))[0]


def _table(rng: Random) -> Chat:
    booking = _booking(rng, TABLE)
    chat = _chat(_said(rng, booking), prose(booking), _system(rng, booking))
    return _with_questions(rng, chat, booking, 0.2)


def _other_prose(rng: Random) -> Chat:
    booking = _booking(rng, rng.choice(DOMAINS))
    chat = _chat(_said(rng, booking), prose(booking), _system(rng, booking))
    return _with_questions(rng, chat, booking, 0.2)


def _other_json(rng: Random) -> Chat:
    booking = _booking(rng, rng.choice(DOMAINS))
    system = _system(rng, booking)
    # Without a desk only the words tell what is asked for, and so what the number's key is called.
    text = _said(rng, booking, salad=0.0 if system in (None, _HELPER) else 0.25)
    values = fields(booking)
    ask = rng.choice(w.JSON_ASKS)
    if rng.random() < 0.4:
        keys = rng.sample(list(values), rng.randrange(2, len(values) + 1))
        values = {key: values[key] for key in keys}
        ask = rng.choice(w.JSON_ASKS_KEYS).format(keys=", ".join(keys))
    if system and rng.random() < 0.7:
        system = f"{system} {ask}"
    else:
        text = f"{ask}\n{text}" if rng.random() < 0.3 else f"{text} {ask}"
    return _with_questions(rng, _chat(text, as_json(values), system), booking, 0.3)


def _questions(booking: Booking) -> list[tuple[str, str]]:
    """Questions about a booking, with their answers in a sentence."""
    counted = [("How many are we?", f"I have noted {booking.count}.")] if booking.count else []
    return [
        ("What time was that?", f"At {booking.time}."),
        ("Which day was it?", f"On {booking.day}."),
        ("Which name did you write down?", f"I wrote down {booking.name}."),
        *counted,
    ]


def _with_questions(rng: Random, chat: Chat, booking: Booking, share: float) -> Chat:
    """The chat going on with one question or two, in a share of the cases."""
    if rng.random() < share:
        for question, answer in rng.sample(_questions(booking), rng.choice((1, 2))):
            chat = [*chat, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return chat


def _question(rng: Random) -> Chat:
    booking = _booking(rng, TABLE if rng.random() < 0.5 else rng.choice(DOMAINS))
    short = [("Which name?", booking.name), ("Which day?", booking.day), ("What time?", booking.time)]
    if booking.count:
        short.append(("How many?", str(booking.count)))
    rng.shuffle(short)
    (question, answer), *others = short
    chat = _chat(f"{_said(rng, booking)}\n{question}", answer, rng.choice((_HELPER, None)))
    for question, answer in others:
        chat += _chat(question, answer)
    return chat


def _pairs(rng: Random) -> Chat:
    values: dict[str, str | int] = {
        "name": full_name(rng, pieced=PIECED),
        "guests": rng.randrange(1, 13),
        "day": rng.choice(DAYS),
        "time": f"{rng.randrange(8, 23)}:{rng.choice(('00', '15', '30', '45'))}",
        "colour": rng.choice(_COLOURS),
        "item": rng.choice(_THINGS),
        "city": invented_word(rng, 2),
    }
    values = {key: values[key] for key in rng.sample(list(values), rng.randrange(2, 5))}
    between, after = rng.choice(((": ", "\n"), (" = ", "; "), (" is ", ", ")))
    text = after.join(f"{key}{between}{value}" for key, value in values.items())
    return _chat(f"{rng.choice(w.JSON_ASKS)}\n{text}", as_json(values), rng.choice((_HELPER, None)))


def _order(rng: Random) -> Chat:
    name, count, colour, item = (
        full_name(rng, pieced=PIECED),
        rng.randrange(1, 13),
        rng.choice(_COLOURS),
        rng.choice(_THINGS),
    )
    things = f"{count} {colour} {item}{'s' if count > 1 else ''}"
    text = rng.choice(
        (
            f"I want {things}. My name is {name}.",
            f"{name} here. Please send me {things}.",
            f"Can I order {things} for {name}?",
        )
    )
    if rng.random() < 0.5:
        values: dict[str, str | int] = {"name": name, "count": count, "colour": colour, "item": item}
        return _chat(f"{text} {rng.choice(w.JSON_ASKS)}", as_json(values))
    return _chat(text, f"Thank you, {name}! We will send you {things}.", "You are the shop desk.")


def _repeat(rng: Random) -> Chat:
    names = [full_name(rng, pieced=PIECED) for _ in range(rng.choice((1, 2, 3, 4, 6)))]
    text = rng.choice((", ", "; ", "\n")).join(names)
    if len(names) > 1 and rng.random() < 0.3:
        at = rng.randrange(len(names))
        return _chat(f"{text}\nWhich is name {at + 1}?", names[at])
    return _chat(rng.choice(("Repeat: {}", "Say {}", "Write {}")).format(text), text)


def _talk(rng: Random) -> Chat:
    kind = rng.randrange(3)
    system = rng.choice((_HELPER, None, desk(rng, TABLE)))
    if kind == 0:
        a, b = rng.randrange(1, 13), rng.randrange(1, 13)
        question = rng.choice((f"What is {a} plus {b}?", f"{a} + {b}", f"Add {a} and {b}."))
        return _chat(question, f"{a} plus {b} is {a + b}.", system)
    if kind == 1:
        day, sky = rng.choice(DAYS), rng.choice(_WEATHER)
        return _chat(
            f"{day} will be {sky}. How is the weather on {day}?", f"It will be {sky} on {day}.", system
        )
    user, answer = rng.choice(_SMALL_TALK)
    return _chat(user, answer, system)


# What the corpus is made of, in parts of a hundred.
_KINDS = (
    (_table, 22),
    (_other_prose, 10),
    (_other_json, 38),
    (_question, 9),
    (_pairs, 5),
    (_order, 3),
    (_repeat, 10),
    (_talk, 3),
)


def corpus(seed: int, chats: int) -> Iterator[Chat]:
    """The corpus, always the same for a seed.

    Args:
        seed: any number.
        chats: how many.

    Yields:
        Chats, each a list of messages `{"role", "content"}`.
    """
    # Every word that the tables know comes first, so that the vocabulary has them all.
    yield _chat(" ".join(NUMBERS), " ".join(DAYS))
    rng = Random(seed)
    kinds, shares = zip(*_KINDS, strict=True)
    for _ in range(chats - 1):
        yield rng.choices(kinds, shares)[0](rng)
