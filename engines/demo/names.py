"""Names of people for the demonstration's chats: from short lists, or made of random syllables.

The made-up ones matter most. A model that sees ten thousand names once each cannot learn them by heart;
it has to learn to copy what the person wrote, and then it copies names that nobody ever typed before.
The held-out lists are used in the test rows only: no row of the corpus or of the tuning data has a word
of them.
"""

from collections.abc import Sequence
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    "Anna Ben Carla David Emma Felix Greta Hugo Ida Jonas Karin Leon Maria Nils Olga Paul Rosa Simon "
    "Tina Umar Vera Walter Yara Zoe Aisha Bruno Chen Diego Elena Farid Gina Hana Ivan Julia Kofi "
    "Laura Marco Nina Omar Petra Ravi Sara Tom Ursula Victor Wanda Amir Bea Clara Dora Erik Frida "
    "Georg Helen Igor Jana Kurt Lena Mira Noah"
)
LAST = _words(
    "Adler Bauer Costa Dahl Evans Fischer Garcia Hansen Ito Jensen Keller Lopez Meyer Novak Olsen "
    "Patel Quinn Rossi Silva Tanaka Ueda Vogel Weber Young Zimmer Ahmed Brown Chang Diaz Eriksen "
    "Foster Gomez Haas Ivanov Jung Khan Larsen Moreau Nguyen Okafor Park Rivera Santos Thomas Varga "
    "Walsh Yilmaz Becker Carter Duval Engel Franke"
)
HELD_OUT_FIRST = _words(
    "Astrid Boris Cecilia Dmitri Esther Fabian Gloria Henrik Ingrid Jasper Katja Lorenzo Miriam Nadia "
    "Oscar Priya Ruben Sonja Tobias Valeria Wilma Xenia Yusuf Zelda Malik Renata Stefan Thea"
)
HELD_OUT_LAST = _words(
    "Andersson Bianchi Cohen Delgado Eckert Ferrari Gruber Hoffmann Iversen Johansson Kowalski "
    "Lindgren Marino Nakamura Ortega Petrov Ramirez Schneider Takahashi Ulrich Vasquez Winkler Yamada "
    "Zhang Bergman Castillo Doyle"
)

_ONSETS = _words(
    "b c d f g h j k l m n p r s t v w z b d f g h k l m n p r s t v br ch cl dr fl gr kr pl sh st th tr"
)
_VOWELS = _words("a e i o u a e i o u a e i o u ai au ea ee ia io ou y")
_INNER_CODAS = _words("l m n r s n r l")
_LAST_CODAS = _words("l m n r s t x nd ng rn rt sk st ck ll ss tt")
# Where pieces of words come from: every token of common words shall have been part of a name too.
_COMMON = _words(
    "would like table people evening quiet window group birthday reserve please thank restaurant number "
    "kitchen strong yellow question fox jump zebra hockey mixture vibrant quick awkward rhythm schnapps "
    "johnson hamilton weather sunshine mountain whisky bishop knight church school yacht queen"
)
_ACCENTED = ("á", "é", "è", "ö", "ü", "ä", "ñ", "ø", "ç", "ó")


def invented_word(rng: Random, syllables: int) -> str:
    """A word nobody knows, as `Brendola`: capitalised, `syllables` long."""
    word = ""
    for left in range(syllables, 0, -1):
        word += rng.choice(_ONSETS) + rng.choice(_VOWELS)
        if left == 1 and rng.random() < 0.55:
            word += rng.choice(_LAST_CODAS)
        elif left > 1 and rng.random() < 0.3:
            word += rng.choice(_INNER_CODAS)
    return word.capitalize()


def pieced_word(rng: Random) -> str:
    """A word from pieces of other words, as `Ouldtschna`: hard to say, good to practise copying."""
    word = ""
    while len(word) < rng.choice((3, 5, 6, 8)):
        source = rng.choice(_COMMON if rng.random() < 0.5 else (*FIRST, *LAST)).lower()
        start = rng.randrange(len(source))
        word += source[start : start + rng.choice((1, 2, 3, 4))]
    return word.capitalize()


def _rare_spelling(rng: Random, word: str) -> str:
    """The same word with an accent, a hyphen or an apostrophe, as people have them."""
    kind = rng.randrange(3)
    if kind == 0:
        return f"{word}-{invented_word(rng, 1)}"
    if kind == 1:
        return f"O'{word}"
    at = rng.randrange(1, len(word))
    return word[:at] + rng.choice(_ACCENTED) + word[at + 1 :]


def name_word(rng: Random, known: Sequence[str], share_known: float) -> str:
    """One word of a name: from `known` in a share of the cases, else invented."""
    if rng.random() < share_known:
        return rng.choice(known)
    word = invented_word(rng, rng.choice((1, 2, 2, 2, 3)))
    return _rare_spelling(rng, word) if rng.random() < 0.06 else word


def full_name(rng: Random, held_out: bool = False, pieced: float = 0.0) -> str:
    """A name of one word or two, seldom three.

    Args:
        rng: where chance comes from.
        held_out: take known words from the lists that only tests use.
        pieced: share of words made from pieces of others.
    """
    first, last = (HELD_OUT_FIRST, HELD_OUT_LAST) if held_out else (FIRST, LAST)
    share_known = 0.5 if held_out else 0.3
    words = [
        pieced_word(rng) if rng.random() < pieced else name_word(rng, known, share_known)
        for known in (first, last)
    ]
    form = rng.random()
    if form < 0.15:
        return rng.choice(words)
    if form < 0.19:
        words.insert(1, invented_word(rng, 2))
    return " ".join(words)
