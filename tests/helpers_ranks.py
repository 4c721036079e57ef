"""Ranks of a training as processes forked from one that has imported torch already: quicker than torchrun."""

import multiprocessing
import os
import socket
import sys
from pathlib import Path

import torch

from ipl.training.communication import join
from ipl.training.data import TrainingSet
from ipl.training.loop import train

sys.path.insert(0, str(Path(__file__).parent))


def train_on(job, ranks, stop_before_epoch=None):
    """Trains `job`, or goes on with it, on so many gloo ranks; stops when an epoch begins, where one is given."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["helpers_ranks"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        context.Process(target=_rank, args=(job, rank, ranks, port, stop_before_epoch)) for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0, process


def _rank(job, rank, ranks, port, stop_before_epoch):
    values = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in values.items()}, MASTER_ADDR="127.0.0.1")
    torch.set_num_threads(1)
    batches = TrainingSet.batches

    def stopping(self, epoch, *others):
        if epoch == stop_before_epoch:
            os._exit(0)
        return batches(self, epoch, *others)

    TrainingSet.batches = stopping
    with join(job.options) as world:
        train(job, world)
    os._exit(0)
