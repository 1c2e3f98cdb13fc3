"""Whether the planned replicates can decide anything, said before a sweep starts."""

import shlex
from dataclasses import replace

import pytest
from test_plan import SPACE, looking_ahead, write_sweep

from rnnsweep.api.replicates.reach import deciding_command, replicates_reach
from rnnsweep.cli.commands.planning import _print
from rnnsweep.cli.entry import main
from rnnsweep.comparison import reach_of
from rnnsweep.comparison.statistics.permutation import smallest_p


@pytest.mark.parametrize(
    ("sizes", "networks", "folds", "decides", "said"),
    [
        ((5,), 3, 5, True, "5 replicates test on 5 of 5 folds: enough to show a clear difference between any"
         " two of the 3 networks (3 pairs) where the folds agree (corrected resampled t, 4 degrees of"
         " freedom)"),
        ((3,), 2, 5, True, "3 replicates test on 3 of 5 folds: enough to show a clear difference between the"
         " two networks where the folds agree (corrected resampled t, 2 degrees of freedom); 5 replicates"
         " test on each"),
        ((1,), 2, 5, False, "1 replicate cannot show a difference between the two networks, whatever the"
         " scores; 2 or more can"),
    ],
)  # fmt: skip
def test_a_plan_of_folds_speaks_of_their_own_test(sizes, networks, folds, decides, said):
    reach = reach_of(sizes, networks, baseline=False, folds=folds)
    assert (reach.decides, str(reach)) == (decides, said)


@pytest.mark.parametrize(
    ("looks", "networks", "baseline", "fewest", "said"),
    [
        ((3,), 2, False, 6, "3 replicates cannot show a difference between the two networks, whatever the"
         " scores; 6 or more can"),
        ((6,), 4, True, 8, "6 replicates cannot show a difference between any two of the 4 networks (6"
         " pairs), nor of any of them from the baseline (4 pairs), whatever the scores; 8 or more can"),
        ((6,), 2, True, 7, "6 replicates can show a clear difference between the two networks; one of either"
         " of them from the baseline (2 pairs) takes 7 or more, whatever the scores"),
        ((8,), 5, True, 9, "8 replicates can show a clear difference of any of them from the baseline"
         " (5 pairs); one between any two of the 5 networks (10 pairs) takes 9 or more, whatever the scores"),
        ((7,), 3, True, 7, "7 replicates are enough to show a clear difference between any two of the 3"
         " networks (3 pairs) and of any of them from the baseline (3 pairs), on these test rows"),
        ((6, 13, 30), 3, False, 13, "13 replicates are enough to show a clear difference between any two of"
         " the 3 networks (3 pairs), on these test rows; 30 are planned"),
        ((5,), 1, True, 6, "5 replicates cannot show a difference of the network from the baseline, whatever"
         " the scores; 6 or more can"),
        ((0,), 2, False, 6, "without replicates nothing can be claimed; 6 or more can show a clear difference"
         " between the two networks"),
        ((6,), 1, False, 0, "one network and no baseline: nothing is compared"),
    ],
)  # fmt: skip
def test_a_plan_says_which_pairs_how_many_replicates_can_decide(looks, networks, baseline, fewest, said):
    reach = reach_of(looks, networks, baseline=baseline)
    assert (reach.fewest, str(reach)) == (fewest, said)
    assert reach.decides == (0 < fewest <= max(looks))


@pytest.mark.parametrize("networks", range(2, 9))
@pytest.mark.parametrize("replicates", range(2, 12))
def test_what_replicates_can_show_of_each_family_is_what_its_own_test_can_reach(networks, replicates):
    reach = reach_of((replicates,), networks, baseline=True)
    among = smallest_p(replicates, comparisons=networks * (networks - 1) // 2) <= 0.05
    beside = smallest_p(replicates, comparisons=networks) <= 0.05
    assert (reach.among <= replicates, reach.beside <= replicates) == (among, beside)
    assert ("cannot" in str(reach)) == (not among and not beside)
    assert (" can show a clear difference" in str(reach)) == (among != beside)


@pytest.mark.parametrize(
    ("looks", "networks", "baseline", "aim"),
    [
        ((6,), 2, True, "to compare the networks with the baseline"),
        ((8,), 5, True, "to compare the networks with each other"),
        ((2,), 2, True, "to compare the networks with each other and with the baseline"),
        ((5,), 1, True, "to compare the network with the baseline"),
        ((7,), 3, True, ""),
    ],
)
def test_the_command_for_more_replicates_has_an_aim(looks, networks, baseline, aim):
    assert reach_of(looks, networks, baseline=baseline).aim == aim


def test_a_sweep_that_decides_nothing_names_the_command_that_trains_as_many_replicates(home):
    path = write_sweep(home, f"# Which one?\n{SPACE}").path
    reach = replicates_reach(path)
    assert (reach.planned, reach.fewest) == (2, 7)
    assert deciding_command(path, reach, on="lab") == f"rnnsweep replicate {path} --on lab --n 7"
    assert deciding_command(path, reach_of((8,), 2, baseline=True)) is None
    assert deciding_command(path, reach_of((8,), 1, baseline=False)) is None


def test_a_plan_that_decides_nothing_ends_its_remark_with_commands_to_paste(capsys):
    few = replace(looking_ahead(), looks=(3,), next="rnnsweep sweep toy --trials 4")
    _print(replace(few, deciding="rnnsweep replicate toy --n 6"))
    shown = capsys.readouterr().out
    assert "; 6 or more can:\n  rnnsweep sweep toy --trials 4 && rnnsweep replicate toy --n 6\n" in shown
    _print(few)
    assert "; 6 or more can\n" in capsys.readouterr().out, "the sweep has begun: its next command says more"


@pytest.mark.slow
def test_the_command_that_a_sweeps_start_names_runs_when_pasted(home, short_rows, capsys):
    own = f'["data.train={short_rows}", "data=files", "trainer.max_epochs=1"]'
    path = write_sweep(home, SPACE, overrides=own).path
    assert main(["sweep", str(path), "--slots", "2"]) == 0
    said = capsys.readouterr().err
    assert (
        "7 or more can. To compare the networks with each other and with the baseline at all, when this sweep"
        " has ended:" in " ".join(said.split())
    )
    assert "How many are likely to decide is said then, from the scores." in said
    command = f"rnnsweep replicate {path} --n 7"
    assert f"  {command}" in said.splitlines()
    assert main(shlex.split(command)[1:]) == 0
    assert "replicates cannot" not in " ".join(capsys.readouterr().out.split())
