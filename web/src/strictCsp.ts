// Lets libraries that insert <style> elements work under `style-src 'self'`, without 'unsafe-inline'.
//
// xterm.js and react-aria set `textContent` of style elements, and xterm's DOM renderer sets `style` attributes. A strict
// policy blocks both, but not the same rules in constructed style sheets and through the CSS object model, because only a
// script that already runs can reach those. So rules go there instead.

/** Stands in for a <style> element, which a strict policy reports even when it is empty. */
function standIn(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  let rules = '';
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  element.hidden = true;
  Object.defineProperty(element, 'textContent', {
    get: () => rules,
    set: (text: string | null) => {
      rules = text ?? '';
      sheet.replaceSync(rules);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((adopted) => adopted !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

export function adoptInsertedStyles(): void {
  const createElement = document.createElement;
  document.createElement = function (this: Document, name: string, options?: ElementCreationOptions): HTMLElement {
    return name === 'style'
      ? standIn(createElement.call(this, 'adopted-style'))
      : createElement.call(this, name, options);
  } as typeof document.createElement;

  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name: string, value: string) {
    if (name === 'style' && this instanceof HTMLElement) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
}
