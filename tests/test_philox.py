"""Random numbers by counter."""

import pytest
import torch

from rnnsweep.launchers.fused.stack.philox import drawn, dropout_factors, words
from rnnsweep.optim.dropout import split_key

MASK = 0xFFFFFFFF
# the known answers of Random123, the authors' own library
KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
def test_words_are_those_of_the_authors(counter, key, wanted):
    found = words(tuple(map(torch.tensor, counter)), tuple(map(torch.tensor, key)))
    assert tuple(int(word) for word in found) == wanted


def keys(*seeds):
    return torch.tensor([split_key(seed) for seed in seeds])


def test_what_is_drawn_depends_on_the_own_key_and_step_alone():
    both = drawn(keys(5, 2**40 + 3), torch.tensor([7, 9]), site=1, count=10)
    one = drawn(keys(2**40 + 3), torch.tensor([9]), site=1, count=30)
    assert torch.equal(both[1], one[0, :10])  # a longer batch goes on, it changes nothing before
    for seed, step, site in ((4, 9, 1), (2**40 + 3, 8, 1), (2**40 + 3, 9, 2), (3, 9, 1)):
        other = drawn(keys(seed), torch.tensor([step]), site=site, count=10)
        assert (other != one[:, :10]).any()


def test_each_member_loses_its_own_share_and_keeps_its_mean():
    rates = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)
    words_KN = drawn(keys(1, 2, 3), torch.tensor([0, 0, 0]), site=0, count=20000)
    factors = dropout_factors(words_KN, rates, dtype=torch.float32)
    assert (factors[0] == 1).all()
    assert (factors == 0).double().mean(1).tolist() == pytest.approx([0, 0.3, 0.9], abs=0.01)
    assert factors.double().mean(1).tolist() == pytest.approx([1, 1, 1], abs=0.06)
