"""Draw docs/images/mlflow.png anew: the demo's sweep in MLflow's own page, trials unfolded.

usage: mlflow ui --backend-store-uri sqlite:///out/mlflow.db --port 5000 &
       python docs/images/draw_mlflow.py http://127.0.0.1:5000 EXPERIMENT_ID   (needs Chromium)
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
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


async def draw(address: str, experiment: str, file: Path) -> None:
    """Open the list of runs, unfold what can be unfolded, take a picture."""
    async with aiohttp.ClientSession() as session:
        for _ in range(60):
            try:
                async with session.get(f"http://127.0.0.1:{_PORT}/json") as answer:
                    pages = await answer.json()
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.5)
        page = next(p for p in pages if p["type"] == "page")
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            await _call(socket, "Page.navigate", url=f"{address}/#/experiments/{experiment}/runs")
            await asyncio.sleep(20)
            steps = [_click(_CLOSE), _click(_UNFOLD), _click(_COLUMNS)]
            for column in _SHOWN:
                steps += [_SEARCH % column, _TOGGLE % column]
            for step in [*steps, _click(_COLUMNS)]:
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


def main() -> None:
    """Start Chromium, draw, end it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("no Chromium on the path")
    with tempfile.TemporaryDirectory() as profile:
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
            file = Path(__file__).with_name("mlflow.png")
            asyncio.run(draw(sys.argv[1].rstrip("/"), sys.argv[2], file))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
