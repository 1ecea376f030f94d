"""The smallest real study, and sessions over it, for the tests of the machine room."""

from dataclasses import replace

from harness import Architecture, Part, Recipe, Study, Timing, choice
from harness.data.roots import DataRoots
from harness.ledger import open_ledger
from harness.progress import Silent
from harness.runners.local import InProcess
from harness.session import Session, Settings

DATA = Part("streets", size=(32, 64), train=4, val=2)
RECIPE = Recipe(dataset=DATA, crop=(32, 32), steps=2, batch=2, warmup_steps=1)
TIMING = Timing(rounds=1, burst=1, warmup=1, threads=1)
ALONE = Architecture(
    detail=Part("detail_branch", width=4), semantic="none", head=Part("seg", width=4)
)
"""One path alone: a few thousand weights."""

BOTH = Architecture(
    detail=Part("detail_branch", width=4),
    semantic=Part("semantic_branch", width=8, ratio=0.5, expansion=2),
    context="context_embedding",
    fusion="bga",
    head=Part("seg", width=4),
    aux_heads=Part("every_stage", width=4),
)


def with_heads(*heads):
    """One path alone under each of some heads."""
    return replace(ALONE, head=choice(*heads))


def tiny(**changes):
    """A study of one candidate, or of what the changes say."""
    return Study(
        **{
            "name": "tiny",
            "question": "Does it run?",
            "space": ALONE,
            "recipe": RECIPE,
            "timing": TIMING,
            **changes,
        }
    )


def session(study, folder, *, runner=None, progress=None, url=None, **settings):
    """A session over the ledger of a folder, or over the one at a URL."""
    settings = Settings(folder=folder, roots=DataRoots(), **settings)
    ledger = open_ledger(folder, url, make=True)
    return Session(study, ledger, runner or InProcess(), settings, progress or Silent())


def run(study, folder, **options):
    """Runs a session; gives what it did, as (trained, cached, failed, rejected)."""
    did = session(study, folder, **options).run()
    assert did.planned == did.trained + did.cached + did.failed + did.stopped + did.rejected
    return did.trained, did.cached, did.failed, did.rejected


def rows(folder, name="tiny"):
    """The rows of a study in plan order, by candidate and seed."""
    return {(row["candidate"], row["seed"]): row for row in open_ledger(folder).rows(name)}


def learnt(row):
    """What a row says of training and scoring, apart from when, where and how long."""
    kept = ("state", "miou", "pixel_accuracy", "iou", "confusion", "final_loss", "history")
    return {name: row[name] for name in kept}


class Heard(Silent):
    """A progress display that keeps what it is told."""

    def __init__(self):
        self.phases, self.num_planned, self.begun, self.ended = [], [], [], []

    def phase(self, text):
        self.phases.append(text)

    def planned(self, entries, cached):
        self.num_planned.append((len(entries), cached))

    def started(self, entry):
        self.begun.append((entry.candidate, entry.seed))

    def finished(self, entry, row):
        self.ended.append((entry.candidate, entry.seed, row["state"]))
