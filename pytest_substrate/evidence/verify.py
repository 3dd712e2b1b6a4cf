"""Whether evidence proves what somebody is about to rely on. Pure: bytes, keys, a declaration and a time in; reasons
against it out, and none is the only yes.

The order is that of trust. First the form; then the signature, over the bytes as they are, by a key that the caller
pinned; only then what the statement says: of what, when, where, by whom; and last its records, judged again.
Nothing in the file vouches for the file: no key, no declaration, no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pytest_substrate.evidence.document import Predicate, Statement, read_statement
from pytest_substrate.evidence.envelope import Envelope, NotEvidence, read_envelope
from pytest_substrate.evidence.refusal import Refusal
from pytest_substrate.evidence.rejudge import rejudge
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.outcome import Plane, TargetKind

if TYPE_CHECKING:
    from pytest_substrate.evidence.keys import PublicKey
    from pytest_substrate.model.declaration import Declaration

SKEW: Final = timedelta(seconds=60)
"""How far a runner's clock may be ahead of the verifier's before its evidence counts as from the future."""

JUDGE: Final = "pytest_substrate.running.house.House"
"""Who judges in a real run (`running.house`); a stand-in of a test has another name."""

_IMAGE: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:(?:sts|iam)::(\d{12}):(.+)")


def verify_evidence(
    evidence: bytes,
    *,
    keys: Sequence[PublicKey] = (),
    declaration: bytes | None = None,
    require: Collection[Plane] = (),
    digests: Collection[str] = (),
    max_age: timedelta | None = None,
    environment: str | None = None,
    now: datetime,
    allow_unsigned: bool = False,
    allow_embedded: bool = False,
    allow_waivers: bool = False,
    versions: Collection[str] | None = None,
) -> tuple[Refusal, ...]:
    """Why the evidence in these bytes is no proof, in the order of trust; empty where it is one.

    `declaration` are the bytes of the file at the protected commit; without them the statement is only held against
    itself. `digests` are image digests (`sha256:…`) that must be among those proven. `max_age` is counted from the
    oldest observation. `versions` are the plugin's versions whose evidence is understood: by default this one.
    BadInput where the declaration can't be used; ValueError for a digest that is none, or a time without a zone.
    """
    if now.tzinfo is None:
        raise ValueError("now has no time zone")
    images = [_image(digest) for digest in digests]
    declared = None if declaration is None else read_declaration(declaration, name="the declaration")
    try:
        envelope = read_envelope(evidence)
        refused = tuple(_signature(evidence, envelope, keys, allow_unsigned=allow_unsigned))
        if refused:
            return refused
        statement = read_statement(envelope.payload)
    except NotEvidence as error:
        return (Refusal(reason=error.reason, message=error.message),)
    predicate = statement.predicate
    found = [
        *_maker(predicate, versions),
        *_times(predicate, now=now, max_age=max_age),
        *_place(predicate, environment=environment, allow_embedded=allow_embedded),
        *_declaration(predicate, declaration, declared),
        *_demands(statement, require, images),
        *rejudge(statement, declared, now=now, allow_waivers=allow_waivers),
    ]
    return tuple(dict.fromkeys(found))


def _image(digest: str) -> str:
    found = _IMAGE.fullmatch(digest)
    if found is None:
        raise ValueError("not a digest of the form sha256:…")
    return found[1]


def _signature(
    evidence: bytes, envelope: Envelope, keys: Sequence[PublicKey], *, allow_unsigned: bool
) -> Iterator[Refusal]:
    if not envelope.signatures:
        if not allow_unsigned:
            yield Refusal(reason="unsigned", message="nobody signed it: `substrate seal` does, in a job of its own")
        return
    if not keys:
        yield Refusal(reason="unchecked", message="it is signed, but no key was given to check that with")
        return
    if evidence != envelope.to_text().encode():
        yield Refusal(reason="edited", message="its bytes are not those that were written when it was signed")
    trusted = {key.keyid: key for key in keys}
    ours = [(trusted[one.keyid], one.sig) for one in envelope.signatures if one.keyid in trusted]
    if not ours:
        signers = ", ".join(one.keyid[:12] for one in envelope.signatures[:3])
        yield Refusal(
            reason="wrong-key",
            message=f"it is signed by {signers}…, and not by the key {', '.join(key.keyid[:12] for key in keys)}…",
        )
    elif len({key.keyid for key, _ in ours}) < len(ours):
        yield Refusal(reason="edited", message="one key's signature stands in it twice")
    elif not all(key.fits(signature, envelope.signed_bytes) for key, signature in ours):
        yield Refusal(reason="edited", message="the signature doesn't fit: it was edited after it was signed")


def _maker(predicate: Predicate, versions: Collection[str] | None) -> Iterator[Refusal]:
    plugin = predicate.plugin
    if versions is None:
        from importlib.metadata import version

        versions = (version("pytest-substrate"),)
    if plugin.name != "pytest-substrate" or plugin.version not in versions:
        known = ", ".join(versions)
        yield Refusal(
            reason="unknown-version",
            message=f"{plugin.name} {plugin.version} made it, and pytest-substrate {known} is understood here",
        )
    if plugin.judged_by != JUDGE:
        yield Refusal(reason="stand-in", message=f"{plugin.judged_by} judged, which is not the plugin itself")
    options = predicate.options
    if "adhoc" not in options or options["adhoc"].value is not False:
        yield Refusal(reason="adhoc", message="the run was ad hoc, or doesn't say that it was not")
    if "fault" not in options or options["fault"].value != []:
        yield Refusal(reason="faults", message="the platform was broken on purpose, or the run doesn't say otherwise")
    told = (predicate.target.kind.value, predicate.vantage.value)
    if tuple(options[name].value if name in options else None for name in ("target", "vantage")) != told:
        yield Refusal(reason="options", message="target or vantage are not those that the run was asked for")
    if predicate.target.vantage not in (None, predicate.vantage):
        yield Refusal(reason="options", message="the target's vantage is not the run's")


def _times(predicate: Predicate, *, now: datetime, max_age: timedelta | None) -> Iterator[Refusal]:
    run = predicate.run
    times = {"started": run.started, "finished": run.finished, "its oldest observation": run.oldest_observation}
    for name, moment in times.items():
        if moment - now > SKEW:
            yield Refusal(
                reason="future",
                message=f"{name} is {_stamp(moment)}, which is more than {SKEW.seconds} s after now ({_stamp(now)})",
            )
    if run.started > run.finished or run.oldest_observation > run.finished:
        yield Refusal(reason="times", message="it says that the run finished before it started or observed anything")
    if max_age is not None and now - run.oldest_observation > max_age:
        yield Refusal(
            reason="stale",
            message=f"its oldest observation is of {_stamp(run.oldest_observation)}, "
            f"{_age(now - run.oldest_observation)} ago; {_age(max_age)} is allowed",
        )


def _place(predicate: Predicate, *, environment: str | None, allow_embedded: bool) -> Iterator[Refusal]:
    target = predicate.target
    if target.kind is not TargetKind.AWS and not allow_embedded:
        yield Refusal(reason="embedded", message=f"it was made on the target {target.kind.value}, which is not AWS")
    if environment is not None and target.environment != environment:
        yield Refusal(reason="environment", message=f"it is of {target.environment!r}, not of {environment!r}")
    principal = _PRINCIPAL.fullmatch(predicate.observer or "")
    if principal is None:
        yield Refusal(reason="observer", message="it doesn't say who observed")
    elif principal[1] != target.account:
        yield Refusal(reason="observer", message=f"its observer is of account {principal[1]}, not {target.account}")


def _declaration(predicate: Predicate, raw: bytes | None, declared: Declaration | None) -> Iterator[Refusal]:
    if raw is None or declared is None:
        return
    digest = declared.digest(raw.decode()).removeprefix("sha256:")
    if predicate.declaration.sha256 != digest:
        yield Refusal(
            reason="declaration",
            message=f"it proves a declaration sha256:{predicate.declaration.sha256[:12]}…, not sha256:{digest[:12]}…",
        )
    target = predicate.target
    for name in ("environment", "account", "region"):
        told, demanded = getattr(target, name), getattr(declared, name)
        if told != demanded:
            yield Refusal(reason=name, message=f"it is of {name} {told!r}, and the declaration is of {demanded!r}")
    role = declared.observer.role if declared.observer is not None else None
    if target.observer_role != role:
        yield Refusal(reason="observer", message="its observer's role is not the declaration's")
    if role is not None and target.kind is TargetKind.AWS and not _is_session_of(predicate.observer, role):
        yield Refusal(reason="observer", message=f"its observer was not {role}")


def _is_session_of(principal: str | None, role: str) -> bool:
    found = _PRINCIPAL.fullmatch(principal or "")
    return found is not None and found[2].startswith(f"assumed-role/{role.rpartition('/')[2]}/")


def _demands(statement: Statement, require: Collection[Plane], images: Sequence[str]) -> Iterator[Refusal]:
    for plane in require:
        if plane not in statement.predicate.planes:
            yield Refusal(reason="plane-missing", message=f"{plane.value} is required, and the run didn't demand it")
    proven = {subject.digest.sha256 for subject in statement.subject[1:]}
    for image in images:
        if image not in proven:
            yield Refusal(reason="digest", message=f"the image sha256:{image} is not among those that it proves")


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _age(length: timedelta) -> str:
    return str(timedelta(seconds=int(length.total_seconds())))
