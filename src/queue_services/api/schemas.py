"""Schemas as generators of clients take them: msgspec's, with the same meaning, in the words
that the common generators know. Used by `openapi`.

A rule about several members is written as a condition (`if`), which generators pass over; of
an `anyOf` they would make several types of one body, or none.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def plain(schema: Any) -> Any:
    """`schema`, a JSON value, with `const` for an enum of one value, and without a default of
    null, which says no more than that the member may be left out.
    """
    if isinstance(schema, list):
        return [plain(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: plain(member) for name, member in schema.items()}
    if "default" in found and found["default"] is None:
        del found["default"]
    choices = found.get("enum")
    if isinstance(choices, list) and len(choices) == 1:
        del found["enum"]
        found = {"const": choices[0]} | found
        if found.get("default") == choices[0]:
            del found["default"]
    return found


def one_of_two(
    first: str, first_type: str, second: str, second_type: str, also: Schema | None = None
) -> Schema:
    """The rule that one of two members is there, null counting as absent; and `also`."""
    rest = also or {}
    return {
        "if": _given(first, first_type),
        "then": {"properties": {second: {"type": "null"}}, **rest},
        "else": _given(second, second_type) | rest,
    }


def at_most_one(first: str, first_type: str, second: str) -> Schema:
    """The rule that one of two members at most is there, null counting as absent."""
    return {
        "if": _given(first, first_type),
        "then": {"properties": {second: {"type": "null"}}},
    }


def _given(name: str, type_: str) -> Schema:
    return {"required": [name], "properties": {name: {"type": type_}}}
