/**
 * Markup as text: elements with attributes, everything that comes from outside escaped. Pure. Plots and the page are written with it;
 * nothing else here builds a tag.
 */

/** Attribute → value; one that is undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** `<name …>children</name>`; without children the element is closed at once. `children` is markup. */
export function element(
  name: string,
  attributes: Attributes,
  children: string | readonly string[] = '',
): string {
  const inner = typeof children === 'string' ? children : children.join('');
  const open = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escapeText(value!)}"`)
    .join('');
  return inner === '' ? `<${name}${open}/>` : `<${name}${open}>${inner}</${name}>`;
}

/** Text as it may stand between tags, or in an attribute. */
export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A coordinate with two digits behind the point at most: a hundredth of a pixel is enough, and the file stays small. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
