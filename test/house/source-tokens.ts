import { createScanner, LanguageVariant, SyntaxKind } from 'typescript/unstable/ast';

/** A token of a TypeScript source. Comments and white space are none. `value` of a string is what it stands for. */
export type Token = { kind: 'word' | 'string' | 'other'; value: string };

/** Splits a source into tokens; code within `${…}` of a template is split as well. */
export function tokensOf(source: string): Token[] {
  const scanner = createScanner(true, LanguageVariant.Standard, source);
  const tokens: Token[] = [];
  // For every open brace: whether it is the `${` of a template, whose text goes on after the closing one.
  const braces: boolean[] = [];
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (isSlash(kind) && startsRegExp(tokens.at(-1))) kind = scanner.reScanSlashToken();
    if (kind === SyntaxKind.CloseBraceToken && braces.pop()) kind = scanner.reScanTemplateToken(false);
    if (kind === SyntaxKind.OpenBraceToken) braces.push(false);
    if (kind === SyntaxKind.TemplateHead || kind === SyntaxKind.TemplateMiddle) braces.push(true);
    tokens.push({ kind: kindOf(kind), value: isString(kind) ? scanner.getTokenValue() : scanner.getTokenText() });
  }
  return tokens;
}

function isSlash(kind: SyntaxKind): boolean {
  return kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken;
}

/** After a value a slash divides; anywhere else it begins a regular expression. */
function startsRegExp(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'string') return false;
  if (before.kind === 'word')
    return ['return', 'typeof', 'case', 'in', 'of', 'void', 'await', 'yield'].includes(before.value);
  return !/^[)\]}0-9/]/.test(before.value);
}

function isString(kind: SyntaxKind): boolean {
  return kind === SyntaxKind.StringLiteral || kind === SyntaxKind.NoSubstitutionTemplateLiteral;
}

function kindOf(kind: SyntaxKind): Token['kind'] {
  if (isString(kind)) return 'string';
  return kind === SyntaxKind.Identifier || (kind >= SyntaxKind.FirstKeyword && kind <= SyntaxKind.LastKeyword)
    ? 'word'
    : 'other';
}
