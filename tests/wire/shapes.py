"""Compares a value with a shape of AWS's service models, strictly.

botocore's own parsers are tolerant: they skip unknown members and convert values. Here everything that the model does
not have is a fault.
"""

import base64
import datetime
import re

from botocore.model import ListShape, MapShape, Shape, StructureShape

INTEGERS = {"integer": 2**31, "long": 2**63}


class Wrong(Exception):
    """A scalar without the form that its shape requires in this protocol."""


def is_number(value):
    # In Python a bool is an int, but not on the wire.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def show(value):
    """A value for a message, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class JsonScalars:
    """awsJson: numbers, true and false; times are seconds since 1970; bytes are base64."""

    def string(self, value):
        if not isinstance(value, str):
            raise Wrong("is not a string")
        return value

    def integer(self, value):
        if not is_number(value) or not isinstance(value, int):
            raise Wrong("is not a whole number")
        return value

    def number(self, value):
        if not is_number(value):
            raise Wrong("is not a number")
        return value

    def boolean(self, value):
        if not isinstance(value, bool):
            raise Wrong("is neither true nor false")
        return value

    def timestamp(self, value, form):
        if form == "iso8601":
            return iso8601(self.string(value))
        if not is_number(value):
            raise Wrong("is not a time: expected seconds since 1970")
        return plausible(value)

    def blob(self, value):
        try:
            return base64.b64decode(self.string(value), validate=True)
        except ValueError as error:
            raise Wrong("is not base64") from error


class CborScalars(JsonScalars):
    """rpc-v2-cbor: times have tag 1, which the parser has already converted to datetimes; bytes are byte strings."""

    def timestamp(self, value, form):
        if not isinstance(value, datetime.datetime):
            raise Wrong("is not a time: expected a number with tag 1")
        return plausible(value.timestamp())

    def blob(self, value):
        if not isinstance(value, bytes):
            raise Wrong("is not a byte string")
        return value


class TextScalars(JsonScalars):
    """awsQuery, both forms and XML: every value is text."""

    def integer(self, value):
        if not re.fullmatch(r"-?[0-9]+", self.string(value)):
            raise Wrong("is not a whole number")
        return int(value)

    def number(self, value):
        try:
            return float(self.string(value))
        except ValueError as error:
            raise Wrong("is not a number") from error

    def boolean(self, value):
        if value not in ("true", "false"):
            raise Wrong("is neither true nor false")
        return value == "true"

    def timestamp(self, value, form):
        if form == "unixTimestamp":
            return plausible(self.number(value))
        return iso8601(self.string(value))


def iso8601(text):
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text):
        raise Wrong("is not a time: expected ISO 8601 in UTC")
    return plausible(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def plausible(seconds):
    # Milliseconds instead of seconds are a common mistake, and every parser accepts them.
    if not 946684800 <= seconds < 4102444800:
        raise Wrong("is not a time between the years 2000 and 2100 in seconds")
    return seconds


def member_name(name, shape: Shape):
    """The name of a member on the wire."""
    return shape.serialization.get("name", name)


class Comparison:
    """Collects the faults of a value, each with the path of the member."""

    def __init__(self, scalars):
        self.scalars = scalars
        self.faults = []

    def fault(self, path, why):
        self.faults.append((path or "(the whole)", why))

    def compare(self, value, shape, path=""):
        if value is None:
            # AWS leaves out a missing member. A typed client would read null as a value.
            self.fault(path, "is null: a missing member must be left out")
        elif isinstance(shape, StructureShape):
            self.structure(value, shape, path)
        elif isinstance(shape, ListShape):
            self.list(value, shape, path)
        elif isinstance(shape, MapShape):
            self.map(value, shape, path)
        else:
            self.scalar(value, shape, path)

    def structure(self, value, shape, path):
        if not isinstance(value, dict):
            return self.fault(path, f"is not a structure but {show(value)}")
        if shape.is_document_type:
            return None
        members = {member_name(name, member): (name, member) for name, member in shape.members.items()}
        for name, inner in value.items():
            if name in members:
                self.compare(inner, members[name][1], f"{path}.{name}".lstrip("."))
            else:
                self.fault(path, f"has the member {name}, which {shape.name} does not have")
        present = {members[name][0] for name in value if name in members}
        for name in shape.required_members:
            if name not in present:
                self.fault(path, f"lacks the member {name}, which {shape.name} requires")
        if shape.is_tagged_union and len(value) != 1:
            self.fault(path, f"has {len(value)} members: {shape.name} is a union and has exactly one")

    def list(self, value, shape, path):
        if not isinstance(value, list):
            return self.fault(path, f"is not a list but {show(value)}")
        self.bounds(len(value), shape, path, "has {} items")
        for index, item in enumerate(value):
            self.compare(item, shape.member, f"{path}[{index}]")

    def map(self, value, shape, path):
        if not isinstance(value, dict):
            return self.fault(path, f"is not a map but {show(value)}")
        for key, item in value.items():
            self.compare(key, shape.key, f"{path}{{key}}")
            self.compare(item, shape.value, f"{path}{{{key}}}")

    def scalar(self, value, shape, path):
        kind = shape.type_name
        try:
            if kind in INTEGERS:
                number = self.scalars.integer(value)
                if not -INTEGERS[kind] <= number < INTEGERS[kind]:
                    raise Wrong(f"does not fit the type {kind}")
                self.bounds(number, shape, path, "is {}")
            elif kind in ("float", "double"):
                self.bounds(self.scalars.number(value), shape, path, "is {}")
            elif kind == "boolean":
                self.scalars.boolean(value)
            elif kind == "timestamp":
                self.scalars.timestamp(value, shape.serialization.get("timestampFormat"))
            elif kind == "blob":
                self.scalars.blob(value)
            elif kind in ("string", "character"):
                self.text(self.scalars.string(value), shape, path)
            else:
                self.fault(path, f"has the type {kind}, which this check does not know")
        except Wrong as wrong:
            self.fault(path, f"{wrong}, but {show(value)} ({shape.name})")

    def text(self, value, shape, path):
        self.bounds(len(value), shape, path, "has {} characters")
        if shape.enum and value not in shape.enum:
            self.fault(path, f"is {show(value)}, which is not a value of {shape.name}: {', '.join(shape.enum)}")
        pattern = shape.metadata.get("pattern")
        if pattern:
            try:
                matches = re.search(pattern, value)
            except re.error:
                return  # A Java pattern that Python does not support.
            if not matches:
                self.fault(path, f"is {show(value)}, which does not match {pattern} ({shape.name})")

    def bounds(self, size, shape, path, said):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            self.fault(path, f"{said.format(size)}: {shape.name} has at least {least}")
        if most is not None and size > most:
            self.fault(path, f"{said.format(size)}: {shape.name} has at most {most}")
