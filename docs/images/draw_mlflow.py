"""Draw the demo's sweep in MLflow's own pages anew: its trials unfolded, and its files.

usage: mlflow ui --backend-store-uri sqlite:///out/mlflow.db --port 5000 &
       python docs/images/draw_mlflow.py http://127.0.0.1:5000 EXPERIMENT_ID RUN_ID
RUN_ID is what crossbook sweep prints. Needs Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp

_PORT = 9333
_SIZE = (1500, 900)
_CLOSE = "[data-component-id='mlflow.assistant.chat_panel.close']"
_UNFOLD = "[data-component-id$='runnamecellrenderer.tsx_46']"
_COLUMNS = "[data-component-id$='columnselector.tsx_315']"
_SHOWN = ("Source", "Models", "Dataset", "best.deflated_sharpe", "pnl", "drawdown", "sharpe")
"""Columns to toggle: the first three are shown unless told otherwise."""
_SEARCH = """
(() => {
  const field = document.querySelector('input[placeholder="Search columns"]');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, '%s');
  field.dispatchEvent(new Event('input', { bubbles: true }));
})()
"""
_TOGGLE = """
(() => {
  for (const node of document.querySelectorAll('[class*="tree-treenode"]'))
    if (node.innerText.trim() === '%s') node.querySelector('[class*="tree-checkbox"]').click();
})()
"""
_HIDE_PATH = """
(() => {
  for (const node of document.querySelectorAll('div, span'))
    if ((node.innerText || '').startsWith('Path: file:')) node.style.visibility = 'hidden';
})()
"""


async def draw(address: str, experiment: str, run: str, folder: Path) -> None:
    """Take a picture of the list of runs and one of the sweep's files."""
    runs = f"{address}/#/experiments/{experiment}/runs"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(await _page(session), max_msg_size=0) as socket,
    ):
        steps = [_click(_CLOSE), _click(_UNFOLD), _click(_COLUMNS)]
        for column in _SHOWN:
            steps += [_SEARCH % column, _TOGGLE % column]
        await _picture(socket, runs, [*steps, _click(_COLUMNS)], folder / "mlflow.png")
        files = f"{runs}/{run}/artifacts/sweep.html"
        await _picture(socket, files, [_HIDE_PATH], folder / "mlflow_artifacts.png")


async def _page(session: aiohttp.ClientSession) -> str:
    """Wait for the browser and return where to talk to its page."""
    while True:
        try:
            async with session.get(f"http://127.0.0.1:{_PORT}/json") as answer:
                pages = await answer.json()
            return next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page")
        except aiohttp.ClientError:
            await asyncio.sleep(0.5)


async def _picture(
    socket: aiohttp.ClientWebSocketResponse, address: str, steps: list[str], file: Path
) -> None:
    await _call(socket, "Page.navigate", url=address)
    await asyncio.sleep(20)
    for step in steps:
        await _call(socket, "Runtime.evaluate", expression=step)
        await asyncio.sleep(2)
    shot = await _call(socket, "Page.captureScreenshot", format="png")
    file.write_bytes(base64.b64decode(shot["data"]))


def _click(button: str) -> str:
    return f'document.querySelector("{button}").click()'


async def _call(socket: aiohttp.ClientWebSocketResponse, method: str, **given: Any) -> Any:
    await socket.send_str(json.dumps({"id": 1, "method": method, "params": given}))
    while True:
        answer = json.loads(await socket.receive_str())
        if answer.get("id") == 1:
            return answer.get("result", answer)


def with_browser(work: Coroutine[Any, Any, None]) -> None:
    """Start Chromium, draw, end it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("no Chromium on the path")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--remote-debugging-port={_PORT}",
                f"--user-data-dir={profile}",
                f"--window-size={_SIZE[0]},{_SIZE[1]}",
                "about:blank",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            asyncio.run(work)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    with_browser(draw(*sys.argv[1:4], Path(__file__).parent))
