"""Reads a JSON body, or a query, into a struct; when it does not fit, says everything that
is wrong with it at once.

The struct's own types are the rules, for the quick decode and for the search of faults
alike: msgspec stops at the first fault, so on failure alone each member is decoded by
itself. Used by every call that reads a body or a query; knows no message.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import UNSET, Raw

from queue_services.errors import Fault, InvalidRequest

T = TypeVar("T", bound=msgspec.Struct)

WHOLE = "body"
"""The field of a fault that is the whole body's."""

REQUIRED = "is required"
NO_SUCH_MEMBER = "is not read here; remove it"

MOST_FAULTS = 30
"""Of one kind, in one body: an answer must not be many times as long as what it is about."""

LARGE = 64 * 1024
"""Bytes of a body that is looked through in every corner. In a larger one only the members
that are read are: its corners may be a million.
"""

_fields = functools.cache(msgspec.structs.fields)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Partial(NamedTuple):
    """What can be said of a body that does not fit: its members by attribute name, UNSET
    where they are missing or wrong, and what is wrong.
    """

    values: dict[str, Any]
    faults: list[Fault]


class _NotANumber:
    """Stands for NaN, Infinity and -Infinity, which are no JSON, so that the member that
    holds one can be named.
    """


def read(body: bytes, shape: type[T]) -> T:
    """Decode `body` into `shape`. Raises InvalidRequest with every fault."""
    value = quick(body, shape)
    if value is None:
        raise InvalidRequest(*examine(body, shape).faults)
    return value  # type: ignore[no-any-return] # the decoder made it of `shape`


def quick(body: bytes, shape: Any) -> Any | None:
    """`body` decoded into `shape`, or None where anything at all is wrong with it;
    `examine` then says what.
    """
    if b"\\u0000" in body and _NUL.search(body):
        return None
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into text that it skips
        return decoder(shape).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def examine(body: bytes, shape: type[msgspec.Struct]) -> Partial:
    """Say all that is wrong with a body that `quick` refused; there is at least one fault
    in the answer.
    """
    tag = shape.__struct_config__.tag_field
    names = (*(field.encode_name for field in _fields(shape)), *([] if tag is None else [tag]))
    try:
        members, faults = split(body, names)
    except InvalidRequest as error:
        return Partial(
            dict.fromkeys((field.name for field in _fields(shape)), UNSET), list(error.faults)
        )
    values, more = _decode_each(members, shape, strict=True)
    return Partial(values, [*faults, *more] or [Fault(WHOLE, _first_fault(body, shape))])


def read_query(query: Mapping[str, str], shape: type[T]) -> T:
    """Convert query parameters into `shape`, numbers from their text. Raises InvalidRequest
    with every fault.
    """
    try:
        value = msgspec.convert(query, shape, strict=False)
    except msgspec.ValidationError:
        raws = {name: Raw(msgspec.json.encode(value)) for name, value in query.items()}
        raise InvalidRequest(*_decode_each(raws, shape, strict=False)[1]) from None
    if ill := [
        Fault(shown(name), "holds a NUL character; remove it")
        for name, text in query.items()
        if "\0" in text
    ]:
        raise InvalidRequest(*ill)
    return value


@functools.cache
def decoder(shape: Any, *, strict: bool = True) -> msgspec.json.Decoder[Any]:
    """The decoder of a shape, made once; where not `strict` it reads numbers from text."""
    return msgspec.json.Decoder(shape, strict=strict)


def split(body: bytes, names: tuple[str, ...]) -> tuple[dict[str, Raw | None], list[Fault]]:
    """The members of a JSON object, still encoded, and every place where it holds what no
    text or number may be; None for a member that does.

    Of a large body only the members of `names` are looked into. Raises InvalidRequest where
    it is no JSON object at all.
    """
    if len(body) > LARGE:
        return _split_large(body, names)
    members = _parse(body)
    ill = list(itertools.islice(_ills(members), MOST_FAULTS))
    faults = [Fault(shown(".".join(path)), advice) for path, advice in ill]
    encoded: dict[str, Raw | None]
    try:
        encoded = dict(decoder(dict[str, Raw]).decode(body))
    except (msgspec.DecodeError, RecursionError):
        encoded = {
            name: Raw(json.dumps(value, default=str).encode()) for name, value in members.items()
        }
    return encoded | dict.fromkeys((path[0] for path, _ in ill), None), faults


def _split_large(body: bytes, names: tuple[str, ...]) -> tuple[dict[str, Raw | None], list[Fault]]:
    try:
        body.decode()
        members: dict[str, Raw | None] = decoder(dict[str, Raw]).decode(body)
    except UnicodeDecodeError:
        raise InvalidRequest(Fault(WHOLE, "must be UTF-8")) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(Fault(WHOLE, f"is not a JSON object: {error}")) from None
    faults: list[Fault] = []
    for name in names:
        if (raw := members.get(name)) is not None and (ill := _ill_member(name, bytes(raw))):
            faults += ill
            members[name] = None
    if not faults and b"\\u0000" in body and _NUL.search(body):
        faults.append(Fault(WHOLE, "holds a NUL character; remove it"))
    return members, faults


