"""Running the Great Expectations suites in ``suites/`` on feature frames.

What keeps text in: the frames have no text column, and results are BOOLEAN_ONLY (every other result format lists values).
Great Expectations takes seconds to import, so it is imported where it is used. Its usage statistics are switched off first.
"""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import ContractError
from components.validate_data.features import Features

SUITES = Path(__file__).parent / "suites"
_MISSING_COLUMN = re.compile(r'column "\w+" in BatchData does not exist')


@dataclass(frozen=True)
class CheckResult:
    """How one expectation went.

    Attributes:
        suite: ``conversations`` or ``preferences``; ``labels`` or ``drift`` for the stage's own checks.
        about: what is expected, in words.
        expectation: its Great Expectations type.
        column: the feature it looks at; empty for the table as a whole.
        severity: ``critical`` stops the run, ``warning`` and ``info`` are reported.
        success: whether the data meet it.
        error: why it could not be evaluated; counts as not met.
    """

    suite: str
    about: str
    expectation: str
    column: str
    severity: str
    success: bool
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class SuiteRun:
    """Results in the order of the suite file, and Great Expectations' own document of them."""

    results: list[CheckResult]
    document: dict[str, Any]


def run_suite(name: str, rows: Sequence[Features], parameters: Mapping[str, float]) -> SuiteRun:
    """Evaluate ``suites/NAME.json`` on the features of the accepted rows.

    Args:
        name: of the suite.
        rows: features, one dictionary a row, all with the same keys.
        parameters: values for the suite's ``$PARAMETER`` references.

    Raises:
        ContractError: the suite file is not valid.
    """
    gx = _great_expectations()
    import pandas

    document = json.loads((SUITES / f"{name}.json").read_text(encoding="utf-8"))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    try:
        suite = context.suites.add(gx.ExpectationSuite(name=document["name"], expectations=document["expectations"]))
    except (gx.exceptions.GreatExpectationsError, ValueError) as error:
        raise ContractError(f"{SUITES / name}.json is not a valid suite: {str(error).splitlines()[0]}") from None
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    result = definition.run(
        batch_parameters={"dataframe": pandas.DataFrame([_scalars(row) for row in rows])},
        expectation_parameters=dict(parameters),
        result_format="BOOLEAN_ONLY",
    )
    found = [_result(name, item.to_json_dict()) for item in result.results]
    order = [item["meta"]["about"] for item in document["expectations"]]
    return SuiteRun(sorted(found, key=lambda item: order.index(item.about)), _without_quotations(result.to_json_dict()))


def _without_quotations(document: Any) -> Any:
    # Messages and tracebacks of exceptions may quote the value that an operation failed on; that a column is missing is ours to say.
    if isinstance(document, dict):
        shown: dict[str, Any] = {"exception_traceback": None} if "exception_traceback" in document else {}
        if "exception_message" in document:
            shown["exception_message"] = _shown(document["exception_message"])
        return {**{key: _without_quotations(value) for key, value in document.items()}, **shown}
    return [_without_quotations(item) for item in document] if isinstance(document, list) else document


def _shown(message: Any) -> str | None:
    if not message:
        return None
    missing = _MISSING_COLUMN.search(str(message))
    return missing.group() if missing else "not evaluated; the message is not kept, because it may quote a value"


def _scalars(row: Features) -> Features:
    return {key: value for key, value in row.items() if not isinstance(value, dict | list)}


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    for name in ("great_expectations", "great_expectations.data_context.types.base"):  # the second sets its own level when imported
        logging.getLogger(name).setLevel(logging.ERROR)
    return great_expectations


def _result(suite: str, item: dict[str, Any]) -> CheckResult:
    config = item["expectation_config"]
    return CheckResult(
        suite=suite,
        about=config["meta"]["about"],
        expectation=config["type"],
        column=config["kwargs"].get("column", ""),
        severity=config["severity"],
        success=bool(item["success"]),
        error=_exception(item["exception_info"]),
    )


def _exception(info: dict[str, Any]) -> str:
    # One dictionary, or one a metric: Great Expectations does both.
    parts = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(sorted({_shown(part["exception_message"]) or "not evaluated" for part in parts if part["raised_exception"]}))
