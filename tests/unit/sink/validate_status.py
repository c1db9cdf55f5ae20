# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds sink.schema.json against the documents that are really written.

Usage: validate_status.py SCHEMA PRINT_STATUS. Prints TAP. A document must be valid as it is, and
invalid when any key is taken away or an unknown one is put in.
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


def objects(value, path=()):
    """Every object within value, with the path that leads to it; of a list the first item."""
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            yield from objects(item, path + (key,))
    elif isinstance(value, list) and value:
        yield from objects(value[0], path + (0,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def problems_of(validator, program, name):
    text = subprocess.run([program, name], check=True, capture_output=True).stdout
    document = json.loads(text.decode("utf-8"))
    problems = [e.message for e in validator.iter_errors(document)]
    if any(byte < 32 and byte != 10 for byte in text) or b"\x7f" in text:
        problems.append("it holds control characters")
    for path in objects(document):
        # Under delays_us the keys are the phases that had a delay.
        for key in at(document, path) if path != ("delays_us",) else ():
            less = copy.deepcopy(document)
            del at(less, path)[key]
            if validator.is_valid(less):
                problems.append(f"it stays valid without {path + (key,)}")
        more = copy.deepcopy(document)
        at(more, path)["unknown"] = 1
        if validator.is_valid(more):
            problems.append(f"it stays valid with an unknown key in {path}")
    return problems


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    names = ["idle", "busy"]
    failed = False
    print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        problems = problems_of(validator, sys.argv[2], name)
        failed = failed or bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - the document of a sink, {name}")
        for problem in problems[:10]:
            print(f"# {problem}")
    return 1 if failed else 0


sys.exit(main())
