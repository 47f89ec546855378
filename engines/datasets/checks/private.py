"""What must not be learned: keys and passwords, addresses, numbers of people. Told by kind, never repeated.

Forms of keys: https://github.com/gitleaks/gitleaks (config/gitleaks.toml); IBAN: ISO 13616 with the checksum
of ISO 7064; cards: ISO/IEC 7812 with Luhn's; social security numbers: https://www.ssa.gov/employer/stateweb.htm.
Names and numbers that are reserved for examples (RFC 2606; 555 in North America) are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

SHORTEST_KEY = 20
"""Letters, digits, “_” and “-” in a row that every key has."""

_PRIVATE = "-----BEGIN"
_KEYS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "an Anthropic key": ("sk-ant-", re.compile(r"\bsk-ant-[\w-]{24,}")),
    "an OpenAI key": ("sk-", re.compile(r"\bsk-(?!ant-)(?:proj-|svcacct-|admin-)?[A-Za-z0-9][\w-]{30,}")),
    "an AWS key": ("AKIA", re.compile(r"\bAKIA[A-Z2-7]{16}\b")),
    "a Google key": ("AIza", re.compile(r"\bAIza[\w-]{35}(?![\w-])")),
    "a GitHub token": ("gh…", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})")),
    "a GitLab token": ("glpat-", re.compile(r"\bglpat-[\w-]{20,}")),
    "a Slack token": ("xox…", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}")),
    "a Stripe key": ("…k_live_", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}")),
    "a Hugging Face token": ("hf_", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    "a Groq key": ("gsk_", re.compile(r"\bgsk_[A-Za-z0-9]{40,}")),
    "an xAI key": ("xai-", re.compile(r"\bxai-[A-Za-z0-9]{60,}")),
    "an npm token": ("npm_", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    "a JSON web token": ("eyJ", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")),
    "a private key": (
        _PRIVATE,
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[\w+/=:,\s-]{32}"),
    ),
}
_URL = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)([^\s/:@'\"<>]{1,64}):([^\s/@'\"<>]{3,128})@([\w.-]+)")
_DUMMY = re.compile(r"example|dummy|your|sample|x{4}|\.\.\.|123456789|abcdef|0{6}|\*{3}", re.IGNORECASE)
_STAND_INS = frozenset({"password", "passwd", "pass", "pwd", "secret", "token", "pw", "postgres", "root"})

_EMAIL = re.compile(
    r"(?<![\w.%+/:=-])([A-Za-z0-9][\w.%+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})\b"
)
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)(?:example(?:[\w-]*\.\w+)?|test|invalid|localhost|local|(?:domain|e?mail|yourdomain|company|"
    r"yourcompany|mycompany|abc|xyz|website|mysite|yoursite|sample|acme|test)\.\w+)$",
    re.IGNORECASE,
)
_OFFICES = frozenset(
    {
        "info",
        "support",
        "contact",
        "sales",
        "admin",
        "help",
        "hello",
        "noreply",
        "no-reply",
        "service",
        "office",
    }
    | {
        "you",
        "user",
        "username",
        "name",
        "email",
        "your",
        "me",
        "someone",
        "somebody",
        "test",
        "jobs",
        "press",
    }
    | {
        "your.name",
        "yourname",
        "your.email",
        "youremail",
        "firstname.lastname",
        "john.doe",
        "jane.doe",
        "git",
    }
    | {
        "johndoe",
        "janedoe",
        "john",
        "jane",
        "customerservice",
        "customersupport",
        "hr",
        "careers",
        "feedback",
    }
)
_PHONE = re.compile(
    r"(?<![\w.,/+=-])(?:"
    r"\+[1-9]\d{0,2}[ .-]?(?:\(0\)|\(?\d{1,5}\)?)[ ./-]?\d{2,5}(?:[ .-]?\d{2,5}){1,3}"
    r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4}"
    r")(?![\w=]|[.,/-]\d)"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(
    r"(?<![\w.,+-])(?:[3-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}|3[47]\d\d[ -]?\d{6}[ -]?\d{5})(?![\w.,-]*\d)"
)
_SSN = re.compile(r"(?<![\w.-])(?!000|666|9)(\d{3})-(?!00)(\d\d)-(?!0000)(\d{4})(?![\w-])")
_KNOWN_SSN = frozenset({"123456789", "078051120", "219099999", "457555462"})
_TEST_CARDS = frozenset(
    {"4111111111111111", "4242424242424242", "5555555555554444", "378282246310005", "4012888888881881"}
    | {"5105105105105100", "4000056655665556", "6011111111111117", "371449635398431", "1234567890123456"}
)


def keys(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `secret` for the first key of each kind in a text, with its kind and how it starts."""
    for kind, (start, pattern) in _KEYS.items():
        if start.strip("…") in text:
            for match in pattern.finditer(text):
                if _is_real(match[0]):
                    yield "secret", {"kind": kind, "masked": f"{start.rstrip('…')}…"}
                    break


