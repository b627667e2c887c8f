"""checkReport.py [--strict] SCHEMA REPORT [PATH=JSON...] - whether a report of `mema run`, or of a pool, is what its schema says, to the last
key.

Prints "ok" or one line that says what is wrong. The report must be valid JSON and fit the schema; the values at the paths
(processes.0.pid) must be these. With --strict the schema itself is put to the test: no report with a key missing, a key added, or a value of
another kind may fit it. Exit status 3: there is no package jsonschema that knows draft 2020-12."""

import copy
import json
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    sys.exit(3)

# Of each kind one value; none of the report's own values may be replaced by one of another kind.
KINDS = ["text", -1, 1.5, True, None, [], {}]


def readStrictly(path):
    """The report, which names no key twice."""

    def collect(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"a key is there twice: {keys}"
        return dict(pairs)

    with open(path, "rb") as file:
        return json.loads(file.read().decode("utf-8"), object_pairs_hook=collect)


def at(report, path):
    for step in path:
        report = report[step]
    return report


def pathsOf(value, path=()):
    """Of the values in the report, from the outermost inwards; of a list the first and the last."""
    yield path
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = sorted({0, len(value) - 1}) if value else []
    else:
        steps = []
    for step in steps:
        yield from pathsOf(value[step], path + (step,))


def isNullable(path):
    """Without a budget, without a signal, without a parent, and the process of a shell that the C library started."""
    if path[0] == "pools":
        return path[-1] in ("poolSize", "freeSize", "parent")
    return path[-1] in ("poolSize", "total", "signal", "failAt", "requests") or path[0] == "unreached" and path[-1] == "pid"


def mutants(report):
    """(what was done, report) for each change that the schema must refuse."""
    for path in pathsOf(report):
        value = at(report, path)
        name = ".".join(map(str, path)) or "the report"
        if isinstance(value, dict):
            for key in value:
                changed = copy.deepcopy(report)
                del at(changed, path)[key]
                yield f"{name} without {key}", changed
            changed = copy.deepcopy(report)
            at(changed, path)["extra"] = 0
            yield f"{name} with one more key", changed
        for other in KINDS:
            if not path or type(other) is type(value) and other != -1:
                continue
            if other is None and isNullable(path):
                continue
            changed = copy.deepcopy(report)
            at(changed, path[:-1])[path[-1]] = other
            yield f"{name} as {json.dumps(other)}", changed


def check(strict, schemaPath, reportPath, *expected):
    with open(schemaPath, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    report = readStrictly(reportPath)
    for error in validator.iter_errors(report):
        return f"{'.'.join(map(str, error.absolute_path)) or 'the report'}: {error.message}"
    for assignment in expected:
        path, wanted = assignment.split("=", 1)
        value = at(report, [int(step) if step.isdigit() else step for step in path.split(".")])
        if value != json.loads(wanted):
            return f"{path} is {json.dumps(value)}, not {wanted}"
    if report.get("signal") is not None and report["status"] != 128 + report["signal"]:
        return f"status {report['status']} is not that of signal {report['signal']}"
    for what, changed in mutants(report) if strict else []:
        if validator.is_valid(changed):
            return f"the schema takes {what}"
    return "ok"


try:
    strict = sys.argv[1] == "--strict"
    print(check(strict, *sys.argv[2 if strict else 1 :]))
except (AssertionError, ValueError, KeyError, IndexError) as reason:
    print(f"{type(reason).__name__}: {reason}")
