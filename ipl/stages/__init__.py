"""The stages of the loop: each puts a role's plugin to work and leaves whole tables behind."""

from ipl.stages.batch import batch
from ipl.stages.context import Context, Data, default_workers
from ipl.stages.data import SETS, load_data
from ipl.stages.filter import filter_hypotheses
from ipl.stages.measure import evaluate, measure
from ipl.stages.mine import given_models, mine_sources
from ipl.stages.models import build, initialize
from ipl.stages.recognize import recognize
from ipl.stages.results import write_results
from ipl.stages.select import select
from ipl.stages.train import best_of, train

__all__ = [
    "SETS",
    "Context",
    "Data",
    "batch",
    "best_of",
    "build",
    "default_workers",
    "evaluate",
    "filter_hypotheses",
    "given_models",
    "initialize",
    "load_data",
    "measure",
    "mine_sources",
    "recognize",
    "select",
    "train",
    "write_results",
]
