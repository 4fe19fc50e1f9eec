// Return the texts in the article, or in what a selector finds, whose contrast with what
// is behind them is below 4.5 to 1. What is behind a text are the elements around it.
// WCAG 2.2, 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum
(within) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  function pixel() {
    return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3);
  }

  function fill(colour, opacity = 1) {
    canvas.globalAlpha = opacity;
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    canvas.globalAlpha = 1;
  }

  // Paint layers over each other: each a colour, and how much of what is in it is seen.
  function paint([[colour, opacity], ...above]) {
    const before = pixel();
    fill(colour);
    if (above.length) paint(above);
    if (opacity === 1) return;
    const after = pixel();
    fill(`rgb(${before})`);
    fill(`rgb(${after})`, opacity);
  }

  function mix(layers) {
    fill("#fff");
    paint(layers);
    return pixel();
  }

  function luminance(colour) {
    const [red, green, blue] = [...colour].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  // Most texts stand on the same ground in the same colour: each pair is looked at once.
  const grounds = new Map();
  function behind(element) {
    if (!element) return [];
    if (!grounds.has(element)) {
      const { backgroundColor, opacity } = getComputedStyle(element);
      const ground = behind(element.parentElement);
      const isSeen = backgroundColor !== "rgba(0, 0, 0, 0)" || opacity !== "1";
      grounds.set(element, isSeen ? [...ground, [backgroundColor, +opacity]] : ground);
    }
    return grounds.get(element);
  }

  const known = new Map();
  function contrastOf(ground, colour) {
    const key = `${ground.join()}|${colour}`;
    if (!known.has(key)) {
      const both = [mix([...ground, ["transparent", 1]]), mix([...ground, [colour, 1]])];
      const [dark, light] = both.map(luminance).sort((a, b) => a - b);
      known.set(key, (light + 0.05) / (dark + 0.05));
    }
    return known.get(key);
  }

  const found = [];
  function look(element, words) {
    const style = getComputedStyle(element);
    if (!words.trim() || !element.checkVisibility({ opacityProperty: true })) return;
    if (element.matches(".headerlink, style, title, desc")) return;
    const colour = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const contrast = contrastOf(behind(element), colour);
    if (contrast < 4.5) {
      found.push(`${contrast.toFixed(2)}: ${words.trim().slice(0, 40)} (${element.className})`);
    }
  }

  const root = document.querySelector(within ?? "article");
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) look(texts.currentNode.parentElement, texts.currentNode.data);
  // What a reader has typed or chosen is no text of the page's.
  for (const field of root.querySelectorAll("input, select, textarea")) look(field, "a field");
  return [...new Set(found)];
}
