"""Checks what went over the wire in the brokers' tests against the brokers' own OpenAPI files: our requests and the emulators' answers.

    check.py RECORDS SPECIFICATION=PREFIX...

RECORDS is a directory of lines of JSON that the tests' emulators wrote (ARBION_RECORD): method, path, query, body, status, answer. A
specification is a file, and PREFIX what stands before its paths. Exchanges that a test spoilt on purpose are not written. Prints each
difference once and fails when there is one that known.txt does not name.
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

# Where a published file is wrong or behind, and the broker's official client or its changelog is right: expressions that a difference matches.
LINES = Path(__file__).with_name("known.txt").read_text().splitlines()
KNOWN = [re.compile(line) for line in LINES if line and line[0] != "#"]


def nullable(validator, types, instance, schema):
    """OpenAPI 3.0: `nullable` stands beside the type."""
    if instance is None and (schema.get("nullable") or types == "null"):
        return
    yield from Draft4Validator.VALIDATORS["type"](validator, types, instance, schema)


def enumerated(validator, values, instance, schema):
    if instance is None and schema.get("nullable"):
        return
    yield from Draft4Validator.VALIDATORS["enum"](validator, values, instance, schema)


def integral(_, value):
    """1000.0 is a whole number, whatever it is written as."""
    return not isinstance(value, bool) and (isinstance(value, int) or isinstance(value, float) and value.is_integer())


Validator = extend(
    Draft4Validator,
    {"type": nullable, "enum": enumerated},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine("integer", integral),
)


def untangled(node):
    """A schema whose kinds (`oneOf`) are each made of itself (`allOf`) has no end: what they have in common is what is checked."""
    if isinstance(node, list):
        return [untangled(one) for one in node]
    if not isinstance(node, dict):
        return node
    circles = "oneOf" in node and ("properties" in node or "discriminator" in node)
    return {name: untangled(one) for name, one in node.items() if not (circles and name == "oneOf")}


class Specification:
    def __init__(self, file, prefix):
        self.document = untangled(json.loads(Path(file).read_text()))
        self.name = Path(file).stem
        self.prefix = prefix
        self.registry = Registry().with_resource("urn:spec", Resource(self.document, DRAFT4))
        self.paths = []
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            self.paths.append((template.count("{"), template, re.compile(prefix + pattern + "$"), operations))
        # The path with the fewest holes is the one that is meant.
        self.paths.sort(key=lambda row: row[0])

    def resolved(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def operation(self, method, path):
        for _, template, pattern, operations in self.paths:
            if pattern.match(path) and method.lower() in operations:
                return template, operations[method.lower()], operations.get("parameters", [])
        return None

    def differences(self, schema, value):
        # A reference is read from the whole document.
        rooted = json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "urn:spec#/'))
        for error in Validator(rooted, registry=self.registry).iter_errors(value):
            place = ".".join("[]" if isinstance(part, int) else str(part) for part in error.absolute_path)
            yield f"{place}: {error.message[:160]}"


def body_schema(holder):
    content = (holder or {}).get("content", {})
    for kind, media in content.items():
        if "json" in kind:
            return media.get("schema")
    return None


def check(specification, row, found):
    known = specification.operation(row["method"], unquote(row["path"]))
    if known is None:
        return False
    template, operation, shared = known
    where = f"{specification.name} {row['method']} {template}"
    names = {}
    for parameter in [*shared, *operation.get("parameters", [])]:
        parameter = specification.resolved(parameter)
        if parameter.get("in") == "query":
            names[parameter["name"]] = parameter
    given = dict(parse_qsl(row["query"], keep_blank_values=True))
    for name in given:
        if name not in names:
            found.add(f"{where} query: {name} is not in the specification")
    for name, parameter in names.items():
        if parameter.get("required") and name not in given and 200 <= row["status"] < 300:
            found.add(f"{where} query: {name} is required")
    asked = body_schema(specification.resolved(operation.get("requestBody")))
    if asked and row["body"] is not None and 200 <= row["status"] < 300:
        for difference in specification.differences(asked, row["body"]):
            found.add(f"{where} request {difference}")
    answers = operation.get("responses", {})
    answer = answers.get(str(row["status"])) or answers.get("default")
    if answer is None:
        if 200 <= row["status"] < 300:
            found.add(f"{where}: status {row['status']} is not in the specification")
        return True
    schema = body_schema(specification.resolved(answer))
    if schema and row["answer"] is not None and 200 <= row["status"] < 300:
        for difference in specification.differences(schema, row["answer"]):
            found.add(f"{where} answer {difference}")
    return True


def main():
    records, *files = sys.argv[1:]
    specifications = [Specification(*file.split("=", 1)) for file in files]
    found, checked = set(), {specification.name: 0 for specification in specifications}
    for file in sorted(Path(records).glob("*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            for specification in specifications:
                if check(specification, row, found):
                    checked[specification.name] += 1
                    break
    new = sorted(text for text in found if not any(known.search(text) for known in KNOWN))
    old = len(found) - len(new)
    print(", ".join(f"{name}: {count} exchanges" for name, count in checked.items()), f"({old} known differences)")
    for text in new:
        print("  " + text)
    if any(count == 0 for count in checked.values()):
        sys.exit("nothing was checked against one of them")
    sys.exit(1 if new else 0)


main()
