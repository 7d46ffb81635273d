"""How a training ends: the test part answered and the result written, or the loss no number any more, and where."""

from __future__ import annotations

from torch import Tensor

from liuli.data.order import Pieces
from liuli.errors import UserError
from liuli.files import Json, write_json
from liuli.tasks.examples import Batch
from liuli.training import checkpoint
from liuli.training.hunt import hunt
from liuli.training.loop import Training
from liuli.training.place import NotFinite


def finish(training: Training, test_part: Batch) -> None:
    """Evaluate the best weights on the test part; write figures and the result.

    Who asks to pause meanwhile is heeded until the whole test part is answered; what is left then is soon done.

    Raises:
        Paused: the user asked; resuming begins here.
    """
    from liuli.training import curves

    run, system, recipe = training.run, training.run.system, training.recipe
    training.engine.set_weights(training.best)
    output = evaluate(training, test_part)
    metrics = system.task.metrics(output, test_part, run.facts)
    network = run.network()
    if training.board is not None:
        training.board.finish(network, training.steps_done)
    run.figures_folder.mkdir(exist_ok=True)
    curves.draw({run.name: run.history()}, system.task.headline, run.figures_folder / "curves.png")
    system.task.figures(output, test_part, run.facts, run.figures_folder)
    system.task.portray(network, test_part, run.facts, run.figures_folder)
    result: dict[str, Json] = {
        "system": system.name,
        "data": run.facts.name,
        "metrics": metrics,
        **system.verdict(run.facts.name, metrics),
        "seconds": training.place.seconds,
        "parameters": sum(value.numel() for value in network.parameters()),
        "epochs": training.place.epoch,
        "best_epoch": training.place.best_epoch,
        "stopped": training.cut_short,
        "headline": system.task.headline,
        "seed": recipe.seed,
        "variant": run.facts.variant,
        **{key: run.record[key] for key in ("engine", "device", "command", "commit", "versions", "machine")},
    }
    write_json(run.folder / "result.json", result)
    run.stop_file.unlink(missing_ok=True)
    run.update(state="finished")


def evaluate(training: Training, part: Batch) -> Tensor:
    """Responses to a whole part, on the CPU."""
    engine, task = training.engine, training.task
    pieces = Pieces(part, task.at_once, task.lengths(part), task.cut)
    responses = []
    for piece in pieces.batches:
        training.pause_if_asked()
        responses.append(engine.respond(tuple(one.to(engine.device) for one in piece)).cpu())
    return pieces.joined(responses)


def explained(training: Training, failure: NotFinite) -> UserError:
    """Find out where the loss ceased to be a number, keep the last good weights, and say so."""
    run = training.run
    network = run.system.build(**run.options).to(training.engine.device)
    finding = hunt(training, failure, network)
    steps = training.batches.steps
    where = f"at step {(finding.step - 1) % steps + 1} of epoch {(finding.step - 1) // steps + 1}"
    kept = f"the best weights, of epoch {training.place.best_epoch},"
    if not training.best:
        training.best, kept = training.engine.weights(), "the last good weights"
    if training.world.first:
        checkpoint.write_weights(run.weights_file, training.best)
        run.update(state="failed", reason=f"the loss became {failure.value} {where}, first {finding.what}")
    return UserError(
        f"{run.system.name}: the loss became {failure.value} {where}; the first that was no number is {finding.what}; "
        f"{kept} are kept in {run.weights_file}; "
        f"try a lower rate (--set lr={training.recipe.optimizer.lr / 10:g}) or --set clip=1"
    )
