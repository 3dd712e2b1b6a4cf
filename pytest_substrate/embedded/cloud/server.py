"""The cloud's process: `python -m pytest_substrate.embedded.cloud.server CONFIG.json`.

ministack is an ASGI application with its state in module globals. Running it here, instead of beside us, lets the
front correct it at its seams and see its state, with no second hop and the signature's Host header untouched.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_substrate.embedded.cloud.config import REQUIRED_MINISTACK, CloudConfig, read_config

_KEEPER = "pytest_substrate.embedded.keeper"
"""Imported after the start, as psutil takes a while."""
_GRACE_S = 0.5
"""How long tasks have to end when the cloud does."""


def main(config_file: str) -> int:
    """Serve until SIGTERM; the exit code."""
    config = read_config(Path(config_file))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    _settle_environment(config, port)
    asyncio.run(_serve(config, listener, port))
    return 0


def _settle_environment(config: CloudConfig, port: int) -> None:
    """What ministack reads from its environment when it is imported."""
    for name, value in {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": config.account,
        "MINISTACK_REGION": config.region,
        "AWS_ACCESS_KEY_ID": config.root_key,
        "AWS_SECRET_ACCESS_KEY": config.root_secret,
        "STATE_DIR": str(Path(config.folder, "state")),
        "S3_DATA_DIR": str(Path(config.folder, "s3")),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": config.log_level,
        "DOCKER_HOST": f"unix://{config.folder}/no-docker",
        "MINISTACK_WORKER_THREADS": "16",
    }.items():
        os.environ[name] = value
    sys.modules["docker"] = None  # type: ignore[assignment]  # the import system's own way to say "not here"


async def _serve(config: CloudConfig, listener: socket.socket, port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    settings = Config()
    settings.bind = [f"fd://{listener.fileno()}"]
    settings.keep_alive_timeout = 75
    settings.loglevel = config.log_level
    settings.graceful_timeout = 0.2
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    front = assemble(config, f"http://127.0.0.1:{port}")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def announce(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                _say_ready(config, port)
                threading.Thread(target=importlib.import_module, args=(_KEEPER,), daemon=True).start()

        await front(scope, receive, announce if scope["type"] == "lifespan" else send)

    await serve(application, settings, shutdown_trigger=ended.wait)
    front.tasks.end_all(_GRACE_S)


def assemble(config: CloudConfig, endpoint: str) -> Any:
    """ministack, corrected, behind the front. Once a process: ministack's state is its modules'."""
    from ministack import app as ministack

    version = ministack._version()
    if version != REQUIRED_MINISTACK:
        raise SystemExit(f"ministack {REQUIRED_MINISTACK} is needed, {version} is installed")
    from pytest_substrate.embedded.cloud import authority

    authority.install(config)
    from pytest_substrate.embedded.cloud import (
        keys,
        object_rules,
        pictures,
        policy_versions,
        precision,
        protocols,
        registry,
        roles,
        secret_values,
    )

    keys.install()
    object_rules.install()
    policy_versions.install()
    precision.install()
    protocols.install()
    registry.install(endpoint)
    roles.install()
    pictures.install(Path(config.folder, "images"))
    secret_values.install()
    from pytest_substrate.embedded.cloud.ecs_calls import Calls
    from pytest_substrate.embedded.cloud.ecs_service_calls import ServiceCalls
    from pytest_substrate.embedded.cloud.ecs_services import Services
    from pytest_substrate.embedded.cloud.ecs_start import Starter
    from pytest_substrate.embedded.cloud.ecs_tasks import Run, Tasks
    from pytest_substrate.embedded.cloud.front import Front
    from pytest_substrate.embedded.cloud.issuer import Issuer
    from pytest_substrate.embedded.cloud.msk import Clusters
    from pytest_substrate.embedded.cloud.msk_admin import Administrations
    from pytest_substrate.embedded.cloud.msk_calls import MskCalls
    from pytest_substrate.embedded.cloud.msk_scram import ScramSecrets
    from pytest_substrate.embedded.cloud.msk_topics import Topics
    from pytest_substrate.embedded.cloud.web_identity import install as install_web_identity

    issuer = Issuer(endpoint)
    install_web_identity(issuer)
    services, credentials, administrations = Services(), roles.CredentialEndpoints(), Administrations()

    def stopped(run: Run) -> None:
        credentials.close(run.task["taskArn"].rsplit("/", 1)[-1])
        services.task_stopped(run)

    tasks, clusters = Tasks(on_stopped=stopped), Clusters(config.spread_delay_s)
    starter = Starter(
        tasks=tasks, credentials=credentials, folder=Path(config.folder), endpoint=endpoint, note=_note(config)
    )
    Calls(tasks=tasks, starter=starter, services=services, steady_delay_s=config.steady_delay_s)
    ServiceCalls(services)
    MskCalls(clusters, ScramSecrets(clusters, administrations), Topics(clusters, administrations))

    def placed(address: str) -> None:
        threading.Thread(target=administrations.warm, args=(address,), daemon=True).start()

    return Front(
        ministack.app,
        token=config.control_token,
        tasks=tasks,
        clusters=clusters,
        credentials=credentials,
        issuer=issuer,
        on_placed=placed,
    )


def _note(config: CloudConfig) -> Callable[[int], None]:
    def note(pid: int) -> None:
        importlib.import_module(_KEEPER).write_down(Path(config.platform), pid)

    return note


def _say_ready(config: CloudConfig, port: int) -> None:
    draft = config.ready_file.with_suffix(".new")
    draft.write_text(json.dumps({"port": port}), encoding="utf-8")
    draft.replace(config.ready_file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
