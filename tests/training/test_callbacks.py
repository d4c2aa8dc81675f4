from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy

from posereg.codecs.grid import grid_of
from posereg.losses.integral import disc_cross_entropy
from posereg.training.callbacks import FiniteLoss, LearningRates, NotFiniteError, StepSeed, Throughput


def trainer(**more):
    return SimpleNamespace(global_step=7, strategy=SingleDeviceStrategy(), global_rank=0, **more)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_stops_at_the_next_look(value):
    finite = FiniteLoss(every=3)
    for k, loss in enumerate([1.0, value]):
        finite.on_train_batch_end(trainer(), None, {"loss": torch.tensor(loss)}, None, k)
    with pytest.raises(NotFiniteError, match="step 7"):
        finite.on_train_batch_end(trainer(), None, {"loss": torch.tensor(1.0)}, None, 2)
    finite.on_train_batch_end(trainer(), None, {"loss": torch.tensor(value)}, None, 3)
    with pytest.raises(NotFiniteError):
        finite.on_train_epoch_end(trainer(), None)


def test_finite_losses_pass():
    finite = FiniteLoss(every=2)
    for k in range(4):
        finite.on_train_batch_end(trainer(), None, {"loss": torch.tensor(float(k))}, None, k)
    finite.on_train_epoch_end(trainer(), None)


def test_random_numbers_do_not_depend_on_what_was_drawn_before():
    def draw(seed, rank, epoch, batch):
        at = SimpleNamespace(current_epoch=epoch, global_rank=rank)
        StepSeed(seed).on_train_batch_start(at, None, None, batch)
        return torch.rand(3).tolist()

    base = draw(1, 0, 2, 3)
    torch.rand(100)
    assert draw(1, 0, 2, 3) == base
    others = [(2, 0, 2, 3), (2**32 - 1, 0, 2, 3), (1, 1, 2, 3), (1, 0, 3, 3), (1, 0, 2, 4)]
    assert all(draw(*other) != base for other in others)


def test_the_numbers_are_those_of_torch_seeded_as_a_whole(monkeypatch):
    """The cheaper way to seed changes no figure; the other devices' generators are seeded where they are in use."""
    seeds = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    StepSeed(1).on_train_batch_start(SimpleNamespace(current_epoch=2, global_rank=0), None, None, 3)
    drawn = torch.rand(5)
    (seed,) = seeds
    torch.default_generator.manual_seed(seed)
    assert torch.equal(torch.rand(5), drawn)
    monkeypatch.undo()
    torch.manual_seed(seed)
    assert torch.equal(torch.rand(5), drawn)


def test_every_seed_draws_negatives_of_its_own_and_a_repeated_step_the_same():
    keypoints, weight = torch.full((1, 1, 2), 40.0), torch.ones(1, 1)
    grid = grid_of(torch.zeros(1, 1, 16, 16), (64, 64), "center")

    def negatives(seed):
        """The cells that a step of H3 takes, seen in the gradient."""
        at = SimpleNamespace(current_epoch=1, global_rank=0)
        maps = torch.zeros(1, 1, 16, 16, requires_grad=True)
        StepSeed(seed).on_train_batch_start(at, None, None, 5)
        disc_cross_entropy(maps, keypoints, weight, grid).backward()
        return tuple((maps.grad > 0).flatten().nonzero().flatten().tolist())

    drawn = [negatives(seed) for seed in range(8)]
    assert len(set(drawn)) == 8
    assert [negatives(seed) for seed in range(8)] == drawn


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ([{"lr": 0.5}], {"lr": 0.5}),
        (
            [{"lr": 0.5, "part": "detector"}, {"lr": 0.0, "part": "rest"}],
            {"lr/detector": 0.5, "lr/rest": 0.0},
        ),
        ([{"lr": 0.5}, {"lr": 0.25}], {"lr/0": 0.5, "lr/1": 0.25}),
    ],
)
def test_learning_rates_are_those_of_the_last_step(groups, names):
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in groups]
    optimizer = torch.optim.SGD(
        [{"params": [p], **group} for p, group in zip(parameters, groups, strict=True)], lr=1
    )
    rates, logged = LearningRates(), {}
    rates.on_train_batch_start(SimpleNamespace(optimizers=[optimizer]), None, None, 0)
    optimizer.param_groups[0]["lr"] = 9.0  # a schedule's step at the epoch's end
    rates.on_train_epoch_end(None, SimpleNamespace(log_dict=lambda rates, **_: logged.update(rates)))
    assert logged == names


def test_throughput_counts_images_after_the_first_steps_also_when_an_epoch_is_gone_on_with():
    throughput = Throughput(skip=1)
    batch = {"image": torch.zeros(4, 2, 2, 3)}
    for k in range(3, 6):  # no on_train_epoch_start: the run goes on within an epoch
        throughput.on_train_batch_start(None, None, batch, k)
        throughput.on_train_batch_end(SimpleNamespace(world_size=2), None, None, batch, k)
    assert throughput.images == 2 * 4 * 2
    assert throughput.summary()["images_per_s"] > 0