def _ill_member(name: str, encoded: bytes) -> list[Fault]:
    """What is no text or number in a member of a large body: in a text of any length, or in
    an object or array that is not large itself.
    """
    if len(encoded) > LARGE and not encoded.startswith(b'"'):
        return []
    try:
        ills = list(itertools.islice(_ills(_parse(b'{"":%b}' % encoded)), MOST_FAULTS))
    except InvalidRequest as error:
        return [Fault(name, fault.message) for fault in error.faults]
    return [Fault(shown(".".join((name, *path[1:]))), advice) for path, advice in ills]


def _first_fault(body: bytes, shape: type[msgspec.Struct]) -> str:
    try:
        decoder(shape).decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        if len(body) > LARGE:
            return str(error)
    return "is not JSON of the shape that is read here"


def shown(name: str) -> str:
    """A member's name as an answer can repeat it: no lone surrogates, no great length."""
    return name[:200].encode("utf-8", "backslashreplace").decode()


def _parse(body: bytes) -> dict[str, Any]:
    """Parse `body` more leniently than JSON, so that faults can be named that end a strict
    parse.
    """
    try:
        members = json.loads(
            body.decode(),
            parse_constant=lambda _: _NotANumber(),
            parse_int=lambda digits: int(digits[:4000]),
        )
    except UnicodeDecodeError:
        raise InvalidRequest(Fault(WHOLE, "must be UTF-8")) from None
    except RecursionError:
        raise InvalidRequest(Fault(WHOLE, "is nested too deeply")) from None
    except ValueError as error:
        raise InvalidRequest(Fault(WHOLE, f"is not JSON: {error}")) from None
    if not isinstance(members, dict):
        raise InvalidRequest(Fault(WHOLE, "must be a JSON object"))
    return members


def _ills(members: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where, and why, a text or number is none that can be kept and passed on."""
    rest: list[tuple[tuple[str, ...], Any]] = [((), members)]
    while rest:
        path, value = rest.pop()
        if isinstance(value, dict):
            for name, member in value.items():
                if advice := _ill(name):
                    yield (*path, name), advice
                rest.append(((*path, name), member))
        elif isinstance(value, list):
            rest.extend(((*path, str(index)), element) for index, element in enumerate(value))
        elif advice := _ill(value):
            yield path, advice


def _ill(value: Any) -> str | None:
    if isinstance(value, _NotANumber):
        return "must be a finite number"
    if isinstance(value, str) and "\0" in value:
        return "holds a NUL character; remove it"
    if isinstance(value, str) and _SURROGATE.search(value):
        return "holds half of a surrogate pair, which is no character; remove it"
    return None


def _decode_each(
    members: Mapping[str, Raw | None], shape: type[msgspec.Struct], *, strict: bool
) -> Partial:
    """Decode each member by its field's own type; a member that is None has its fault already."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    fields = _fields(shape)
    for field in fields:
        raw = members.get(field.encode_name)
        if raw is not None:
            try:
                values[field.name] = _ruled(
                    field.type, decoder(field.type, strict=strict).decode(raw)
                )
                continue
            except (msgspec.DecodeError, RecursionError) as error:
                faults.append(Fault(field.encode_name, _advice(field.type, error)))
            except ValueError as refusal:
                faults.append(Fault(field.encode_name, str(refusal)))
        elif field.required and field.encode_name not in members:
            faults.append(Fault(field.encode_name, REQUIRED))
        elif field.encode_name not in members:
            continue
        values[field.name] = UNSET
    config = shape.__struct_config__
    tag = None if config.tag_field is None else members.get(config.tag_field)
    if tag is not None and bytes(tag) != msgspec.json.encode(config.tag):
        faults.append(Fault(str(config.tag_field), f"must be `{config.tag}`"))
    if config.forbid_unknown_fields:
        faults.extend(
            _strangers(members, {field.encode_name for field in fields} | {config.tag_field})
        )
    return Partial(values, faults)


def _strangers(members: Mapping[str, Raw | None], known: Collection[str | None]) -> Iterator[Fault]:
    return itertools.islice(
        (Fault(shown(name), NO_SUCH_MEMBER) for name in members if name not in known), MOST_FAULTS
    )


def _advice(field_type: Any, error: Exception) -> str:
    """What the field must be, in the words of its type's description where there is one."""
    description = _description(field_type)
    return f"must be {description}" if description else str(error)


def _ruled(field_type: Any, value: Any) -> Any:
    """A text as it is, once its type's rule has read it. Raises the rule's ValueError."""
    rule = _rule(field_type)
    if rule is not None and isinstance(value, str):
        rule(value)
    return value


@functools.cache
def _rule(field_type: Any) -> Callable[[str], object] | None:
    return next((meta.extra["rule"] for meta in _metas(field_type) if meta.extra), None)


@functools.cache
def _description(field_type: Any) -> str | None:
    return next((meta.description for meta in _metas(field_type) if meta.description), None)


def _metas(field_type: Any) -> Iterator[msgspec.Meta]:
    """What is noted of a type, and of those it is made of, from the outside in."""
    yield from (
        meta for meta in getattr(field_type, "__metadata__", ()) if isinstance(meta, msgspec.Meta)
    )
    for part in get_args(field_type):
        yield from _metas(part)
