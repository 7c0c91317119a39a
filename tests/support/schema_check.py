"""A JSON Schema validator for the part of draft 7 that src/report/lastack-1.schema.json uses: the tests validate every record
on every machine, whether or not the jsonschema package is installed. A keyword that is not implemented is an error, never
silently passed.

    errors(schema, value) -> ["$.handshake.result: 'x' is not one of ..."]
"""
import re

_KNOWN = {"$schema", "$id", "$ref", "title", "description", "definitions", "type", "required", "properties", "additionalProperties",
          "items", "minItems", "maxItems", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "allOf", "if",
          "then", "else"}


def _is_type(value, name):
    if name == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return {"object": isinstance(value, dict), "array": isinstance(value, list), "string": isinstance(value, str),
            "boolean": isinstance(value, bool), "null": value is None}[name]


def _same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _resolve(root, ref):
    node = root
    for part in ref.removeprefix("#/").split("/"):
        node = node[part]
    return node


def _scalar(schema, value, where):
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_type(value, kind) for kind in kinds):
        yield f"{where}: {value!r} is not of type {' or '.join(kinds)}"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where}: {value!r} is not one of {schema['enum']}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", len(value)):
            yield f"{where}: {value!r} is too short or too long"
    if _is_type(value, "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{where}: {value} is out of range"


def _object(root, schema, value, where):
    for key in schema.get("required", []):
        if key not in value:
            yield f"{where}: `{key}` is missing"
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    for key, part in value.items():
        if key in properties:
            yield from _check(root, properties[key], part, f"{where}.{key}")
        elif extra is False:
            yield f"{where}: `{key}` is not expected"
        elif isinstance(extra, dict):
            yield from _check(root, extra, part, f"{where}.{key}")


def _check(root, schema, value, where):
    unknown = set(schema) - _KNOWN
    if unknown:
        raise ValueError(f"the schema uses {unknown}, which this validator does not know")
    if "$ref" in schema:
        yield from _check(root, _resolve(root, schema["$ref"]), value, where)
        return
    yield from _scalar(schema, value, where)
    if isinstance(value, dict):
        yield from _object(root, schema, value, where)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
            yield f"{where}: {len(value)} items"
        if "items" in schema:
            for index, item in enumerate(value):
                yield from _check(root, schema["items"], item, f"{where}[{index}]")
    for part in schema.get("allOf", []):
        yield from _check(root, part, value, where)
    if "if" in schema:
        fits = not list(_check(root, schema["if"], value, where))
        branch = schema.get("then" if fits else "else")
        if branch is not None:
            yield from _check(root, branch, value, where)


def errors(schema, value):
    """What is wrong with `value`, one sentence each; empty when it is valid."""
    return list(_check(schema, schema, value, "$"))
