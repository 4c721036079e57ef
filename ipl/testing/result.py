"""What one check of a contract found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """One promise of a role's contract. `problem` says what was found and what was expected; None: it is kept."""

    promise: str
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the promise is kept."""
        return self.problem is None

    def __str__(self) -> str:
        return f"ok      {self.promise}" if self.ok else f"FAILED  {self.promise}: {self.problem}"
