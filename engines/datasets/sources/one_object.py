"""JSON objects that hold rows, but not in a list of their own: what they are, and how to get at the rows.

pandas' `to_json` writes four such shapes (`orient` split, index, columns, table), Weights & Biases its tables
as the first one, and a dataset with its splits is an object of several lists.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..checks.table import found
from ..checks.words import key_list
from ..problem import Problem

_SPLIT = ".columns as $c | .data[] | [$c, .] | transpose | map({(.[0]): .[1]}) | add"
_OF_LISTS = ". as $t | range(first(.[]) | length) as $i | $t | map_values(.[$i])"
_OF_OBJECTS = ". as $t | first(.[]) | keys_unsorted[] as $i | $t | map_values(.[$i])"
_PANDAS = 'pandas: to_json(…, orient="records", lines=True)'


def is_turned(whole: Mapping[str, Any]) -> bool:
    """Whether it has a column under each key, as an object of the same row numbers (pandas' default)."""
    columns = list(whole.values())
    return (
        bool(columns)
        and all(isinstance(column, dict) and column for column in columns)
        and all(column.keys() == columns[0].keys() for column in columns)
        and all(number.isdecimal() for number in columns[0])
    )


def not_rows(name: str, whole: Mapping[str, Any]) -> Problem:
    """What is said of an object in which no list of rows stands.

    Args:
        name: the file's.
        whole: the object; the lists in it may be empty.
    """
    lists = [key for key, value in whole.items() if isinstance(value, list)]
    objects = [value for value in whole.values() if isinstance(value, dict) and value]
    if {"columns", "data"} <= set(lists):
        return _told("columns", name, lists, _SPLIT)
    if is_turned(whole):
        return _told("columns", name, list(whole), _OF_OBJECTS)
    if whole and len(lists) == len(whole) and not _holds_rows(whole, lists):
        return _told("columns", name, lists, _OF_LISTS)
    problem = found("no-list", name, 1, keys=key_list(whole))
    if whole and len(objects) == len(whole) and all(one.keys() == objects[0].keys() for one in objects):
        fix = f"Write one row a line; with jq: {_command('.[]')}"
    elif len(lists) > 1:
        of_rows = [key for key in lists if _holds_rows(whole, [key])] or lists
        fix = f"Write each list to its own file; with jq: {_command(f'{_path(of_rows[0])}[]')}"
    else:
        return problem
    return dataclasses.replace(problem, fix=fix)


def _holds_rows(whole: Mapping[str, Any], lists: Sequence[str]) -> bool:
    return any(isinstance(item, dict) for key in lists for item in whole[key])


def _told(check: str, name: str, keys: Sequence[str], query: str) -> Problem:
    problem = found(check, name, 1, keys=key_list(list(keys)))
    return dataclasses.replace(problem, fix=f"Write one object a row ({_PANDAS}); with jq: {_command(query)}")


def _command(query: str) -> str:
    return f"jq -c {shlex.quote(query)} IN > OUT.jsonl"


def _path(key: str) -> str:
    """A key as jq names it."""
    return f".{key}" if re.fullmatch(r"[A-Za-z_]\w{0,40}", key, re.ASCII) else ".[]"
