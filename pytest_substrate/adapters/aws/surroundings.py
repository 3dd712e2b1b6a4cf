"""What the environment and the profiles hold that could bend a request: names and places, no secrets."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from pytest_substrate.targets.guard import (
    ENVIRONMENT_VARIABLE,
    Bundle,
    Proxy,
    Surroundings,
    address_of_proxy,
)

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_BUNDLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


Setting: TypeAlias = tuple[str, str, str]
"""Key, place and value."""


def observe_surroundings(environ: Mapping[str, str], home: Path) -> Surroundings:
    """Read the environment, the profile in use with those that it builds on, and the user's models folder."""
    files = [
        Path(environ.get(variable) or home / default).expanduser()
        for variable, default in (
            ("AWS_CONFIG_FILE", ".aws/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
        )
    ]
    settings, broken = _profile_settings(environ, files)
    models = home / ".aws" / "models"
    set_ = {name: value for name, value in environ.items() if value}
    regions = [(f"the variable {name}", set_[name]) for name in _REGIONS if name in set_]
    return Surroundings(
        endpoints=(
            *(
                f"the variable {name}"
                for name in sorted(environ)
                if name.startswith("AWS_ENDPOINT_URL") and environ[name]
            ),
            *(where for key, where, _ in settings if key in ("endpoint_url", "services")),
        ),
        models=(
            *(("the variable AWS_DATA_PATH",) if "AWS_DATA_PATH" in set_ else ()),
            *((str(models),) if any(path.is_file() for path in models.rglob("*")) else ()),
        ),
        proxies=tuple(
            Proxy(where=f"the variable {name}", address=address_of_proxy(set_[name]))
            for upper in _PROXIES
            for name in (upper, upper.lower())
            if name in set_
        ),
        no_proxy=set_.get("no_proxy") or set_.get("NO_PROXY") or "",
        bundles=(
            *(Bundle(where=f"the variable {name}", path=set_[name]) for name in _BUNDLES if name in set_),
            *(Bundle(where=where, path=value) for key, where, value in settings if key == "ca_bundle"),
        ),
        regions=tuple(regions or [(where, value) for key, where, value in settings if key == "region"]),
        environment=(
            (f"the variable {ENVIRONMENT_VARIABLE}", set_[ENVIRONMENT_VARIABLE])
            if ENVIRONMENT_VARIABLE in set_
            else None
        ),
        broken=broken,
    )


def _profile_settings(environ: Mapping[str, str], files: list[Path]) -> tuple[list[Setting], str | None]:
    """What bends requests in the profile in use and in those that it builds on; why it can't be read."""
    from botocore.configloader import raw_config_parse
    from botocore.exceptions import ConfigNotFound, ConfigParseError

    profiles: dict[str, list[tuple[Path, Mapping[str, Any]]]] = {}
    for file in files:
        try:
            sections = raw_config_parse(str(file), parse_subsections=False)
        except ConfigNotFound:
            continue
        except ConfigParseError:
            return [], f"{file} can't be parsed as a file of profiles"
        for title, section in sections.items():
            profiles.setdefault(_profile_name(title), []).append((file, section))
    named = environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE")
    if named and named not in profiles:
        return [], f"the profile {named} is in none of {', '.join(map(str, files))}"
    return list(_bending(profiles, named or "default")), None


def _bending(profiles: Mapping[str, list[tuple[Path, Mapping[str, Any]]]], own: str) -> Iterator[Setting]:
    names = [own]
    for name in names:
        for file, section in profiles.get(name, ()):
            for key in ("endpoint_url", "services", "ca_bundle", *(("region",) if name == own else ())):
                if section.get(key):
                    yield key, f"{key} of the profile {name} in {file}", str(section[key])
            source = str(section.get("source_profile", own))
            if source not in names:
                names.append(source)  # the loop goes on with it


def _profile_name(title: str) -> str:
    """`[profile x]`, `[profile "x y"]` in the one file, `[x]` in the other."""
    try:
        words = shlex.split(title)
    except ValueError:
        return title
    return words[1] if len(words) == 2 and words[0] == "profile" else title
