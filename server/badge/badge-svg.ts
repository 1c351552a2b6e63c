/** What a badge shows: two fields beside each other. */
export type BadgeText = {
  label: string;
  message: string;
  /** Of the field that the message is in: six hexadecimal digits. */
  color: string;
};

const labelMax = 60;
const height = 20;
const padding = 6;

/** An SVG image of 20 px height. Its texts are fitted into their fields, whatever font the reader has. */
export function badgeSvg({ label, message, color }: BadgeText): string {
  const shown = clip(label);
  const left = textWidth(shown) + 2 * padding;
  const right = textWidth(message) + 2 * padding;
  const name = escapeXml(`${label}: ${message}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="${height}" role="img" aria-label="${name}">
<title>${name}</title>
<clipPath id="r"><rect width="${left + right}" height="${height}" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="${left}" height="${height}" fill="#555"/><rect x="${left}" width="${right}" height="${height}" fill="#${color}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" text-anchor="middle">
${text(shown, left / 2)}
${text(message, left + right / 2)}
</g>
</svg>
`;
}

/** With a shadow below, so that white can be read on every colour. */
function text(content: string, centre: number): string {
  const fitted = `textLength="${textWidth(content)}" lengthAdjust="spacingAndGlyphs">${escapeXml(content)}</text>`;
  return `<text x="${centre}" y="15" fill="#010101" fill-opacity=".3" aria-hidden="true" ${fitted}
<text x="${centre}" y="14" ${fitted}`;
}

/** About the width of a text in Verdana of 11 px; it is stretched or squeezed into it. */
function textWidth(content: string): number {
  let width = 0;
  for (const character of content) width += characterWidth(character);
  return Math.max(1, Math.round(width));
}

function characterWidth(character: string): number {
  if (/[ijlIft.,:;|!'()[\]/\\ ]/.test(character)) return 3.9;
  if (/[mwMW@%]/.test(character)) return 10.5;
  if (/[A-Z]/.test(character)) return 7.8;
  // From Hangul on, scripts and symbols that are about as wide as high.
  if (character.codePointAt(0)! >= 0x1100) return 11;
  return 6.8;
}

function clip(content: string): string {
  const characters = [...content];
  return characters.length <= labelMax ? content : `${characters.slice(0, labelMax - 1).join('')}…`;
}

/** XML 1.0 has no characters for some that a tag may hold. */
function escapeXml(content: string): string {
  return content
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
