"""Errors that a user can cause, and the exit codes that tell a scheduler which kind it was.

Every message says what was given, what is wanted and what to do. None of them holds a word that a person wrote.
"""

EXIT_UNFORESEEN = 1
EXIT_CONTRACT = 2
EXIT_GATE = 4
EXIT_INTERRUPTED = 143


class ContractError(ValueError):
    """Input does not keep its contract: a wrong schema, a broken artifact, an unusable file or setting."""


class DataGateError(ContractError):
    """More rows were refused than the configuration allows."""


class Interrupted(SystemExit):
    """The stage was asked to stop (SIGTERM, SIGINT), wrote its checkpoint and can be started again."""

    def __init__(self) -> None:
        super().__init__(EXIT_INTERRUPTED)
