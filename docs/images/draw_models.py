"""Draw MLflow's comparison of the versions of a registered model anew.

usage: crossbook planted --minutes 90 --seed 5 --venues 1 --level quotes
       crossbook model train planted_quotes --news planted_news --horizon 3s --folds 2 --model MODEL
       mlflow ui --backend-store-uri sqlite:///out/mlflow.db --port 5000 &
       python docs/images/draw_models.py http://127.0.0.1:5000 volatility.ash.PLT.3s
The second once for each model. Needs Chromium.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote

import aiohttp
from draw_mlflow import _CLOSE, _click, _page, _picture, with_browser

_SHOWN = ("Run Name:", "kind")
_FOLD = """
(() => {
  document.body.style.zoom = 0.8;
  for (const node of document.querySelectorAll('button, [role=button]'))
    if (node.innerText.trim() === 'Visualizations') node.click();
})()
"""
_ONLY = """
(() => {
  const kept = new Set(%s);
  for (const row of document.querySelectorAll('tr')) {
    const head = row.querySelector('th, td');
    if (head && !kept.has(head.innerText.trim())) row.style.display = 'none';
  }
})()
"""


async def draw(address: str, name: str, folder: Path) -> None:
    """Take a picture of all versions' runs side by side."""
    ajax = f"{address}/ajax-api/2.0/mlflow/model-versions/search"
    async with aiohttp.ClientSession() as session:
        async with session.get(ajax, params={"filter": f"name='{name}'"}) as answer:
            versions = (await answer.json())["model_versions"]
        run_ids = [entry["run_id"] for entry in sorted(versions, key=lambda v: int(v["version"]))]
        run = f"{address}/ajax-api/2.0/mlflow/runs/get"
        async with session.get(run, params={"run_id": run_ids[0]}) as answer:
            experiment = (await answer.json())["run"]["info"]["experiment_id"]
        compared = (
            f"runs={quote(json.dumps(run_ids))}&experiments={quote(json.dumps([experiment]))}"
        )
        async with session.ws_connect(await _page(session), max_msg_size=0) as socket:
            page = f"{address}/#/compare-runs?{compared}"
            steps = [_click(_CLOSE), _FOLD, _ONLY % json.dumps(_SHOWN)]
            await _picture(socket, page, steps, folder / "mlflow_models.png")


if __name__ == "__main__":
    with_browser(draw(*sys.argv[1:3], Path(__file__).parent))
