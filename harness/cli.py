"""The command line: the one place where the machine, the questions and the answers meet.

Heavy modules are imported inside the commands that need them, so that help comes at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness.confirm_options import add_confirm_options
from harness.export_options import add_export_options
from harness.export_optuna import ABOUT, EXAMPLE, add_export_optuna_options, exported_to_optuna
from harness.options import (
    add_data,
    add_input,
    add_measured,
    add_places,
    add_plugins,
    add_runs,
    positive,
)
from harness.plan_options import add_doctor_options, add_plan_options, foreseen
from harness.report_options import REPORT_ABOUT, add_board_options, add_report_options
from harness.run_options import add_running
from harness.sheet import ABOUT as SHEET
from harness.sheet import EXAMPLE as SHEET_EXAMPLE
from harness.sheet import add_sheet_options, drawn
from harness.timing_options import add_timing, threads

if TYPE_CHECKING:
    from harness.ledger import Ledger
    from harness.session import Settings
    from harness.study import Study
    from harness.terminal import Answer

Options = argparse.Namespace

DEBUG = "TWOPATH_DEBUG"
"""The environment variable that, when set, shows the traceback of a user's mistake too."""


def run() -> int:
    """``main`` for a process that ends with it."""
    code = main()
    # Or all that is left would be looked through for cycles before it is freed, which after the
    # report of a large study takes longer than to free it.
    gc.freeze()
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives 0, 1 when trials failed or data is wrong, 2 for bad input.

    130 when interrupted. What is wrong with the input is said in one line; a mistake in the code
    raises.
    """
    try:
        return _command_of(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt as interrupt:
        after = f"; {interrupt}" if str(interrupt) else ""
        print(f"twopath: interrupted{after}", file=sys.stderr)
        return 130
    except Exception as error:
        from harness.mistakes import is_users, one_line

        if os.environ.get(DEBUG) or not is_users(error):
            raise
        print(f"twopath: {one_line(error)}", file=sys.stderr)
        return 2


def _command_of(words: Sequence[str]) -> int:
    if not words:
        parser().print_help(sys.stderr)
        return 2
    options = parser().parse_args(words)
    from harness.names import named_by
    from harness.terminal import give, kept_for_answers

    runs = named_by("--runs", options.runs) if hasattr(options, "runs") else nullcontext()
    with kept_for_answers(), runs:
        answer: Answer = options.command(options)
    try:
        return give(answer, as_json=options.json)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return answer.code


class Parser(argparse.ArgumentParser):
    """A parser that leaves saying what is wrong to ``main``."""

    def error(self, message: str) -> NoReturn:
        """ValueError with the message and where to read on."""
        raise ValueError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    root = Parser(
        prog="twopath",
        description="Ablation studies of two-path (bilateral) segmentation networks.",
        epilog="example: twopath run fusion",
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"twopath {version('twopath')}")
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_run,
        _add_confirm,
        _add_report,
        _add_sheet,
        _add_board,
        _add_sweep,
        _add_paper,
        _add_list,
        _add_show,
        _add_cost,
        _add_time,
        _add_verify,
        _add_export,
        _add_export_optuna,
        _add_check_data,
        _add_doctor,
    ):
        add(commands)
    return root


def _command(
    commands: Any, name: str, about: str, example: str, run: Callable[[Options], Answer]
) -> Any:
    each = commands.add_parser(
        name,
        help=about.partition("\n")[0],
        description=about,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    each.set_defaults(command=run)
    each.add_argument("--json", action="store_true", help="print JSON for machines")
    return each


def _in(module: str, name: str) -> Callable[[Options], Answer]:
    """A command that lies elsewhere, imported only when it is asked for."""
    return lambda options: getattr(import_module(module), name)(options)


def _add_run(commands: Any) -> None:
    about = "Run what is missing of a study, then report."
    each = _command(commands, "run", about, "twopath run fusion --workers 2", _run)
    _add_running(each)


def _add_confirm(commands: Any) -> None:
    about = "Run a study's winner again on fresh seeds, then report both figures."
    each = _command(commands, "confirm", about, "twopath confirm fusion --seeds 5", _confirm)
    add_confirm_options(each, positive)
    _add_running(each)


def _add_running(each: Any) -> None:
    each.add_argument("study", help="a study file, or the name of a built-in study")
    add_data(each)
    add_plugins(each)
    add_running(each, positive)
    add_plan_options(each, positive)
    add_places(each)


def _add_report(commands: Any) -> None:
    example = "twopath report fusion --watch --open"
    each = _command(commands, "report", REPORT_ABOUT, example, _reported)
    add_report_options(each)
    add_places(each)


def _reported(options: Options) -> Answer:
    # A large report has a copy of this process for each CPU: the threads that OpenBLAS would start
    # in all of them wait for each other. It reads this when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return _in("reports.commands", "report")(options)


def _add_board(commands: Any) -> None:
    about = "List the studies of a ledger: how far each is, its best candidate, its report."
    each = _command(commands, "board", about, "twopath board", _in("reports.commands", "board"))
    add_board_options(each)
    add_places(each)


def _add_sheet(commands: Any) -> None:
    add_sheet_options(_command(commands, "sheet", SHEET, SHEET_EXAMPLE, drawn))


def _add_sweep(commands: Any) -> None:
    about = "Count, and if asked time, every architecture of a space: no data, no training."
    each = _command(commands, "sweep", about, "twopath sweep parts", _sweep)
    each.add_argument("study", help="a study file, or the name of a built-in study")
    add_input(each)
    each.add_argument("--time", action="store_true", help="time them as well, in groups")
    each.add_argument(
        "--threads", type=threads, default=1, metavar="N", help="CPU threads when timing"
    )
    add_plugins(each)
    add_places(each)


def _add_paper(commands: Any) -> None:
    about = "List the papers' tables, or show one with what our networks cost beside it."
    each = _command(
        commands, "paper", about, "twopath paper bisenetv2:2", _in("harness.beside", "tables")
    )
    each.add_argument("table", nargs="?", help="a table or a paper; without it all are listed")
    each.add_argument(
        "--classes", type=positive, default=19, metavar="N", help="number of classes; default: 19"
    )
    add_plugins(each)


def _add_list(commands: Any) -> None:
    about = "List parts, data sets, networks and built-in studies."
    add_plugins(
        _command(commands, "list", about, "twopath list --json", _in("harness.show", "known"))
    )


def _add_show(commands: Any) -> None:
    about = "Show a network part by part, the options of a part or data set, or a study."
    each = _command(
        commands, "show", about, "twopath show bisenetv2", _in("harness.show", "described")
    )
    each.add_argument(
        "name",
        help="a network, a part, a data set or a built-in study; fusion.none where several match",
    )
    add_plugins(each)


def _add_cost(commands: Any) -> None:
    about = "Count parameters, GMACs and activations of networks as they are deployed."
    example = "twopath cost bisenetv2 --size 512x1024"
    add_measured(_command(commands, "cost", about, example, _in("harness.costing", "cost")))


def _add_time(commands: Any) -> None:
    about = "Time networks as they are deployed, interleaved with one another."
    example = "twopath time bisenetv2 bisenetv2_small --size 256x512"
    each = _command(commands, "time", about, example, _in("harness.timing", "timed"))
    add_measured(each)
    add_timing(each, positive)
    add_runs(each, "where receipts go, in FOLDER/receipts")


def _add_verify(commands: Any) -> None:
    about = "Make every figure of receipts again from their raw samples, offline; 1 on a mismatch."
    each = _command(
        commands,
        "verify",
        about,
        "twopath verify runs/receipts/*.json",
        _in("harness.verifying", "verified"),
    )
    each.add_argument("receipts", nargs="+", metavar="RECEIPT", help="files that twopath wrote")


def _add_export(commands: Any) -> None:
    about = "Write a network as a file that other programs run, and prove that the file agrees."
    each = _command(
        commands,
        "export",
        about,
        "twopath export bisenetv2 --to onnx",
        _in("harness.exporting", "exported"),
    )
    add_export_options(each)
    add_input(each)
    add_plugins(each)


def _add_export_optuna(commands: Any) -> None:
    each = _command(commands, "export-optuna", ABOUT, EXAMPLE, exported_to_optuna)
    add_export_optuna_options(each)
    add_places(each)


def _add_check_data(commands: Any) -> None:
    about = "Look at every file of a data set: counts, sizes, values, classes, duplicates."
    example = "twopath check-data camvid --data camvid=/data/CamVid"
    each = _command(commands, "check-data", about, example, _in("harness.checking", "checked"))
    each.add_argument("name", help="a data set's name")
    each.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the data set, as layout=original; may be given again",
    )
    add_data(each)
    add_plugins(each)
    add_runs(each, "where the sheet goes")


def _add_doctor(commands: Any) -> None:
    about = "Look at this machine and every node of a cluster: what a study needs; 1 if not there."
    each = _command(
        commands,
        "doctor",
        about,
        "twopath doctor --address 10.0.0.1:6379",
        _in("harness.doctor", "diagnosed"),
    )
    add_doctor_options(each)
    add_data(each)
    add_plugins(each)
    add_runs(each, "the run storage to try")


def _run(options: Options) -> Answer:
    from harness.commands import prepared
    from harness.opening import opened

    study, settings = prepared(options)
    if options.dry_run:
        return foreseen(options, study, settings)
    with opened(options, make=True) as ledger:
        return _ran(options, study, settings, ledger, study.name)


def _confirm(options: Options) -> Answer:
    from harness.commands import prepared
    from harness.confirming import confirmation_of
    from harness.opening import opened
    from reports.confirmation import winner

    study, settings = prepared(options)
    with opened(options) as ledger:
        known = ledger.study(study.name)
        wanted = options.candidate or [winner(known, ledger.rows(study.name))]
        again = confirmation_of(study, ledger.plan(study.name), wanted, options.seeds)
        if options.dry_run:
            return foreseen(options, again, settings)
        return _ran(options, again, settings, ledger, study.name)


def _ran(options: Options, study: Study, settings: Settings, ledger: Ledger, name: str) -> Answer:
    """Runs what is missing of a study; gives the report of the one named."""
    from harness.commands import run_study

    try:
        summary = run_study(options, study, settings, ledger)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on from what was saved") from None
    from reports.commands import reported

    return reported(options, name, ledger, summary)


def _sweep(options: Options) -> Answer:
    import reports
    from harness.commands import swept
    from harness.opening import folder_name, opened
    from harness.terminal import Answer
    from harness.whole import naming

    with opened(options, make=True) as ledger:
        name, rows = swept(options, ledger)
    size = "x".join(map(str, options.size))
    folder = Path(options.runs) / "sweeps" / folder_name(name) / size
    with naming(folder):
        report = reports.write_sweep(name, rows, folder)
    files = {file: str(path) for file, path in report.files.items()}
    record = {"study": name, "answer": report.answer, "files": files, "rows": rows}
    return Answer(record=record, show=report.show)


if __name__ == "__main__":
    sys.exit(run())
