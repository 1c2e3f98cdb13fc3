"""The network that a training starts from, with word vectors where it names a file; and one restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedCorpus
from rnnsweep.data.word_vectors.files import corpus_vectors
from rnnsweep.errors import UserError
from rnnsweep.networks import Network, build
from rnnsweep.networks.embedding import set_vectors
from rnnsweep.tasks import Facts, Task
from rnnsweep.training import checkpoint


@contextmanager
def own_threads_and_random_numbers(run: RunConfig) -> Iterator[None]:
    """Set PyTorch's threads for a while; give them and its random numbers back as they were."""
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(run.trainer.threads or threads)
    try:
        yield
    finally:
        torch.set_rng_state(random)
        torch.set_num_threads(threads)


def fit_task(run: RunConfig, corpus: EncodedCorpus) -> Task:
    """Make the run's task on its corpus.

    Raises:
        UserError: the training targets or the class weights do not suit the task.
    """
    return run.spec.make(run.task, Facts(corpus.labels, corpus.train.targets_N))


def start(run: RunConfig, corpus: EncodedCorpus) -> Network:
    """Build the run's network, its embedding filled from ``data.vectors``.

    PyTorch's random numbers stand afterwards where dropout draws from: behind the weights, in the numbers of
    dropout's seed. So a seed of a part that equals the run's `seed` changes nothing.

    Raises:
        UserError: the file cannot be read, or its vectors do not fit the embedding.
    """
    first, then = run.seed_of("initialisation"), run.seed_of("dropout")
    network = _drawn(run, corpus, seed=first)
    if first != then:
        _drawn(run, corpus, seed=then)
    vectors = corpus_vectors(run.data, corpus, width=run.model.embedding_size)
    if vectors is None:
        return network
    if run.model.input == "one_hot":
        raise UserError("data.vectors: a network with model.input=one_hot has no embedding to put them in")
    if vectors.width != run.model.embedding_size:
        raise UserError(
            f"model.embedding_size={run.model.embedding_size}: the vectors of data.vectors have "
            f"{vectors.width} numbers; set model.embedding_size={vectors.width}"
        )
    if not vectors.found_V.any():
        raise UserError(
            f"data.vectors={run.data.vectors!r}: has none of the {len(corpus.vocabulary):,} words"
        )
    found_V = torch.from_numpy(vectors.found_V > 0)
    set_vectors(network.embedding, torch.from_numpy(vectors.vectors_VE.copy()), found_V)
    return network


def _drawn(run: RunConfig, corpus: EncodedCorpus, *, seed: int) -> Network:
    torch.manual_seed(seed)
    return build(run.model, vocabulary=len(corpus.vocabulary), classes=run.spec.outputs(len(corpus.labels)))


def restore(run: RunConfig, corpus: EncodedCorpus, path: Path) -> Network:
    """Build the run's network with the weights of a checkpoint, ready to be asked.

    Raises:
        UserError: no such checkpoint, not one of ours, or of another network.
    """
    network = build(
        run.model, vocabulary=len(corpus.vocabulary), classes=run.spec.outputs(len(corpus.labels))
    )
    checkpoint.load_weights(network, checkpoint.read(path), path)
    return network.eval()
