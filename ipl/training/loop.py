"""The training loop, the same on every rank."""

from __future__ import annotations

import shutil
import time

from ipl.asr.models.store import load
from ipl.errors import StageError
from ipl.training import checkpoint
from ipl.training.batches import count_steps, read_steps
from ipl.training.checkpoint import Position
from ipl.training.communication import World
from ipl.training.data import CACHE_FOLDER, TrainingSet
from ipl.training.evaluation import DevSet
from ipl.training.job import Job, TrainingOptions
from ipl.training.learner import Learner
from ipl.training.metrics import MetricsWriter, averages
from ipl.training.optimizers import learning_rate
from ipl.training.parts import deal
from ipl.training.results import epoch_results
from ipl.training.skipped import Skipped, merge

__all__ = ["train"]

MAX_BAD_STEPS = 5
MAX_BAD_STEPS_FP16 = 30
"""The loss scale of fp16 starts too high and is halved at every bad step."""
MAX_GROWTH = 3.0
"""A mean loss of so many times that of the best epoch, and so many nats more, is no bad luck."""


def train(job: Job, world: World) -> None:
    """Trains `job.student`, or goes on from the newest checkpoint in `job.out_dir`."""
    options, out_dir = job.options, job.out_dir
    if world.is_first:
        checkpoint.clean(out_dir)
    begin_at = world.from_first(checkpoint.latest(out_dir))
    model = load(begin_at or job.student, world.device)
    skipped = Skipped(out_dir, world.rank)
    total = sum(count_steps(job.batches, epoch, options.ranks) for epoch in range(options.epochs))
    compress_from_step = round(total * options.compression_warmup_share)
    learner, position = Learner(model, job, world, skipped, compress_from_step), Position()
    if begin_at:
        position, state = checkpoint.read_state(begin_at)
        learner.restore(state)
        del state  # that of all ranks: it can be large
    data = TrainingSet(job, model.config, model.units, skipped)
    dev = DevSet(job.dev, model.config, world)
    writer = MetricsWriter(out_dir, position.step) if world.is_first else None
    saved_at, is_proven, is_wanted = time.monotonic(), False, False

    while position.epoch < options.epochs:
        learner.text_loss.begin_epoch(position.epoch)
        steps = [deal(step, world.size) for step in read_steps(job.batches, position.epoch, options.ranks)]
        for batch in data.batches(position.epoch, steps, world.rank, position.place):
            rate = learning_rate(position.step, total, options)
            counts, norm = learner.learn(batch, position.step, rate)
            position.advance(counts, norm)
            _stop_if_diverged(position, learner)
            is_good = not position.bad_in_a_row
            if is_good and not is_proven and world.is_first:  # the weights of the newest checkpoint give gradients
                checkpoint.tidy(out_dir, options.keep)
            is_proven |= is_good
            if position.step % options.log_every == 0:
                if writer:
                    line = averages(position.line_sums) | {"grad_norm": norm, "learning_rate": rate}
                    writer.write("step", position.epoch, position.step, line)
                position.line_sums = {}
            is_wanted |= _is_due(position.step, saved_at, options)
            is_due = is_wanted and is_good and position.place < len(steps)
            if learner.shares_state:
                is_due = world.as_first(is_due)
            if is_due and (world.is_first or learner.shares_state):
                _save(job, learner, position, None)
                saved_at, is_proven, is_wanted = time.monotonic(), False, False

        world.share(model.buffers())  # statistics of batch norms, which are those of each rank's own batches
        _stop_if_grown(position, learner)
        metrics = averages(position.epoch_sums) | dev.error_rates(learner.shown())
        position.end_epoch()
        if writer:
            metrics["skipped"] = merge(out_dir)
            writer.write("epoch", position.epoch - 1, position.step, metrics)
        if world.is_first or learner.shares_state:
            _save(job, learner, position, metrics)
            saved_at, is_proven, is_wanted = time.monotonic(), False, False
    if writer:
        checkpoint.tidy(out_dir, options.keep)
        writer.close()
        shutil.rmtree(out_dir / CACHE_FOLDER, ignore_errors=True)


def _save(job: Job, learner: Learner, position: Position, metrics: dict[str, float] | None) -> None:
    """Writes a checkpoint on the first rank, of what all ranks that take part give to it."""
    state, shown = learner.state(), learner.shown()
    if learner.world.is_first:
        checkpoint.save(job.out_dir, shown, position, state, metrics)


def _is_due(step: int, saved_at: float, options: TrainingOptions) -> bool:
    """Whether it is time for a checkpoint inside an epoch."""
    if options.checkpoint_steps and step % options.checkpoint_steps == 0:
        return True
    return bool(options.checkpoint_seconds) and time.monotonic() - saved_at >= options.checkpoint_seconds


def _stop_if_diverged(position: Position, learner: Learner) -> None:
    limit = MAX_BAD_STEPS_FP16 if learner.scaler.is_enabled() else MAX_BAD_STEPS
    if position.bad_in_a_row >= limit:
        raise _divergence(
            learner.job,
            f"the gradient was no finite number in {limit} steps in a row, up to step {position.step} of epoch "
            f"{position.epoch}",
            before_step=position.step - limit,  # since then the weights have been those that give no gradient
        )


def _stop_if_grown(position: Position, learner: Learner) -> None:
    """Asked of an epoch that has just ended, before its checkpoint takes the place of a good one."""
    loss = averages(position.epoch_sums).get("loss", 0.0)
    before = [result.metrics["loss"] for result in epoch_results(learner.job.out_dir) if "loss" in result.metrics]
    if before and loss > MAX_GROWTH * min(before) + MAX_GROWTH:
        raise _divergence(
            learner.job,
            f"the mean loss of epoch {position.epoch} was {loss:.3g} nats a unit, once it was {min(before):.3g}",
            before_step=position.step - position.place + 1,
        )


def _divergence(job: Job, what: str, before_step: int) -> StageError:
    good = checkpoint.newest_before(job.out_dir, before_step)
    return StageError(
        f"training diverged: {what}; last good checkpoint: {good or 'none'}; "
        f"lower learning_rate (now {job.options.learning_rate:g}) or clip_norm (now {job.options.clip_norm:g})"
    )
