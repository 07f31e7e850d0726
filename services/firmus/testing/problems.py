"""What goes wrong in a test of a workflow, as exceptions whose text says what to do."""

from firmus_contracts.errors import ValidationError


class DefinitionRefused(ValueError):
    """A definition that no server would register. `errors`: every fault, with its path."""

    def __init__(self, name: str, errors: tuple[ValidationError, ...]) -> None:
        told = "".join(f"\n  {error.path}: {error.message}" for error in errors)
        super().__init__(f"definition {name} is refused:{told}")
        self.errors = errors


class Refused(Exception):
    """A command that the workflow refuses, with the code and the words of the REST API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class Blocked(Exception):
    """The workflow is open and nothing moves it any more; the text names what it waits for."""
