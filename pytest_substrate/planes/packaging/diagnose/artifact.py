"""PKG-020 of an image's bytes: digests, sizes, types, platform, and the labels of the contract. Pure."""

from __future__ import annotations

from dataclasses import replace

from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.packaging.diagnose.telling import first_of, names
from pytest_substrate.planes.packaging.image.contents import Contents, Contract
from pytest_substrate.planes.packaging.image.facts import Refutation
from pytest_substrate.planes.packaging.image.files import LARGEST_METADATA


def diagnose_artifact(seen: Contents | Refutation | Unobserved, contract: Contract) -> Diagnosis:
    """Whether the image is what its digest says, for its platform, with the declared labels."""
    if isinstance(seen, Unobserved):
        told = unseen(seen, "the image")
        return told if seen.detail is None else replace(told, message=f"the image could not be observed: {seen.detail}")
    if isinstance(seen, Refutation):
        return violated(seen.cause, seen.message, image_digest=admitted("image_digest", seen.digest))
    image = seen.image
    facts: dict[str, FactValue] = {
        "image_digest": admitted("image_digest", image.digest),
        "manifest_digest": admitted("manifest_digest", image.manifest_digest),
        "platform": admitted("platform", str(image.config.platform)),
        "layers": image.layers,
    }
    if seen.installed.too_large:
        large = first_of([f"{place} has more than {LARGEST_METADATA} bytes" for place in seen.installed.too_large])
        return violated("image-corrupt", large, files=names("files", seen.installed.too_large)).with_facts(facts)
    wrong = [name for name, value in contract.labels.items() if image.config.labels.get(name) != value]
    if wrong:
        said = [f"the label {name} {'differs' if name in image.config.labels else 'is missing'}" for name in wrong]
        return violated("label-differs", first_of(said), labels=names("labels", wrong)).with_facts(facts)
    return passed("every byte of the image is what its digest says").with_facts(facts)
