"""The loop of iterative pseudo-labelling.

Each stage is whole on disk before the next one starts, and is skipped when it is there already under the same
fingerprint (`ipl.rundir`). So this loop is also how a run goes on after a kill, and, dry, what `ipl status` walks.
"""

from __future__ import annotations

from ipl.records import ModelRef
from ipl.stages import (
    Context,
    batch,
    best_of,
    build,
    evaluate,
    filter_hypotheses,
    given_models,
    initialize,
    load_data,
    measure,
    mine_sources,
    recognize,
    select,
    train,
    write_results,
)

__all__ = ["run_cycles"]


def run_cycles(ctx: Context) -> list[ModelRef]:
    """Runs every cycle of the plan, and returns the best model of each."""
    mined = mine_sources(ctx)
    data = load_data(ctx, mined)
    models = given_models(ctx)
    best: list[ModelRef] = []
    for index, plan in enumerate(ctx.plan.cycles):
        cycle = ctx.cycle(index)

        selected = select(ctx, cycle, data.get("pool"))
        teacher = build(ctx, cycle, models, selected)
        predicted = recognize(ctx, cycle, selected, teacher)
        filtered = filter_hypotheses(ctx, cycle, predicted)
        batches = batch(ctx, cycle, selected, predicted, filtered, data)
        student = initialize(ctx, cycle, models, teacher, data)
        trained: list[ModelRef] = []
        for epoch in train(ctx, cycle, student, batches, data["dev"]):
            trained.append(epoch)

        best.append(best_of(trained))
        models += [] if plan.oracle else trained  # what an oracle has learnt must not reach a later cycle
        measure(ctx, cycle, selected, predicted, filtered)
        evaluate(ctx, cycle, best[-1], data)
        write_results(ctx, best)
    return best
