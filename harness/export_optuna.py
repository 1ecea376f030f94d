"""The command ``twopath export-optuna``: its options, and what it does with them."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from harness.terminal import Answer

ABOUT = "Write a study's rows into an Optuna storage, for optuna-dashboard."
EXAMPLE = "twopath export-optuna fusion --storage sqlite:///fusion.db"


def add_export_optuna_options(command: Any) -> None:
    """Adds what only this command takes."""
    command.add_argument("study", help="the name of a study that was run")
    command.add_argument(
        "--storage", required=True, metavar="URL", help="an Optuna storage, as sqlite:///FILE"
    )
    command.add_argument(
        "--force", action="store_true", help="replace a study of that name in the storage"
    )


def exported_to_optuna(options: Namespace) -> Answer:
    """Writes the storage; says how many candidates went into it."""
    from functools import partial

    from harness.ledger import shown
    from harness.opening import opened
    from harness.runners.storage import export
    from harness.terminal import Answer

    with opened(options) as ledger:
        counts = export(ledger, options.study, options.storage, force=options.force)
    where = shown(options.storage)
    record = {"study": options.study, "storage": where, "trials": counts}
    return Answer(record=record, show=partial(_show, options.study, where, counts))


def _show(name: str, where: str, counts: dict[str, int], console: Console) -> None:
    said = ", ".join(f"{number} {state}" for state, number in counts.items()) or "no trials yet"
    console.print(f"{name}: {said}, in {where}; see them with: optuna-dashboard {where}")
