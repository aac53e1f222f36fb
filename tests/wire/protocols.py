"""Parses the bodies of awsJson, awsQuery and rpc-v2-cbor into plain values, for the comparison with shapes.

JSON and CBOR mark their lists. Forms and XML do not, so they are parsed according to the shape. Members that the shape
does not have stay in the value, where the comparison finds them.
"""

import io
import json
import urllib.parse
import xml.etree.ElementTree as ElementTree

import cbor2
from botocore.model import ListShape, StructureShape

from shapes import member_name


class Unreadable(Exception):
    """A body that is invalid in its protocol."""


def read_json(body):
    def unique(pairs):
        if len({key for key, _ in pairs}) < len(pairs):
            raise Unreadable("a member comes twice")
        return dict(pairs)

    def no_constant(name):
        raise Unreadable(f"{name} is not JSON")

    try:
        return json.loads(body.decode(), object_pairs_hook=unique, parse_constant=no_constant)
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from error


def read_cbor(body):
    stream = io.BytesIO(body)
    try:
        value = cbor2.load(stream)
    except (cbor2.CBORDecodeError, EOFError) as error:
        raise Unreadable(f"it is not CBOR: {error}") from error
    if stream.tell() != len(body):
        raise Unreadable(f"{len(body) - stream.tell()} bytes follow the value")
    return value


def read_form(body):
    """A form as a dict. A repeated key is a fault: otherwise one of the two values would silently be lost."""
    try:
        pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise Unreadable(f"it is not a form: {error}") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise Unreadable("a key comes twice")
    return form


def along_form(form, shape):
    """`A.B=1` and `Names.member.1=a` as structures and lists."""
    tree = {}
    for key, value in form.items():
        at = tree
        parts = key.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise Unreadable(f"{key} is below a key that has a value")
        at[parts[-1]] = value
    return form_value(tree, shape, "")


def form_value(tree, shape, path):
    if isinstance(shape, StructureShape) and isinstance(tree, dict):
        members = {member_name(name, member): member for name, member in shape.members.items()}
        return {
            name: form_value(inner, members[name], f"{path}.{name}") if name in members else inner
            for name, inner in tree.items()
        }
    if isinstance(shape, ListShape):
        if tree == "":
            return []
        if not shape.serialization.get("flattened"):
            inner = shape.member.serialization.get("name", "member")
            if not isinstance(tree, dict) or set(tree) != {inner}:
                raise Unreadable(f"the list {path.lstrip('.')} has no {inner}: {tree}")
            tree = tree[inner]
        if not isinstance(tree, dict):
            raise Unreadable(f"the list {path.lstrip('.')} has the value {tree!r} instead of items")
        expected = [str(index) for index in range(1, len(tree) + 1)]
        if set(tree) != set(expected):
            raise Unreadable(f"the list {path.lstrip('.')} does not count from 1: {sorted(tree)}")
        return [form_value(tree[index], shape.member, f"{path}[{index}]") for index in expected]
    return tree


def along_ec2_form(form, shape):
    """`Filter.1.Name=a` as structures and lists. EC2's lists have no word before the number; keys are capitalized."""
    tree = {}
    for key, value in form.items():
        at = tree
        *parts, last = key.split(".")
        for part in parts:
            at = at.setdefault(part, {})
        at[last] = value
    return ec2_value(tree, shape, "")


def ec2_value(tree, shape, path):
    if isinstance(shape, StructureShape) and isinstance(tree, dict):
        wire = {ec2_name(name, member): (name, member) for name, member in shape.members.items()}
        value = {}
        for name, inner in tree.items():
            own, member = wire.get(name, (name, None))
            known = member is not None
            # The comparison uses the name that the member has in a reply.
            value[member_name(own, member) if known else name] = (
                ec2_value(inner, member, f"{path}.{name}") if known else inner
            )
        return value
    if isinstance(shape, ListShape):
        expected = [str(index) for index in range(1, len(tree) + 1)]
        if not isinstance(tree, dict) or set(tree) != set(expected):
            raise Unreadable(f"the list {path.lstrip('.')} does not count from 1: {tree}")
        return [ec2_value(tree[index], shape.member, f"{path}[{index}]") for index in expected]
    return tree


def ec2_name(name, shape):
    """The name of a member in a form."""
    own = shape.serialization.get("queryName")
    if own:
        return own
    name = member_name(name, shape)
    return name[0].upper() + name[1:]


def read_xml(body):
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise Unreadable(f"it is not XML: {error}") from error


def local(element, namespace):
    """The name of an element, which must be in the namespace."""
    prefix = f"{{{namespace}}}"
    if not element.tag.startswith(prefix):
        raise Unreadable(f"the element {element.tag} is not in the namespace {namespace}")
    if element.attrib:
        raise Unreadable(f"the element {element.tag} has attributes")
    return element.tag.removeprefix(prefix)


def along_xml(element, shape, namespace):
    """An element as a structure, a list or a string."""
    children = [(local(child, namespace), child) for child in element]
    if children and (element.text or "").strip():
        raise Unreadable(f"{local(element, namespace)} has text between its elements")
    if isinstance(shape, StructureShape):
        members = {member_name(name, member): member for name, member in shape.members.items()}
        structure = {}
        for name, child in children:
            member = members.get(name)
            if isinstance(member, ListShape) and member.serialization.get("flattened"):
                structure.setdefault(name, []).append(along_xml(child, member.member, namespace))
                continue
            if name in structure:
                raise Unreadable(f"the element {name} comes twice in {local(element, namespace)}")
            structure[name] = along_xml(child, member, namespace) if member else child.text or ""
        return structure
    if isinstance(shape, ListShape):
        item = shape.member.serialization.get("name", "member")
        strangers = {name for name, _ in children} - {item}
        if strangers:
            name = local(element, namespace)
            raise Unreadable(f"the list {name} has elements other than {item}: {sorted(strangers)}")
        return [along_xml(child, shape.member, namespace) for _, child in children]
    if children:
        raise Unreadable(f"{local(element, namespace)} has elements, expected text")
    return element.text or ""
