"""Fetching jars with jgo, which needs neither Java nor Maven, from wherever this machine is set up to fetch from.

Repositories, in the order in which they are asked: those of jgo's own settings file, a mirror of `central` in Maven's
settings file, then jgo's default. Proxies, certificates and netrc are those of requests, so of the environment.
"""

from __future__ import annotations

import queue
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pytest_substrate.embedded.kafka.pins import Pin, sha256_of

_TOGETHER = 4
_QUIET_S = 20
"""How long a server may send nothing."""


class NotFetched(Exception):
    """A jar could not be had; the text says from where it was tried and why, without credentials."""


def repositories(home: Path | None = None) -> dict[str, str]:
    """The Maven repositories to ask, in order, by name."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    found: dict[str, str] = dict(GlobalSettings.load().repositories)
    try:
        settings = ((home or Path.home()) / ".m2" / "settings.xml").read_text(encoding="utf-8")
    except (OSError, RuntimeError):  # RuntimeError: this user has no home
        settings = ""
    if mirror := central_mirror(settings):
        found.setdefault("central", mirror)
    for name, url in MavenContext().remote_repos.items():
        found.setdefault(name, url)
    return found


def central_mirror(settings: str) -> str | None:
    """The address that Maven's settings file gives for the repository `central`, or None.

    Decides what `mirrorOf` says with names, `*`, `external:*` and `!`; not what `blocked` or credentials say.
    """
    try:
        root = ET.fromstring(settings)  # noqa: S314 - the user's own file
    except ET.ParseError:
        return None
    for mirror in root.findall("{*}mirrors/{*}mirror"):
        patterns = {part.strip() for part in mirror.findtext("{*}mirrorOf", "").split(",")}
        if patterns & {"central", "*", "external:*"} and "!central" not in patterns:
            return mirror.findtext("{*}url", "").strip().rstrip("/") or None
    return None


def fetch(pins: Sequence[Pin], folder: Path, *, sources: Mapping[str, str], deadline_s: float) -> None:
    """Fetch jars into `folder`, laid out as a Maven repository, each checked against its sha256.

    Raises NotFetched for the first that cannot be had, and once `deadline_s` seconds are over.
    """
    todo: queue.SimpleQueue[Pin] = queue.SimpleQueue()
    results: queue.SimpleQueue[NotFetched | None] = queue.SimpleQueue()
    for pin in pins:
        todo.put(pin)
    stop = threading.Event()
    for _ in range(min(_TOGETHER, len(pins))):
        # daemons: a server that trickles must not hold this process once the deadline is over
        threading.Thread(target=_work, args=(todo, results, stop, folder, sources), daemon=True).start()
    until = time.monotonic() + deadline_s
    try:
        for done in range(len(pins)):
            try:
                failed = results.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise NotFetched(f"{done} of {len(pins)} jars came within {deadline_s:.0f} s") from None
            if failed is not None:
                raise failed
    finally:
        stop.set()


def _work(
    todo: queue.SimpleQueue[Pin],
    results: queue.SimpleQueue[NotFetched | None],
    stop: threading.Event,
    folder: Path,
    sources: Mapping[str, str],
) -> None:
    while not stop.is_set():
        try:
            pin = todo.get_nowait()
        except queue.Empty:
            return
        try:
            _fetch_one(pin, folder, sources)
        except NotFetched as failed:
            results.put(failed)
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost; the fetch ends with it instead
            results.put(NotFetched(f"{pin.path.name}: {type(error).__name__}"))
        else:
            results.put(None)


def _fetch_one(pin: Pin, folder: Path, sources: Mapping[str, str]) -> None:
    from jgo.maven import MavenContext
    from requests import RequestException

    group, artifact, version = pin.coordinate
    jar = folder / pin.path
    refusals = []
    for url in sources.values():
        context = MavenContext(repo_cache=folder, remote_repos={"source": url}, timeout=_QUIET_S)
        host = urlsplit(url).hostname or "a file"
        try:
            context.project(group, artifact).at_version(version).artifact().resolve()
        except (RequestException, RuntimeError, OSError) as error:
            # not the error's own text: it may quote an address with credentials in it
            refusals.append(
                f"{host}: {'it does not serve it' if isinstance(error, RuntimeError) else type(error).__name__}"
            )
            jar.unlink(missing_ok=True)
            continue
        if sha256_of(jar) == pin.sha256:
            return
        refusals.append(f"{host}: its sha256 is not the pinned one")
        jar.unlink()
    raise NotFetched(f"{pin.path.name}: {', '.join(refusals)}")
