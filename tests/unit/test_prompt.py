"""La connexion au noyau : le délai de Nagle est levé avant que le premier message parte."""

import importlib.util

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from tests.course import ROOT


def test_nagle_is_off_before_the_kernel_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("prompt", ROOT / "lab" / "prompt.py")
    assert spec and spec.loader
    prompt = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prompt)
    events: list[object] = []

    class Handler:
        def set_nodelay(self, value: bool) -> None:
            events.append(value)

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: events.append("noyau"))
    monkeypatch.setattr(prompt.PromptConnection, "websocket_handler", Handler())
    prompt.PromptConnection.connect(prompt.PromptConnection.__new__(prompt.PromptConnection))
    assert events == [True, "noyau"]
