"""What went wrong becomes a record that says which service, which check, what it got; and keeps no secret."""

from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.checks.text import Redactor
from boxship.errors import EngineError, EngineUnreachableError, HostError, ProbeError, SpecError
from boxship.execute.executor import Failure as StepFailure
from boxship.execute.executor import Outcome
from boxship.loader.failures import LINES_KEPT, failure_of, failure_of_outcome, failure_of_report
from boxship.plan.action import Ready, Step, WaitReady
from boxship.state.operation import Failure
from boxship.where import Problem, Where


def probe(service: str = "web", lines: int = 2) -> ProbeError:
    return ProbeError(
        f"{service} not ready after 60 s: hunter2",
        hint="see more",
        service=service,
        last="hunter2 refused",
        logs=[f"line {number} hunter2" for number in range(lines)],
    )


def outcome(*errors: tuple[str, EngineError | ProbeError]) -> Outcome:
    failures = tuple(
        StepFailure(Step(number, WaitReady(name, Ready(), 60.0), f"service:{name}", "it was started"), error)
        for number, (name, error) in enumerate(errors)
    )
    return Outcome(failures=failures)


def test_a_probe_says_which_service_and_what_it_got_last() -> None:
    found = failure_of(probe(), Redactor(["hunter2"]))
    assert found == Failure(
        "probe.failed", "web not ready after 60 s: ****", "see more", "web", "ready", "**** refused",
        ("line 0 ****", "line 1 ****"),
    )  # fmt: skip


def test_other_errors_are_a_code_a_sentence_and_a_hint() -> None:
    assert failure_of(HostError("no room", hint="make some")) == Failure("host.failed", "no room", "make some")


def test_of_many_complaints_about_files_the_first_is_told() -> None:
    problems = [Problem(Where("compose.yaml", line), "services", reason) for line, reason in ((1, "one"), (2, "other"))]
    error = SpecError(problems)
    assert failure_of(error).message == "compose.yaml:1:0: services: one"


def test_a_log_is_kept_to_its_end() -> None:
    logs = failure_of(probe(lines=3 * LINES_KEPT)).logs
    assert (len(logs), logs[-1]) == (LINES_KEPT, f"line {3 * LINES_KEPT - 1} hunter2")


def test_what_went_well_is_no_failure() -> None:
    assert failure_of_outcome(Outcome(), "boot", Redactor()) is None


def test_one_failure_is_told_as_it_is() -> None:
    assert failure_of_outcome(outcome(("web", probe())), "boot", Redactor()) == failure_of(probe())


def test_of_several_failures_the_first_service_is_told_in_full() -> None:
    found = failure_of_outcome(outcome(("db", EngineError("no such device")), ("web", probe())), "boot", Redactor())
    assert found is not None
    assert found.message.startswith("boot failed for db, web:")
    assert (found.service, found.check, found.got) == ("web", "ready", "hunter2 refused")


def test_an_engine_that_is_lost_is_told_before_all_else() -> None:
    found = failure_of_outcome(outcome(("db", EngineUnreachableError("it hung up"))), "boot", Redactor())
    assert found is not None
    assert (found.code, found.service) == ("engine.unreachable", "")


def result(severity: Severity | None, text: str = "") -> Result:
    issue = None if severity is None else Issue("check.failed", severity, "it is not well", suggestion="look at it")
    return Result("health", "web", "http", Level.OK if issue is None else Level.FAIL, text, issue=issue)


def report(*results: Result) -> Report:
    return Report("share", "1.0", 0.0, 0.1, results)


def test_warnings_and_good_answers_are_no_failure() -> None:
    assert failure_of_report(report(result(None), result(Severity.WARNING))) is None


def test_the_first_bad_answer_is_told_with_its_check() -> None:
    found = failure_of_report(report(result(Severity.WARNING), result(Severity.ERROR, "GET / answered 503")))
    message = "web: check health: GET / answered 503"
    assert found == Failure("check.failed", message, "look at it", "web", "health", "GET / answered 503")
    silent = failure_of_report(report(result(Severity.ERROR)))
    assert silent is not None
    assert silent.message == "web: check health: it is not well"
