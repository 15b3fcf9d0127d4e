"""For the tests of applications that are instrumented: what was recorded, as plain numbers."""

from observability.metrics.registry import Registry


def recorded(registry: Registry, name: str, **labels: str) -> float | None:
    """Value of the one sample of this name whose labels include these; None when nothing was recorded.

    Args:
        registry: `Telemetry.registry`, or the one given to `instrument`.
        name: Name of the sample as it is exposed: `..._total`, `..._count`, `..._sum`, `..._bucket`.
        labels: Label values that tell the sample from others.

    Raises:
        LookupError: Several samples have these labels.
    """
    found = list(series(registry, name, **labels).values())
    if len(found) > 1:
        msg = f"{len(found)} samples of {name} have the labels {labels}; say which one"
        raise LookupError(msg)
    return found[0] if found else None


def series(registry: Registry, name: str, **labels: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Values of every sample of this name whose labels include these, by its sorted labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def label_values(registry: Registry, name: str, label: str) -> set[str]:
    """Every value that a label of this sample took."""
    return {dict(labels)[label] for labels in series(registry, name)}
