"""What was left in texts that a model should not learn to write: placeholders, markup of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..checks.words import shown

_BRACES = re.compile(r"(?<![\\^_{$}\w=])\{\{\s*([A-Za-z_][\w.\- ]{0,40}?)\s*\}\}(?!\})")
# In code, templates and formulas double braces are at home.
_CODE = re.compile(r"\{%|\{\{[#/>!&]|</[a-z]|```|\\begin\{|\\frac|\bv-(?:for|if|bind)\b|\bimport |\bdef |;\n")
_WORDS = (
    r"(?:(?:your|insert|enter|add|my|the|client|customer|company|recipient|sender|user|first|last|full|"
    r"business|product|brand|city|street|phone|email|e-mail)[ _-]){0,3}"
    r"(?:name|address|e-?mail|phone|number|company|date|city|state|title|position|link|url|website|"
    r"signature|text|here|password|username)"
)
_BRACKETS = re.compile(
    rf"(?<![\w\])])[\[<](?:{_WORDS}|insert [\w ,'-]{{3,40}}|(?:enter|add|put) your [\w ,'-]{{3,40}}"
    r"|todo\b[^\]>]{0,40}|tbd)[\]>](?!\()",
    re.IGNORECASE,
)
_ANGLE_TAGS = re.compile(r"<(?:address|title|link|text|date|name|state|number|position)>")
_LOREM = re.compile(r"\blorem ipsum dolor\b", re.IGNORECASE)
_TODO = re.compile(r"(?:TODO|FIXME|TBD|XXX)\b(?:[:.!]|\s*\Z)")
_UNDONE = ("TODO", "FIXME", "TBD", "XXX")
_LONGEST_HOLLOW = 20
_HOLLOW = frozenset(
    {"nan", "null", "undefined", "#n/a", "#ref!", "#value!", "[object object]", "..."}
)  # what programs write for nothing

_TOKENS = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|"
    r"end_of_text|system|user|assistant|end|start|message|channel|return|call)\|>"
    r"|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|<｜[^｜>\n]{2,40}｜>|</s>|<s>(?=\s*\[INST)"
)
MAY_BE_TOKEN = re.compile(r"<(?:\||｜|/s>|s>|start_|end_|</?SYS)")
"""What starts with “<” among the marks of chat templates."""
_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|nbsp|apos|hellip|mdash|ndash|rsquo|lsquo|rdquo|ldquo|#\d{2,5}|#x[0-9a-fA-F]{2,4});"
)
_MARKUP = re.compile(r"</?[a-z][a-z0-9-]*(?: [^<>]*)?/?>|```|\bHTML\b|\bXML\b|entit|escap", re.IGNORECASE)


def is_hollow(answer: str) -> bool:
    """Whether an answer is none: what programs write for nothing, or a note to write it later."""
    if len(answer) < _LONGEST_HOLLOW and answer.strip().lower() in _HOLLOW:
        return True
    return answer.startswith(_UNDONE) and _TODO.match(answer) is not None


def placeholders(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `placeholder` for the first thing that a program should have replaced."""
    if "{{" in text and (match := _BRACES.search(text)) is not None and _CODE.search(text) is None:
        yield "placeholder", {"placeholder": shown(match[0])[1:-1]}
    elif (match := _LOREM.search(text)) is not None:
        yield "placeholder", {"placeholder": match[0]}


def blanks(answer: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `placeholder` for the first thing in an answer that a person should have filled in."""
    for match in _BRACKETS.finditer(answer) if "[" in answer or "<" in answer else ():
        if _ANGLE_TAGS.match(match[0]) is None and _CODE.search(answer) is None:
            yield "placeholder", {"placeholder": shown(match[0])[1:-1]}
            return


def special_tokens(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `template-token` for the first mark of a chat template."""
    if (match := _TOKENS.search(text)) is not None:
        yield "template-token", {"token": shown(match[0])[1:-1]}


def entities(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `html-entity` for a text that was taken from a page and not unescaped."""
    if (match := _ENTITY.search(text)) is not None and _MARKUP.search(text) is None:
        yield "html-entity", {"entity": match[0]}


def thoughts(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The check `open-thoughts` for tags of thinking that don't come in pairs."""
    opened, closed = text.count("<think>"), text.count("</think>")
    if opened != closed:
        tag, other = ("<think>", "</think>") if opened > closed else ("</think>", "<think>")
        yield "open-thoughts", {"tag": tag, "other": other}
