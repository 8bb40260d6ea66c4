"""Turns a step's template into a function from a contact's fields to text. Used by `campaigns`.

A `Compile` is given to a campaign: `dollar_templates` (string.Template, the default) or
`jinja_templates()`. What is put into HTML is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from string import Template
from typing import Any, Protocol, TypeAlias

from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.extras import Extra

Render: TypeAlias = Callable[[Mapping[str, Any]], str]


class Compile(Protocol):
    """Makes a Render of a template's source; `escape` where the result is HTML. Raises
    ValidationFailed for a source that is none.
    """

    def __call__(self, source: str, *, escape: bool) -> Render: ...


def dollar_templates(source: str, *, escape: bool) -> Render:
    """`$name` and `${name}` stand for a contact's fields, `$$` for a dollar; a field the
    contact lacks raises KeyError.

    >>> dollar_templates("<p>Dear $name</p>", escape=True)({"name": "Ada & Co"})
    '<p>Dear Ada &amp; Co</p>'
    """
    template = Template(source)
    if not template.is_valid():
        raise ValidationFailed.of(
            Fault("template", "a $ is followed by no name; write $$ for a dollar")
        )
    if not template.get_identifiers():
        fixed = template.substitute({})
        return lambda _: fixed
    return (lambda fields: template.substitute(_Escaped(fields))) if escape else template.substitute


def jinja_templates(**options: Any) -> Compile:
    """Jinja2 templates in a sandbox: `{{ name }}`, loops, filters; a field the contact
    lacks raises. `options` go to Jinja2's environment.

    Needs Jinja2 installed. HTML is escaped automatically; a value marked `|safe` is not.
    """
    with Extra("jinja2"):  # imported here, as only these templates need it
        from jinja2 import StrictUndefined, TemplateSyntaxError  # noqa: PLC0415
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environments = {
        escape: ImmutableSandboxedEnvironment(
            **{
                "undefined": StrictUndefined,
                "keep_trailing_newline": True,
                **options,
                "autoescape": escape,
            }
        )
        for escape in (False, True)
    }

    def compile_(source: str, *, escape: bool) -> Render:
        try:
            return environments[escape].from_string(source).render
        except TemplateSyntaxError as error:
            raise ValidationFailed.of(
                Fault("template", f"line {error.lineno}: {error.message}")
            ) from error

    return compile_


class _Escaped(Mapping[str, str]):
    """A contact's fields, escaped for HTML as they are read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return html.escape(str(self._fields[name]))

    def __iter__(self) -> Any:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
