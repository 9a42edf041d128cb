"use strict";
// Shows the values of all lines under the pointer. The page is complete without it.
for (const plot of document.querySelectorAll(".plot")) {
  const data = JSON.parse(plot.querySelector("script").textContent);
  const cursor = plot.querySelector(".cursor");
  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;
  plot.append(readout);

  const number = value => {
    if (data.percent) return (100 * value).toFixed(1) + " %";
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  };
  const nearest = (xs, x) => {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle; else high = middle;
    }
    return x - xs[low] <= xs[high] - x ? low : high;
  };
  const hide = () => { readout.hidden = true; cursor.setAttribute("hidden", ""); };

  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("pointermove", event => {
    const box = plot.querySelector("svg").getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width - data.left) / (1 - data.left - data.right);
    if (share < 0 || share > 1) return hide();
    const x = data.low + share * (data.high - data.low);
    const rows = document.createDocumentFragment();
    const head = document.createElement("b");
    const longest = data.lines.reduce((a, b) => a.x.length >= b.x.length ? a : b);
    head.textContent = data.name + " " + Math.round(longest.x[nearest(longest.x, x)]);
    rows.append(head);
    for (const line of data.lines) {
      const row = document.createElement("div");
      const dot = document.createElement("i");
      dot.style.background = line.color;
      row.append(dot, line.name + "  " + number(line.y[nearest(line.x, x)]));
      rows.append(row);
    }
    readout.replaceChildren(rows);
    readout.hidden = false;
    const place = data.left + share * (1 - data.left - data.right);
    cursor.removeAttribute("hidden");
    cursor.setAttribute("x1", place * data.width);
    cursor.setAttribute("x2", place * data.width);
    const left = place * box.width;
    readout.style.left = left + 14 + readout.offsetWidth > box.width ? left - 14 - readout.offsetWidth + "px" : left + 14 + "px";
  });
}
