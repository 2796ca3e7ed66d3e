(async function () {
  "use strict";
  const read = (id) => document.getElementById(id).textContent;

  async function unpackPlotly() {
    const packed = Uint8Array.from(atob(read("plotly").trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.text = await new Response(stream).text();
    document.head.appendChild(script);
  }

  function draw(figures) {
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      // Named one by one: Plotly's own choice offers to upload the chart to a server.
      modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]],
      showSendToCloud: false,
      plotlyServerURL: "",
    };
    const timed = [];
    for (const box of document.querySelectorAll("[data-figure]")) {
      const figure = figures[Number(box.dataset.figure)];
      Plotly.newPlot(box, figure.data, figure.layout, config);
      if (figure.layout.meta && figure.layout.meta.clock) timed.push(box);
    }
    return timed;
  }

  // A zoom in time in one figure zooms all of them.
  function linkZoom(boxes) {
    let busy = false;
    for (const box of boxes) {
      box.on("plotly_relayout", async (change) => {
        const range = ["xaxis.range[0]", "xaxis.range[1]"].map((key) => change[key]);
        const reset = change["xaxis.autorange"];
        if (busy || (range[0] === undefined && !reset)) return;
        busy = true;
        const update = reset
          ? { "xaxis.range": box.layout.xaxis.range, "yaxis.autorange": true }
          : { "xaxis.range": range };
        await Promise.all(boxes.filter((b) => b !== box).map((b) => Plotly.relayout(b, update)));
        busy = false;
      });
    }
  }

  function followMenu() {
    const links = new Map(
      [...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a])
    );
    const sections = [...document.querySelectorAll("section[id]")];
    const mark = () => {
      const passed = sections.filter((section) => section.getBoundingClientRect().top < 140);
      const here = passed.length ? passed[passed.length - 1].id : "";
      links.forEach((link, id) => link.classList.toggle("here", id === here));
    };
    document.addEventListener("scroll", mark, { passive: true });
    mark();
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const text = button.textContent;
      button.textContent = "copied";
      setTimeout(() => (button.textContent = text), 1200);
    });
  }

  followMenu();
  try {
    await unpackPlotly();
    linkZoom(draw(JSON.parse(read("figures"))));
  } catch (error) {
    for (const box of document.querySelectorAll("[data-figure]")) {
      box.style.height = "auto";
      box.textContent = "This chart needs a browser of 2023 or later (" + error.message + ").";
    }
  }
})();
