"""Puts requests and answers together: what somebody wants (`Booking`), how it is said, how it is answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from . import wordings as w
from .domains import Domain
from .names import full_name, invented_word

Message = dict[str, str]

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
MINUTES = (0, 0, 0, 15, 30, 30, 45)


@dataclass(frozen=True)
class Booking:
    """What somebody wants. `minutes` counts from midnight; `count` is 0 where nothing is counted."""

    domain: Domain
    name: str
    count: int
    day: str
    minutes: int

    @property
    def time(self) -> str:
        """The time as answers have it: `19:30`."""
        return f"{self.minutes // 60}:{self.minutes % 60:02d}"


def make_booking(rng: Random, domain: Domain, held_out_name: bool = False, pieced: float = 0.0) -> Booking:
    """A random booking: 1 to 12 guests, a weekday, from noon to 22:45. The name as in `full_name`."""
    count = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12)) if domain.counted else 0
    minutes = rng.randrange(12, 23) * 60 + rng.choice(MINUTES)
    return Booking(domain, full_name(rng, held_out_name), count, rng.choice(DAYS), minutes)


def spoken_time(rng: Random, minutes: int) -> str:
    """A time of the afternoon or evening as people write it: `7:30 pm`, `half past seven`, `19:30`."""
    hour, minute = divmod(minutes, 60)
    short, word, following = (hour - 1) % 12 + 1, NUMBERS[(hour - 1) % 12 + 1], NUMBERS[hour % 12 + 1]
    form = rng.random()
    if form < 0.3:
        return f"{hour}:{minute:02d}"
    if minute == 0:
        choices = [
            f"{short} pm",
            f"{short}pm",
            f"{word} o'clock",
            f"{word} in the evening",
            f"{short} o'clock",
        ]
        if hour == 12:
            choices = ["noon", "12 o'clock", "twelve o'clock", "noon"]
        elif hour < 18:
            choices[3] = f"{word} in the afternoon"
        return rng.choice(choices)
    if form < 0.6:
        return f"{short}:{minute:02d} pm" if form < 0.5 else f"{short}:{minute:02d}pm"
    if minute == 45:
        return f"quarter to {following}"
    return f"{'half' if minute == 30 else 'quarter'} past {word}"


def fill(wording: str, **values: str) -> str:
    """Puts values into a wording's slots; a slot with a capital ({Count}) capitalises its value.

    A value may begin with a slot of its own: then that one gets the capital.
    """

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        text = values[slot.lower()]
        if not slot[0].isupper():
            return text
        first = 1 if text.startswith("{") else 0
        return text[:first] + text[first : first + 1].upper() + text[first + 1 :]

    return re.sub(r"\{(\w+)\}", value, wording)


def _sentences(rng: Random, domain: Domain) -> str:
    """A request in sentences, with the slots still in it."""
    parts: list[str] = []
    when = rng.choice(w.WHENS)
    counted_inside = bool(domain.counted) and rng.random() < 0.72
    thing = rng.choice(domain.counted if counted_inside else domain.plain)
    ask, end = rng.choice(w.ASKS)
    name_form = rng.choice(("inline", "sentence", "sentence", "first", "first", "last"))
    when_inside = rng.random() < 0.75
    tail = [when] if when_inside else []
    if name_form == "inline":
        tail.insert(rng.randrange(len(tail) + 1), rng.choice(w.NAME_INLINE))
    asked = fill(ask, thing=thing) + "".join(f" {piece}" for piece in tail) + end
    if when_inside and rng.random() < 0.12:
        asked = fill("{When}: ", when=when) + fill(ask, thing=thing) + end
        if name_form == "inline":
            name_form = "sentence"
    more = []
    if not when_inside:
        more.append(fill(rng.choice(w.WHEN_SENTENCES), when=when, day="{day}", time="{time}"))
    if domain.counted and not counted_inside:
        more.append(rng.choice(w.COUNT_SENTENCES))
    if name_form == "sentence":
        more.append(rng.choice(w.NAME_SENTENCES))
    rng.shuffle(more)
    parts = [asked, *more] if rng.random() < 0.8 else [*more, asked]
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(w.ASIDES))
    if name_form == "first":
        parts.insert(0, rng.choice(w.NAME_FIRST))
    elif rng.random() < 0.4:
        parts.insert(0, rng.choice(w.HELLOS))
    if name_form == "last":
        parts.append(rng.choice(w.NAME_LAST))
    elif rng.random() < 0.25:
        parts.append(rng.choice(w.THANKS))
    return ("\n" if rng.random() < 0.05 else " ").join(parts)


def _terse(rng: Random, domain: Domain) -> str:
    """A request as a mere list, with the slots still in it."""
    pieces = [rng.choice(w.TERSE_DAY), rng.choice(w.TERSE_TIME), rng.choice(w.TERSE_NAME)]
    if domain.counted:
        pieces.append(rng.choice(domain.counted) if rng.random() < 0.4 else rng.choice(w.TERSE_COUNT))
    rng.shuffle(pieces)
    separator = rng.choice(w.SEPARATORS)
    if separator == " ":
        separator = ", "
    text = separator.join(pieces)
    return f"{rng.choice(w.HELLOS)} {text}" if rng.random() < 0.2 else text


def _salad(rng: Random, domain: Domain) -> str:
    """Words without sense and the slots among them: these teach what a name or a time looks like."""
    slots = ["{name}", "{day}", "{time}"] + (["{count}"] if domain.counted else [])
    rng.shuffle(slots)
    text, start = "", True
    for slot in [*slots, ""]:
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 4))):
            word = rng.choice(_ALL_WORDS) if rng.random() < 0.7 or start else invented_word(rng, 2).lower()
            text += (word.capitalize() if start else word) + " "
            start = False
        if slot:
            mark = rng.choice(("", "", "", "", ",", ".", ".", "!", ":", " -", ";", "?"))
            text += ("{" + slot[1:].capitalize() if start else slot) + mark + " "
            start = mark in (".", "!", "?")
    return text.strip()


def _words_of(*tables: object) -> list[str]:
    """The words of the tables but for slots and numbers, in the order of the alphabet."""
    return sorted(set(re.findall(r"(?<![{\w'])[a-z]{2,}(?![\w}'])", str(tables).lower())) - set(NUMBERS))


_ALL_WORDS = _words_of(w.ASKS, w.ASIDES, w.THANKS, w.WHEN_SENTENCES, w.NAME_SENTENCES)


def _slips(rng: Random, wording: str, share: float) -> str:
    """Typing slips in the words between the slots, and now and then a word that nobody knows."""

    def slip(match: re.Match[str]) -> str:
        word = match.group(0)
        if rng.random() >= share:
            return word
        kind = rng.randrange(4)
        at = rng.randrange(len(word))
        if kind == 0:
            return invented_word(rng, rng.choice((1, 2))).lower()
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] + word[at:]
        return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]

    return re.sub(r"(?<![{\w])[a-z]{3,}(?![\w}])", slip, wording)


def request(rng: Random, booking: Booking, slips: float = 0.0, salad: float = 0.0) -> str:
    """A request in words.

    Args:
        rng: where chance comes from.
        booking: what is wanted.
        slips: share of words with a typing slip.
        salad: share of requests that make no sense but have all slots.
    """
    if rng.random() < salad:
        return spell_out(rng, _salad(rng, booking.domain), booking)
    wording = _terse(rng, booking.domain) if rng.random() < 0.1 else _sentences(rng, booking.domain)
    if slips:
        wording = _slips(rng, wording, slips)
    if rng.random() < 0.04:
        wording = wording.lower()
    return spell_out(rng, wording, booking)


def spell_out(rng: Random, wording: str, booking: Booking) -> str:
    """The wording with the booking in its slots; numbers as digits or as words."""
    count = str(booking.count) if rng.random() < 0.5 else NUMBERS[booking.count]
    time = spoken_time(rng, booking.minutes)
    if booking.minutes % 60 == 0 and "at {time}" in wording and rng.random() < 0.25:
        # A mere number is a time only after "at".
        hour = (booking.minutes // 60 - 1) % 12 + 1
        time = rng.choice((str(hour), NUMBERS[hour]))
    text = fill(wording, name=booking.name, count=count, day=booking.day, time=time)
    if booking.count == 1:
        text = re.sub(
            rf"\b({count}) (people|guests|persons|seats|places|tickets|cinema tickets)\b", _singular, text
        )
        text = text.replace("There are one", "There is one").replace("We are one", "I am one")
    return text


def _singular(match: re.Match[str]) -> str:
    one = {"people": "person", "persons": "person"}
    return f"{match.group(1)} {one.get(match.group(2), match.group(2)[:-1])}"


def prose(booking: Booking) -> str:
    """The friendly answer in prose.

    Which of the sentences it has follows from the booking: chance would only be noise to a small model.
    """
    domain = booking.domain
    unit = domain.unit[booking.count != 1]
    hour = booking.minutes // 60
    statements = w.ANSWER_COUNTED if domain.counted else w.ANSWER_PLAIN
    said = fill(
        statements[hour % len(statements)],
        answer=domain.answer,
        count=str(booking.count),
        unit=unit,
        day=booking.day,
        time=booking.time,
    )
    opening = w.ANSWER_OPENINGS[DAYS.index(booking.day) % len(w.ANSWER_OPENINGS)]
    if "{name}" not in opening:
        said = f"{said[:-1]} under the name {booking.name}."
    closing = w.ANSWER_CLOSINGS[booking.minutes % 60 // 15]
    return f"{fill(opening, name=booking.name)} {said} {closing}"


def fields(booking: Booking) -> dict[str, str | int]:
    """The booking's values by the JSON keys of its kind, in the usual order."""
    counted = {booking.domain.count_key: booking.count} if booking.domain.counted else {}
    return {"name": booking.name, **counted, "day": booking.day, "time": booking.time}


def as_json(values: Mapping[str, object]) -> str:
    """JSON as the demonstration writes it, letters as they are."""
    return json.dumps(values, ensure_ascii=False)


def desk(rng: Random, domain: Domain) -> str:
    """A system prompt of the kind, with a made-up house."""
    place = invented_word(rng, 2)
    if rng.random() < 0.4:
        place = (
            rng.choice(("Blue", "Green", "Golden", "Old", "Little", "White"))
            + " "
            + rng.choice(("Olive", "Garden", "River", "Moon", "Lion", "Bridge", "Star", "Harbour", "Rose"))
        )
    return fill(rng.choice(domain.desks), place=place)