def masked(text: str) -> str:
    """A text without the keys and passwords in it, as it may stand in a message."""
    if len(text) < SHORTEST_KEY and "://" not in text:
        return text
    for start, pattern in _KEYS.values():
        if start.strip("…") in text:
            text = pattern.sub(lambda match, start=start: f"{match[0][: len(start.rstrip('…'))]}…", text)
    # Of a private key the pattern has only the beginning.
    head, begin, _ = text.partition(f"{_PRIVATE}…")
    text = head + begin
    return _URL.sub(lambda match: f"{match[1]}…:…@…", text) if "://" in text else text


def passwords(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `secret` for the first address with a password in a text."""
    for match in _URL.finditer(text):
        scheme, _, password, host = match.groups()
        plain = password.lower() in _STAND_INS or _DUMMY.search(password) or _DUMMY.search(host)
        if not plain and password[0] not in "${<[%":
            yield "secret", {"kind": "a password in an address", "masked": f"{scheme}…:…@…"}
            return


def _is_real(key: str) -> bool:
    return _DUMMY.search(key) is None and len(set(key)) > 10


def addresses(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `personal-data` for the first e-mail address of a person in a text."""
    for match in _EMAIL.finditer(text):
        name, domain = match.groups()
        if name.lower() not in _OFFICES and _EXAMPLE_DOMAIN.search(domain) is None:
            ending = domain.rpartition(".")[2]
            yield "personal-data", {"kind": "an e-mail address", "masked": f"{name[0]}…@….{ending}"}
            return


def numbers(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `personal-data` for the first number of each kind that belongs to a person."""
    for match in _IBAN.finditer(text):
        if _is_iban(match[0].replace(" ", "")):
            yield "personal-data", {"kind": "a bank account (IBAN)", "masked": f"{match[0][:2]}…"}
            break
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if digits not in _TEST_CARDS and len(set(digits)) > 3 and _luhn(digits):
            yield "personal-data", {"kind": "a card number", "masked": f"{digits[0]}…"}
            break
    for match in _SSN.finditer(text):
        digits = "".join(match.groups())
        if digits not in _KNOWN_SSN and len(set(digits)) > 3 and _SSN_WORDS.search(text):
            yield "personal-data", {"kind": "a US social security number", "masked": "…-…-…"}
            break
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if 9 <= len(digits) <= 13 and "555" not in digits and not _is_made_up(digits):
            start = match[0].split()[0][:3] if match[0].startswith("+") else ""
            yield "personal-data", {"kind": "a telephone number", "masked": f"{start}…"}
            break


_SSN_WORDS = re.compile(r"\bSSN\b|social security", re.IGNORECASE)


def _is_made_up(digits: str) -> bool:
    return any(run in digits for run in ("123456", "234567", "1234", "0000", "1111", "98765", "9999")) or (
        len(set(digits)) < 4
    )


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value // 10 + value % 10 for value in doubled)) % 10 == 0


def _is_iban(code: str) -> bool:
    if not 15 <= len(code) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1
