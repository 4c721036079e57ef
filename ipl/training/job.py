"""What a training is: written as `job.json` by who wants it, read by every rank. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from ipl.errors import InputError
from ipl.files import read_json, write_json
from ipl.training.data_options import DataOptions

__all__ = ["Amp", "Compression", "Job", "Loss", "Schedule", "Sharding", "TrainingOptions"]

Amp = Literal["auto", "bf16", "fp16", "off"]
Schedule = Literal["cosine", "inverse_sqrt", "hold_decay", "constant"]
Compression = Literal["none", "fp16", "bf16", "powersgd", "onebit"]
Sharding = Literal["none", "zero1", "fsdp"]
Loss = Literal["ctc", "otc"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(DataOptions):
    """The options of a training; those of the trainer plugin `ddp` are these."""

    HOW_NOT_WHAT: ClassVar[frozenset[str]] = frozenset(
        DataOptions.LOADING
        | {"log_every", "checkpoint_seconds", "checkpoint_steps", "max_restarts", "processes", "nodes", "rendezvous"}
    )
    """Options that change how a training goes and not what it comes to: with others it is still the same training."""

    epochs: int = 20
    """passes over the training set"""
    ranks: int = 1
    """processes that train together, each on its own batches; on a CPU at most one per core makes sense"""
    processes: int = 0
    """processes that the batches of the ranks are dealt out to; 0 for one each. With more or fewer of them a training
    that was begun goes on as the same one, but for rounding and what is drawn at random"""
    nodes: int = 1
    """machines that the processes are dealt out to, with the run directory on a disk that all share; on each but
    the first the command that `ipl run` prints joins the training"""
    rendezvous: str | None = None
    """where nodes meet: name or address of the first one and a free port of it, such as node-1:29500. After that they
    reach each other by their host names, at ports of their own choice"""
    learning_rate: float = 1e-3
    """highest learning rate, reached at the end of the warm-up"""
    schedule: Schedule = "cosine"
    """how the learning rate falls after the warm-up: to zero along a cosine, with the inverse square root of the step,
    held for half of the steps and then falling to zero in a line (hold_decay), or not at all"""
    warmup_share: float = 0.1
    """share of all steps in which the learning rate rises in a line from zero"""
    weight_decay: float = 0.01
    """decay of AdamW, on matrices only"""
    clip_norm: float = 5.0
    """gradients with a larger norm are scaled down to it"""
    accumulate: int = 1
    """parts in which a batch goes through the model one after the other, where it is too large for the memory"""
    ema_decay: float = 0.0
    """share of the past in a moving average of the weights, taken in float32 at every step, such as 0.999; the average
    is what is measured on dev, kept and used as a teacher. 0 for none"""
    loss: Loss = "ctc"
    """ctc, or for all texts but the labelled ones otc, which reads them with errors (omni-temporal classification)"""
    otc_substitution: float = 4.0
    """what a wrong unit of a text costs under otc, in nats, in the first epoch"""
    otc_insertion: float = 4.0
    """what it costs to pass over a unit that nobody said"""
    otc_deletion: float = 4.0
    """what a stretch of speech costs that the text does not have"""
    otc_decay: float = 0.95
    """what is left of these prices after each epoch: texts are trusted first and doubted later"""
    amp: Amp = "auto"
    """mixed precision: auto is bf16 where a GPU has it, else fp16 with loss scaling, and off on a CPU"""
    sharding: Sharding = "none"
    """what ranks share out between them to save memory: nothing, the optimizer's state (zero1), or the model with all
    that belongs to it (fsdp)"""
    compile: bool = False
    """compile the model with torch.compile, for GPUs, on which it has not been tried: on a CPU, where it needs a C++
    compiler, torch compiles convolutions anew for each length of a batch, which takes longer than it saves"""
    compression: Compression = "none"
    """how gradients travel between ranks: as they are, as fp16 or bf16 (half the bytes), as thin matrices (powersgd) or
    as signs under an Adam whose variance is frozen within blocks (onebit); the last two are for slow networks and long
    trainings, as what they do not send at once is learned later"""
    compression_warmup_share: float = 0.2
    """share of all steps before powersgd and onebit begin; until then gradients travel as they are"""
    powersgd_rank: int = 11
    """columns of PowerSGD's thin matrices: more lose less and send more"""
    device: str = "auto"
    """auto is cuda where there is one, else cpu"""
    threads_per_rank: int = 1
    """torch threads of a rank on a CPU; more than one often slows small models down"""
    log_every: int = 10
    """steps between two lines of metrics"""
    checkpoint_seconds: float = 300.0
    """a checkpoint is written inside an epoch after this long; 0 for none"""
    checkpoint_steps: int = 0
    """a checkpoint is written inside an epoch after so many steps; 0 for none"""
    keep: int = 0
    """epochs whose weights are kept: the last so many, and the best; 0 keeps all"""
    max_restarts: int = 2
    """how often the ranks start again from the last checkpoint when one of them dies"""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("epochs", "ranks", "learning_rate", "clip_norm", "accumulate", "threads_per_rank", "log_every")
        for name in (*positive, "powersgd_rank", "nodes"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "more than 0")
        not_negative = ("weight_decay", "checkpoint_seconds", "checkpoint_steps", "keep")
        prices = ("otc_substitution", "otc_insertion", "otc_deletion")
        for name in (*not_negative, *prices, "max_restarts", "processes"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _check("warmup_share", self.warmup_share, 0 <= self.warmup_share <= 1, "0 to 1")
        processes = self.processes or self.ranks
        _check("nodes", self.nodes, processes % self.nodes == 0, f"a divisor of the {processes} processes")
        is_known = self.nodes == 1 or (self.rendezvous or "").rpartition(":")[2].isdigit()
        _check("rendezvous", self.rendezvous, is_known, "the first node and a port, such as node-1:29500, as nodes > 1")
        share = self.compression_warmup_share
        _check("compression_warmup_share", share, 0 <= share <= 1, "0 to 1")
        _check("ema_decay", self.ema_decay, 0 <= self.ema_decay < 1, "0 or more, less than 1")
        _check("otc_decay", self.otc_decay, 0 < self.otc_decay <= 1, "more than 0, at most 1")
        if self.sharding == "fsdp":
            _check("compression", self.compression, self.compression == "none", "none, as sharding is fsdp")
            _check("compile", self.compile, not self.compile, "false, as sharding is fsdp")
        if self.sharding == "zero1":
            right = self.compression != "onebit"
            _check("compression", self.compression, right, "another than onebit, as sharding is zero1")


def _check(name: str, value: Any, right: bool, expected: str) -> None:
    if not right:
        raise ValueError(f"{name}: found {value}, expected {expected}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training: the model to start from, what to train on, what to watch, where to write.

    `index` is the folder of an `ipl.tables.Index`, `batches` one of `epoch-000.parquet` and so on.
    """

    student: Path
    index: Path
    batches: Path
    dev: tuple[Path, ...]
    out_dir: Path
    seed: int
    options: TrainingOptions

    @property
    def path(self) -> Path:
        """Where `save` writes it."""
        return self.out_dir / "job.json"

    def save(self) -> None:
        """Writes `job.json` into `out_dir`; InputError where another training was begun there."""
        if self.path.exists() and (other := Job.load(self.path)).same_as() != self.same_as():
            theirs, ours = other.same_as(), self.same_as()
            differing = ", ".join(sorted(name for name in ours if ours[name] != theirs.get(name)))
            raise InputError(
                f"{self.out_dir}: holds a training begun with other values of {differing}; remove it to begin anew"
            )
        values = asdict(self) | {"dev": list(map(str, self.dev))}
        write_json(self.path, _without_paths(values))

    def same_as(self) -> dict[str, Any]:
        """What makes two jobs the same training: seed and options, not where things lie."""
        options = asdict(self.options)
        return {"seed": self.seed} | {name: options[name] for name in options.keys() - self.options.HOW_NOT_WHAT}

    @classmethod
    def load(cls, path: Path) -> Job:
        """Reads what `save` wrote; InputError where it is something else."""
        values = read_json(path)
        try:
            options: dict[str, Any] = dict(values["options"])
            options |= {name: tuple(each) for name, each in options.items() if isinstance(each, list)}
            options |= {name: Path(options[name]) for name in DataOptions.PATHS if options[name] is not None}
            return cls(
                student=Path(values["student"]),
                index=Path(values["index"]),
                batches=Path(values["batches"]),
                dev=tuple(map(Path, values["dev"])),
                out_dir=Path(values["out_dir"]),
                seed=values["seed"],
                options=TrainingOptions(**options),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: no training job of this version of ipl: {error}") from error


def _without_paths(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_paths(each) if isinstance(each, dict) else str(each) if isinstance(each, Path) else each
        for name, each in values.items()
    }
