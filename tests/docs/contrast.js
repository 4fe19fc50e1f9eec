// Return the texts whose contrast with what is behind them is below 4.5 to 1.
// WCAG 2.2, 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Paint colours over each other, and read what comes out.
  function mix(colours) {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3);
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
    if (!element) return "#fff";
    if (!grounds.has(element)) {
      const own = getComputedStyle(element).backgroundColor;
      const ground = behind(element.parentElement);
      grounds.set(element, own === "rgba(0, 0, 0, 0)" ? ground : `${ground}|${own}`);
    }
    return grounds.get(element);
  }

  const known = new Map();
  function contrastOf(ground, colour) {
    const key = `${ground}|${colour}`;
    if (!known.has(key)) {
      const back = ground.split("|");
      const both = [mix(back), mix([...back, colour])].map(luminance);
      const [dark, light] = both.sort((a, b) => a - b);
      known.set(key, (light + 0.05) / (dark + 0.05));
    }
    return known.get(key);
  }

  const found = [];
  const article = document.querySelector("article");
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.matches(".headerlink, style, title, desc")) continue;
    const colour = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const contrast = contrastOf(behind(element), colour);
    if (contrast < 4.5) {
      found.push(`${contrast.toFixed(2)}: ${texts.currentNode.data.trim().slice(0, 40)} (${element.className})`);
    }
  }
  return [...new Set(found)];
}
