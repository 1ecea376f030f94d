"""The command line: the one place where the machine, the questions and the answers meet.

Heavy modules are imported inside the commands that need them, so that help comes at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

Options = argparse.Namespace

USER_ERRORS = (ValueError, TypeError, KeyError, OSError)
"""What a user's mistake raises; it is answered with one line, not with a traceback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives 0, 1 when trials failed, 2 for bad input, 130 when interrupted."""
    options = parser().parse_args(argv)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        print("twopath: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except USER_ERRORS as error:
        if os.environ.get("TWOPATH_DEBUG"):
            raise
        print(f"twopath: {one_line(error)}", file=sys.stderr)
        return 2


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    root = argparse.ArgumentParser(
        prog="twopath",
        description="Ablation studies of two-path (bilateral) segmentation networks.",
        epilog="example: twopath run studies/fusion.py",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_run, _add_report, _add_list, _add_show, _add_cost, _add_time):
        add(commands)
    return root


def _command(commands: Any, name: str, about: str, example: str, run: Callable[..., int]) -> Any:
    each = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    each.set_defaults(command=run)
    each.add_argument("--json", action="store_true", help="print JSON for machines")
    if name != "report":  # which reads rows, and needs no part to do so
        each.add_argument(
            "--plugin",
            action="append",
            default=[],
            metavar="FILE",
            help="a Python file with parts or data sets of your own; may be given again",
        )
    return each


def _add_run(commands: Any) -> None:
    example = "twopath run studies/fusion_camvid.py --data camvid=/data/CamVid --workers 2"
    each = _command(commands, "run", "Run what is missing of a study, then report.", example, _run)
    each.add_argument("study", help="a study file, or the name of a built-in study")
    each.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="where a data set lies; TWOPATH_DATA may name a folder that holds them all",
    )
    each.add_argument("--on", choices=("local", "ray"), default="local", help="where trials run")
    each.add_argument("--address", help="a running Ray cluster's address, with --on ray")
    each.add_argument("--workers", type=_positive, default=1, help="trials side by side")
    each.add_argument("--retry-failed", action="store_true", help="run failed trials again")
    _add_places(each)


def _add_report(commands: Any) -> None:
    about = "Write a study's report from the rows in the ledger."
    each = _command(commands, "report", about, "twopath report fusion", _report)
    each.add_argument("study", help="the name of a study that was run")
    _add_places(each)


def _add_places(each: Any) -> None:
    each.add_argument("--runs", default="runs", metavar="FOLDER", help="where results are kept")
    each.add_argument("--ledger", metavar="URL", help="an SQLAlchemy URL; default FOLDER/ledger.db")


def _add_list(commands: Any) -> None:
    about = "List parts, data sets, networks and built-in studies."
    _command(commands, "list", about, "twopath list --json", _list)


def _add_show(commands: Any) -> None:
    about = "Show a network's parts, or a part's or data set's options."
    each = _command(commands, "show", about, "twopath show bisenetv2", _show)
    each.add_argument(
        "name", help="a network, a part or a data set; fusion.sum where several match"
    )


def _add_cost(commands: Any) -> None:
    about = "Count parameters, GMACs and activations of networks as they are deployed."
    example = "twopath cost bisenetv2 --size 512x1024"
    _add_measured(_command(commands, "cost", about, example, _cost))


def _add_time(commands: Any) -> None:
    about = "Time networks as they are deployed, interleaved with one another."
    example = "twopath time bisenetv2 bisenetv2_small --size 256x512"
    each = _command(commands, "time", about, example, _time)
    _add_measured(each)
    each.add_argument("--threads", type=_positive, help="CPU threads; default: all cores")
    each.add_argument("--batch", type=_positive, default=1, help="images at a time")
    each.add_argument("--rounds", type=_positive, default=12, help="rounds of two bursts each")
    each.add_argument(
        "--boundary",
        default="labels_full",
        help="where the clock stops: labels_full, logits_full or logits_native",
    )


def _add_measured(each: Any) -> None:
    each.add_argument("networks", nargs="+", metavar="NETWORK", help="names from twopath list")
    each.add_argument(
        "--size", type=_size, default=(512, 1024), metavar="HxW", help="height x width in pixels"
    )
    each.add_argument("--classes", type=_positive, default=19, help="number of classes")


def _size(text: str) -> tuple[int, int]:
    from harness.network import SMALLEST_SIDE

    height, by, width = text.lower().partition("x")
    if not (by and height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f"a size is HEIGHTxWIDTH, as 512x1024, not {text!r}")
    if min(int(height), int(width)) < SMALLEST_SIDE:
        raise argparse.ArgumentTypeError(f"sides are at least {SMALLEST_SIDE} pixels, not {text}")
    return int(height), int(width)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return int(text)


def _run(options: Options) -> int:
    from harness.commands import run_study

    study, summary, ledger = run_study(options)
    return _answer(options, study.name, ledger, vars(summary)) or int(summary.failed > 0)


def _report(options: Options) -> int:
    from harness.ledger import open_ledger

    return _answer(options, options.study, open_ledger(options.runs, options.ledger))


def _answer(options: Options, name: str, ledger: Any, summary: dict[str, int] | None = None) -> int:
    """Writes a study's report and prints its answer."""
    import reports
    from harness.commands import folder_name, print_summary

    folder = os.path.join(options.runs, "reports", folder_name(name))
    report = reports.write(ledger.study(name), ledger.rows(name), folder)
    if options.json:
        rows = ledger.rows(name)
        return _print_json(
            {
                "study": name,
                "summary": summary,
                "answer": report.answer,
                "report": str(report.page),
                "rows": rows,
            }
        )
    if summary is not None:
        print_summary(summary)
    report.show()
    return 0


def _list(options: Options) -> int:
    from harness.show import known, show_known

    found = known(options.plugin)
    return _print_json(found) if options.json else show_known(found)


def _show(options: Options) -> int:
    from harness.show import described, show_described

    found = described(options.name, options.plugin)
    return _print_json(found) if options.json else show_described(found)


def _cost(options: Options) -> int:
    from harness.commands import costs, show_costs

    found = costs(options)
    return _print_json(found) if options.json else show_costs(found, options)


def _time(options: Options) -> int:
    from harness.commands import latencies, show_latencies

    found = latencies(options)
    return _print_json(found) if options.json else show_latencies(found)


def _print_json(value: Any) -> int:
    print(json.dumps(value, indent=2))
    return 0
