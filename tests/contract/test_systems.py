"""What every system of the catalogue must be, whoever wrote it."""

import inspect
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from liuli import catalog, checking
from liuli.catalog import Listing
from liuli.description import describe
from liuli.errors import UserError
from liuli.lab.road import parents
from liuli.summary import summarise
from liuli.system import Recipe, System

MOST_LINES = 330
MOST_SETTINGS = 10

every_listing = pytest.mark.parametrize("listing", catalog.listings().values(), ids=catalog.listings().keys())
every_system = pytest.mark.parametrize(
    "system", [catalog.find(one) for one in catalog.listings()], ids=lambda one: one.name
)


@every_listing
def test_listing_read_from_the_text_equals_the_system(listing: Listing) -> None:
    system = catalog.find(listing.name)
    for field in ("name", "year", "paper", "data", "target", "after"):
        assert getattr(listing, field) == getattr(system, field), field
    assert listing.task == type(system.task).__name__


@every_listing
def test_what_it_goes_on_with_is_older_and_not_imported(listing: Listing) -> None:
    for name in listing.after:
        assert catalog.listings()[name].year <= listing.year
        assert name not in [listing.name, *parents(listing)]


@every_listing
def test_file_is_named_for_the_system_and_is_short(listing: Listing) -> None:
    file = catalog.MODELS / listing.family / f"{listing.name.replace('-', '_')}.py"
    assert listing.module == f"liuli.models.{listing.family}.{file.stem}"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@every_listing
def test_docstring_has_every_part(listing: Listing) -> None:
    description = describe(listing)
    assert list(description.sections) == ["Paper", "Shapes", "Departures", "Look at"]
    assert all(description.sections.values())
    assert description.title.endswith(".")
    assert description.idea
    assert description.formula
    assert str(listing.year) in description.sections["Paper"]


@every_system
def test_recipe_is_small(system: System) -> None:
    assert len(inspect.signature(Recipe).parameters) <= MOST_SETTINGS
    assert not system.options().keys() & system.recipe.settings().keys(), "--set could mean either"


@every_system
def test_options_have_defaults_that_the_data_may_change(system: System) -> None:
    facts = system.task.drawn_facts()
    assert system.task.options(facts).keys() <= system.options().keys()
    system.build(**system.task.options(facts))
    assert inspect.Parameter.empty not in system.options().values()


@every_system
def test_target_is_a_metric_that_the_task_reports(system: System) -> None:
    batch = system.task.draw(20)
    output = system.task.respond(system.build().eval(), batch).detach()
    metrics = system.task.metrics(output, batch, system.task.drawn_facts())
    assert isinstance(metrics[system.target.metric], float)
    assert system.task.headline in metrics


@every_system
def test_answers_of_another_length_are_made_where_they_have_one(system: System) -> None:
    other = system.task.making(7)
    assert (other.makes if other else 0) == (7 if system.task.makes else 0)


@every_system
def test_gradient_reaches_every_parameter(system: System) -> None:
    torch.manual_seed(0)
    model, batch = system.build(), system.task.draw(8)
    if hasattr(model, "learn"):
        return  # it has its own way
    for phase in system.task.phases:
        torch.autograd.backward(system.task.phase_loss(phase, model, batch).loss)
    if not system.task.phases:
        torch.autograd.backward(system.task.outcome(model, batch).loss)
    without = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
    assert without == []


@every_system
def test_one_small_batch_can_be_learnt_by_heart(system: System) -> None:
    torch.manual_seed(0)
    model, batch = system.build(), system.task.draw(4)
    first = float(system.task.outcome(model.eval(), batch).loss)
    if hasattr(model, "learn"):
        for _ in range(30):
            model.learn(batch, system.recipe.optimizer.lr)
        assert float(system.task.outcome(model, batch).loss) <= first
        return
    if system.task.phases:
        return  # what one part gains the other loses
    model.train()
    for _ in range(300):
        model.zero_grad()
        loss = system.task.outcome(model, batch).loss
        torch.autograd.backward(loss)
        if loss < 0.05:
            if system.task.outcome(model.eval(), batch).loss < 0.1:
                break
            model.train()  # the averages that batch norm keeps have not caught up
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.003 * parameter.grad.sign()  # whatever the scale of the gradient
    assert system.task.outcome(model.eval(), batch).loss < (0.8 * first if system.task.has_floor else 0.1)


@every_system
def test_weights_saved_and_loaded_are_the_same_bits(system: System) -> None:
    torch.manual_seed(0)
    model, other = system.build(), system.build()
    other.load_state_dict(load(save(model.state_dict())))
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    batch = system.task.draw(3)
    outputs = [system.task.respond(one.eval(), batch) for one in (model, other)]
    assert torch.equal(*outputs)


@every_system
def test_same_seed_gives_the_same_network(system: System) -> None:
    models = []
    for _ in range(2):
        torch.manual_seed(7)
        models.append(system.build())
    assert all(torch.equal(*pair) for pair in zip(models[0].parameters(), models[1].parameters(), strict=True))


@every_system
def test_summary_counts_every_parameter(system: System) -> None:
    model = system.build()
    summary = summarise(model, system.task)
    assert sum(layer.parameters for layer in summary.layers) == summary.parameters
    assert summary.parameters == sum(one.numel() for one in model.parameters())
    assert summary.multiply_adds > 0 or summary.parameters == 0


@every_system
def test_an_oracle_stands_beside_it(system: System) -> None:
    assert checking.has_oracle(system.name), f"write tests/oracles/{system.name.replace('-', '_')}.py"


def test_names_are_unique() -> None:
    files = [path for path in catalog.MODELS.glob("*/*.py") if catalog.MARK in path.read_text(encoding="utf-8")]
    assert len(files) == len(catalog.listings())


def test_settings_go_to_the_recipe_or_the_network() -> None:
    recipe, options = catalog.find("lenet").with_settings({"classes": "26", "lr": "0.5", "epochs": "3"})
    assert options == {"classes": 26}
    assert (recipe.optimizer.lr, recipe.epochs) == (0.5, 3)
    with pytest.raises(UserError, match="did you mean 'classes'"):
        catalog.find("lenet").with_settings({"clases": "26"})
    with pytest.raises(UserError, match="did you mean 'patience'"):
        catalog.find("lenet").with_settings({"patients": "3"})


def test_options_that_no_network_has_are_refused() -> None:
    with pytest.raises(UserError, match="classes=-3"):
        catalog.find("lenet").build(classes=-3)


def test_catalogue_finds_every_model_file() -> None:
    names = {path.name for path in Path(catalog.MODELS).glob("*/*.py")} - {"__init__.py"}
    assert names == {f"{listing.module.rpartition('.')[2]}.py" for listing in catalog.listings().values()}
