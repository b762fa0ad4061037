"""Scripts of random steps: made from a seed, run on a fresh database, cut down when they find something."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.server.scope.proof.pack import MODELS
from tests.server.scope.proof.steps import STEPS
from tests.server.scope.proof.world import World

Step = tuple[str, int]
Fresh = Callable[[str], World]
"""A new world of the model with this name."""


def script_of(seed: int, steps: int) -> tuple[str, list[Step]]:
    """A model and steps. The first ones fill the org."""
    random = Random(seed)
    model = sorted(MODELS)[seed % len(MODELS)]
    names = random.choices(list(STEPS), [weight for weight, _ in STEPS.values()], k=steps)
    first = [*["make"] * 12, "assign", "assign", *["rule"] * 6, "sync_all"]
    return model, [(name, random.getrandbits(32)) for name in (*first, *names, "sync_all", "sync_all")]


def run_script(fresh: Fresh, model: str, steps: list[Step]) -> None:
    """Run the steps; in the end everybody syncs."""
    world = fresh(model)
    try:
        for name, seed in steps:
            STEPS[name][1](Random(seed), world)
            world.look()
        world.end_slow()
        for device in world.devices:
            device.sync()
    finally:
        world.close()


def fails(fresh: Fresh, model: str, steps: list[Step]) -> BaseException | None:
    """What is wrong with a script's outcome; None when nothing is."""
    try:
        run_script(fresh, model, steps)
    except Exception as wrong:  # noqa: BLE001
        return wrong
    return None


def cut_down(fresh: Fresh, model: str, steps: list[Step], tries: int = 150) -> list[Step]:
    """A shorter script that fails in the same way."""
    size = len(steps) // 2
    kind = _kind(fails(fresh, model, steps))
    while size and tries:
        start = 0
        while start < len(steps) and tries:
            shorter = [*steps[:start], *steps[start + size :]]
            tries -= 1
            if _kind(fails(fresh, model, shorter)) == kind:
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def _kind(wrong: BaseException | None) -> str:
    """The words of an error without ids and numbers."""
    words = [word for word in str(wrong).split() if word.isalpha()]
    return f"{type(wrong).__name__} {' '.join(words)}"
