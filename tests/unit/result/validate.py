# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds run.schema.json against the documents that are really written.

Usage: validate.py SCHEMA PRINT_DOCUMENT. Prints TAP. A document must be valid as it is, and
invalid when any required key is taken away or an unknown one is put in: a schema that lets
everything pass would prove nothing.
"""
import copy
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP the Python module jsonschema is not installed")
    sys.exit(0)

# "empty" is a document that nothing was filled into: it must be refused for what is missing.
GOOD = ["closed", "open", "unreachable", "hostile", "paced"]


def written(program, name):
    """The document as it was written, and its text."""
    out = subprocess.run([program, name], check=True, capture_output=True).stdout
    return json.loads(out.decode("utf-8")), out


def objects(value, path=()):
    """Every object within value, with the path that leads to it."""
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            yield from objects(item, path + (key,))
    elif isinstance(value, list):
        # Rows of a table are alike: the first one stands for them.
        for index, item in enumerate(value[:1]):
            yield from objects(item, path + (index,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    optional = {("end_to_end",), ("pace",), ("replies", 0, "class")}
    failures = []
    for name in GOOD:
        document, text = written(sys.argv[2], name)
        problems = [e.message for e in validator.iter_errors(document)]
        if any(byte < 32 and byte != 10 for byte in text) or b"\x7f" in text:
            problems.append("it holds control characters")
        for path in objects(document):
            if path[-1:] == ("latency_us",) and len(path) == 1:
                keys = []  # phases: none is required
            else:
                keys = [k for k in at(document, path) if path + (k,) not in optional]
            for key in keys:
                less = copy.deepcopy(document)
                del at(less, path)[key]
                if validator.is_valid(less):
                    problems.append(f"it stays valid without {path + (key,)}")
            more = copy.deepcopy(document)
            at(more, path)["unknown"] = 1
            if validator.is_valid(more):
                problems.append(f"it stays valid with an unknown key in {path}")
        failures.append((f"the document {name!r}", problems))
    empty, _ = written(sys.argv[2], "empty")
    failures.append(("a document without contents is refused",
                     ["it is valid"] if validator.is_valid(empty) else []))

    print(f"1..{len(failures)}")
    for number, (what, problems) in enumerate(failures, 1):
        print(f"{'not ok' if problems else 'ok'} {number} - {what}")
        for problem in problems[:10]:
            print(f"# {problem}")
    return 1 if any(problems for _, problems in failures) else 0


sys.exit(main())
