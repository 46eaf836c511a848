"""Reports as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from grader.text import visible
from grader.verdict import CheckResult, Report, Verdict


def junit(report: Report) -> str:
    suites = ElementTree.Element("testsuites")
    for exercise in report.exercises:
        verdicts = [check.verdict for check in exercise.checks]
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=exercise.name,
            tests=str(len(verdicts)),
            failures=str(sum(v in _BAD for v in verdicts)),
            errors=str(verdicts.count(Verdict.ERROR)),
            skipped=str(verdicts.count(Verdict.INCONCLUSIVE)),
            time=f"{exercise.seconds:.3f}",
        )
        for check in exercise.checks:
            _case(suite, f"{exercise.track}.{exercise.name}", check)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


_BAD = (Verdict.FAILED, Verdict.HUNG, Verdict.CRASHED, Verdict.NOT_STARTED)


def _case(suite: ElementTree.Element, classname: str, check: CheckResult) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=classname, name=visible(check.name), time=f"{check.seconds:.3f}"
    )
    text = visible(f"{check.message}\n{check.advice}".strip())
    if check.verdict in _BAD:
        ElementTree.SubElement(case, "failure", type=str(check.verdict), message=visible(check.message)).text = text
    elif check.verdict is Verdict.ERROR:
        ElementTree.SubElement(case, "error", type="error", message=visible(check.message)).text = text
    elif check.verdict is Verdict.INCONCLUSIVE:
        ElementTree.SubElement(case, "skipped", message=visible(check.message))
